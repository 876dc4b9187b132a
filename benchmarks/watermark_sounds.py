"""`python -m benchmarks.watermark_sounds [--sounds 6] [--plain 2000]`: how often the mark of sounds is found, and what
it costs.

Sounds are made by formula: tones, chords and drums as the recipe makes them, noises of several colours, pulses through
moving formants with pauses and hiss (like speech), and plucked chords over drums (like music).
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable

import numpy as np
import soundfile

from compute.recipes.dance_diffusion.tones import KINDS, make_sound
from inference.algorithms import hearing, sound_watermark
from inference.algorithms.convolution import Floats
from inference.algorithms.wav import LARGEST, Samples, sampled

KEY, MARK = b"benchmark" * 4, 0x5EED0001
# Hz, seconds, channels
FORMS = ((4_000, 2.0, 1), (8_000, 1.0, 1), (16_000, 0.5, 1), (16_000, 2.0, 2), (44_100, 3.0, 1), (48_000, 4.0, 2))
MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)

Heard = tuple[Floats, int]  # (channels, length) from -1 to 1, and Hz
Attack = Callable[[Floats, int], Heard]


def lossy(kind: str, subtype: str, rates: tuple[int, ...], **facts: float | str) -> Attack:
    """Through libsndfile's encoder and back, at the next rate that it takes."""

    def passed(sound: Floats, rate: int) -> Heard:
        taken = min((one for one in rates if one >= rate), default=rate) if rates else rate
        return recoded(at(taken)(sound, rate)[0], taken, kind, subtype, **facts)

    return passed


def mp3(kilobits: int) -> Attack:
    def passed(sound: Floats, rate: int) -> Heard:
        # libsndfile names bit rates by their place between the least and the most that the format has.
        taken = min((one for one in MP3_RATES if one >= rate), default=rate)
        least, most = (32, 320) if taken >= 32_000 else (8, 160) if taken >= 16_000 else (8, 64)
        level = float(np.clip((most - kilobits) / (most - least), 0, 0.999))
        passing = lossy("MP3", "MPEG_LAYER_III", MP3_RATES, bitrate_mode="CONSTANT", compression_level=level)
        return passing(sound, rate)

    return passed


def recoded(sound: Floats, rate: int, kind: str, subtype: str, **facts: float | str) -> Heard:
    file = io.BytesIO()
    soundfile.write(file, np.clip(sound, -1, 1).T, rate, format=kind, subtype=subtype, **facts)
    file.seek(0)
    heard, rate = soundfile.read(file, always_2d=True)
    return heard.T, rate


def at(rate: int) -> Attack:
    return lambda sound, own: (np.stack([hearing.resampled(channel, own, rate) for channel in sound]), rate)


def rounded(bits: int, *, volume: float = 1.0) -> Attack:
    steps = 2 ** (bits - 1) - 1
    return lambda sound, rate: (np.clip(np.rint(sound * volume * steps) / steps, -1, 1), rate)


def noisy(decibels: float) -> Attack:
    def added(sound: Floats, rate: int) -> Heard:
        noise = np.random.default_rng(1).normal(size=sound.shape)
        return sound + noise * sound.std() * 10 ** (-decibels / 20), rate

    return added


def cut(begin: float, end: float) -> Attack:
    def part(sound: Floats, rate: int) -> Heard:
        length = sound.shape[1]
        return sound[:, int(begin * length) : length - int(end * length)], rate

    return part


def after(*attacks: Attack) -> Attack:
    def all_of_them(sound: Floats, rate: int) -> Heard:
        for attack in attacks:
            sound, rate = attack(sound, rate)
        return sound, rate

    return all_of_them


ATTACKS: dict[str, Attack] = {
    "nothing": lambda sound, rate: (sound, rate),
    **{f"MP3 {kilobits}": mp3(kilobits) for kilobits in (128, 64)},
    "Vorbis": lossy("OGG", "VORBIS", (), compression_level=0.4),
    "Opus": lossy("OGG", "OPUS", OPUS_RATES, compression_level=0.5),
    "8 kHz": at(8_000),
    "48 kHz": at(48_000),
    "8 bits": rounded(8),
    "volume 0.1": rounded(16, volume=0.1),
    "mono": lambda sound, rate: (sound.mean(axis=0, keepdims=True), rate),
    "one channel": lambda sound, rate: (sound[-1:], rate),
    "noise -40 dB": noisy(40),
    "first 10% off": cut(0.1, 0),
    "last 25% off": cut(0, 0.25),
    "middle half": cut(0.25, 0.25),
    "10% off, mono, MP3 64": after(cut(0.1, 0), lambda sound, rate: (sound[:1], rate), mp3(64)),
}


def noise(random: np.random.Generator, rate: int, seconds: float) -> Floats:
    length = round(rate * seconds)
    pitches = np.maximum(np.fft.rfftfreq(length, 1 / rate), 50)
    coloured = np.fft.irfft(np.fft.rfft(random.normal(size=length)) / pitches ** random.uniform(0, 1), length)
    swell = 1 + 0.5 * np.sin(2 * np.pi * random.uniform(0.5, 4) * np.arange(length) / rate)
    return coloured * swell


def speech(random: np.random.Generator, rate: int, seconds: float) -> Floats:
    length = round(rate * seconds)
    times = np.arange(length) / rate
    pitch = random.uniform(90, 220) * (1 + 0.15 * np.sin(2 * np.pi * random.uniform(0.5, 2) * times))
    turn, hiss, sound = 2 * np.pi * np.cumsum(pitch) / rate, random.normal(size=length), np.zeros(length)
    voice = sum(np.sin(turn * n) * (pitch * n < 0.47 * rate) / n**0.8 for n in range(1, 60))
    begin = 0
    while begin < length:
        syllable = slice(begin, min(length, begin + int(rate * random.uniform(0.08, 0.28))))
        count = syllable.stop - begin
        heard = random.choice(["voice", "voice", "voice", "hiss", "pause"])
        source = {"voice": voice[syllable], "hiss": hiss[syllable] / 2, "pause": np.zeros(count)}[heard]
        if heard == "voice":
            formants = [(random.uniform(low, high), wide) for low, high, wide in _FORMANTS]
        else:
            formants = [(random.uniform(2500, 6500), 1500.0)]
        pitches = np.fft.rfftfreq(count, 1 / rate)
        mouth = sum(0.5**n / (1 + ((pitches - at) / wide) ** 2) for n, (at, wide) in enumerate(formants))
        shape = np.sqrt(np.sin(np.pi * np.arange(count) / count)) * random.uniform(0.3, 1)
        sound[syllable] += np.fft.irfft(np.fft.rfft(source) * mouth, count) * shape
        begin = syllable.stop
    return sound + random.normal(size=length) * 10 ** random.uniform(-4.5, -3)


_FORMANTS = ((250, 800, 80.0), (800, 2300, 120.0), (2300, 3500, 180.0))


def music(random: np.random.Generator, rate: int, seconds: float) -> Floats:
    length, beat = round(rate * seconds), int(rate * random.uniform(0.2, 0.5))
    sound = np.zeros(length)
    for begin in range(0, length, beat):
        times = np.arange(min(length - begin, 3 * beat)) / rate
        for step in random.choice([0, 2, 3, 5, 7, 8, 10, 12, 15, 19], 3):
            pitch, decay = 110 * 2 ** (step / 12), random.uniform(2, 5)
            for n in range(1, 8):
                if pitch * n < 0.45 * rate:
                    turn = 2 * np.pi * pitch * n * times + random.uniform(0, 6)
                    sound[begin : begin + len(times)] += np.sin(turn) * np.exp(-decay * times) / n
        hit = times[:beat]
        drum = random.normal(size=len(hit)) * np.exp(-hit * random.uniform(20, 60)) * random.uniform(0.2, 1)
        sound[begin : begin + len(hit)] += drum
    return sound


def made(kind: str, number: int, rate: int, seconds: float, channels: int) -> Samples:
    """Stereo: another one of the kind is louder on the other side."""
    random = np.random.default_rng(number)
    makers = {"noise": noise, "speech": speech, "music": music}
    sounds = []
    for _channel in range(channels):
        if kind in KINDS:
            sounds.append(make_sound(random, kind, rate=rate, seconds=seconds).astype(float))
        else:
            sounds.append(makers[kind](random, rate, seconds))
        sounds[-1] *= random.uniform(0.3, 0.8) / np.abs(sounds[-1]).max()
    if channels == 2:
        sounds = [0.7 * sounds[0] + 0.3 * sounds[1], 0.3 * sounds[0] + 0.7 * sounds[1]]
    return sampled(np.stack(sounds), rate)


def array(samples: Samples) -> Floats:
    return np.frombuffer(samples.data, "<i2").reshape(-1, samples.channels).T / LARGEST


def ratios(plain: Floats, marked: Floats, rate: int) -> tuple[float, float, float, float]:
    """Decibels: signal to mark over all; the mean of those of pieces of 20 ms, each from 0 to 60, silent ones left
    out; mark to what is covered, the mean over frames. At last the share of frequencies of all frames, among those
    that cover more than rounding, at which the mark is above what is covered."""
    change = marked - plain
    piece = rate // 50
    pieces = plain[0][: plain.shape[1] // piece * piece].reshape(-1, piece)
    changes = change[0][: pieces.size].reshape(-1, piece)
    loud = (pieces**2).mean(axis=1) > 1e-8
    each = 10 * np.log10((pieces[loud] ** 2).mean(axis=1) / ((changes[loud] ** 2).mean(axis=1) + 1e-12))
    seen = hearing.frames(hearing.resampled(plain[0], rate, sound_watermark.RATE))
    added = np.abs(hearing.frames(hearing.resampled(change[0], rate, sound_watermark.RATE)))
    covered = hearing.mask(seen, sound_watermark.RATE)
    counts = covered > sound_watermark.ROUNDING
    share = np.where(counts, added / (covered + 1e-12), 0) ** 2
    framed = share.sum(axis=1)[counts.any(axis=1)] / counts.sum(axis=1)[counts.any(axis=1)]
    whole = 10 * np.log10((plain**2).mean() / (change**2).mean())
    above = (share > 1).sum() / counts.sum()
    return float(whole), float(np.clip(each, 0, 60).mean()), float(10 * np.log10(framed + 1e-9).mean()), float(above)


def detection(sounds: int) -> None:
    print(
        "| sound | form | marked | SNR | seg. SNR | NMR | above | s to mark | s to find | " + " | ".join(ATTACKS) + " |"
    )
    print("|---" * (len(ATTACKS) + 9) + "|")
    total = dict.fromkeys(ATTACKS, 0)
    count = 0
    for rate, seconds, channels in FORMS:
        for kind in (*KINDS, "noise", "speech", "music"):
            plain = [made(kind, number, rate, seconds, channels) for number in range(sounds)]
            started = time.perf_counter()
            marked = [sound_watermark.embed(sound, MARK + index, key=KEY) for index, sound in enumerate(plain)]
            to_mark = (time.perf_counter() - started) / sounds
            pairs = [
                (array(one), array(two), MARK + i)
                for i, (one, two) in enumerate(zip(plain, marked, strict=True))
                if two
            ]
            row = [kind, f"{rate / 1000:g} kHz, {seconds:g} s, {channels}", f"{len(pairs)} of {sounds}"]
            if not pairs:
                print(
                    f"| {' | '.join([*row, '', '', '', '', f'{to_mark:.2f}', '', *[''] * len(ATTACKS)])} |", flush=True
                )
                continue
            measured = np.mean([ratios(one, two, rate) for one, two, _mark in pairs], axis=0)
            started = time.perf_counter()
            found = {"nothing": hits(ATTACKS["nothing"], pairs, rate)}
            to_find = (time.perf_counter() - started) / len(pairs)
            found |= {name: hits(attack, pairs, rate) for name, attack in ATTACKS.items() if name not in found}
            row += [
                *(f"{value:.1f}" for value in measured[:3]),
                f"{measured[3]:.1%}",
                f"{to_mark:.2f}",
                f"{to_find:.2f}",
            ]
            row += [f"{found[name] / len(pairs):.0%}" for name in ATTACKS]
            print(f"| {' | '.join(row)} |", flush=True)
            count += len(pairs)
            for name, hit in found.items():
                total[name] += hit
    shares = " | ".join(f"{hit / count:.1%}" for hit in total.values())
    print(f"| all | | {count} of {sounds * len(FORMS) * 6} | | | | | | | {shares} |")


def hits(attack: Attack, pairs: list[tuple[Floats, Floats, int]], rate: int) -> int:
    count = 0
    for _plain, marked, mark in pairs:
        heard, own = attack(marked, rate)
        found = sound_watermark.find(heard, own, key=KEY)
        count += found is not None and found.mark == mark
    return count


def false_alarms(plain: int) -> None:
    """Sounds without a mark, and marked ones under another key."""
    kinds, wrong, stereo = (*KINDS, "noise", "speech", "music"), 0, 0
    for number in range(plain):
        rate, seconds, channels = FORMS[number // len(kinds) % 4]
        sound = made(kinds[number % len(kinds)], 10_000 + number, rate, seconds, channels)
        stereo += channels == 2
        wrong += sound_watermark.find(array(sound), rate, key=KEY) is not None
    print(f"\nUnmarked sounds: {plain} ({stereo} of them in stereo), of which {wrong} were taken for marked.")
    other = [
        sound_watermark.embed(made(kinds[n % 6], n, 16_000, 2.0, 1), MARK, key=b"another" * 5)
        for n in range(plain // 20)
    ]
    marked = [one for one in other if one is not None]
    wrong = sum(sound_watermark.find(array(one), one.rate, key=KEY) is not None for one in marked)
    print(f"Marked under another key: {len(marked)}, of which {wrong} were taken for ours.")


def long_ones() -> None:
    print()
    for rate, seconds, channels in ((44_100, 30.0, 2), (44_100, 90.0, 2)):
        sound = made("music", 1, rate, seconds, channels)
        started = time.perf_counter()
        marked = sound_watermark.embed(sound, MARK, key=KEY)
        to_mark, started = time.perf_counter() - started, time.perf_counter()
        plain = sound_watermark.find(array(sound), rate, key=KEY)
        to_fail = time.perf_counter() - started
        ways = "marked" if marked is not None and plain is None else "NOT marked"
        took = f"{to_mark / seconds:.3f} s a second of sound to mark it, {to_fail / seconds:.3f} to find nothing"
        print(f"{seconds:g} s at {rate} Hz in {channels} channels: {ways}; {took}.", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watermark_sounds", description=__doc__)
    parser.add_argument("--sounds", type=int, default=6, help="of each kind and form")
    parser.add_argument("--plain", type=int, default=2000, help="unmarked sounds")
    arguments = parser.parse_args()
    if arguments.sounds:
        detection(arguments.sounds)
        long_ones()
    if arguments.plain:
        false_alarms(arguments.plain)


if __name__ == "__main__":
    main()
