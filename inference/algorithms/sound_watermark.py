"""An inaudible mark in a sound: the number of 32 bits and the 16 that check it, as in pictures (see `watermark`).

Half a second of noise is repeated over the sound, below what the sound itself covers at each moment and frequency. It
is a sum of one noise for each sign, drawn from a key. The embedder knows the sound and moves what there is of each
sign just as far as needed, in pieces of two seconds, so that parts carry the mark too. The finder makes all
frequencies of each frame nearly equally strong, so that loudness, codecs' rounding and the sound's own tones count
little, and tries all places where the noise may begin at once by Fourier transform. All is done at one rate.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.algorithms import checked, hearing
from inference.algorithms.convolution import Floats
from inference.algorithms.hearing import Frames
from inference.algorithms.wav import LARGEST, Samples

RATE = 16_000  # Hz
TILE = 8192  # samples of one repetition
TILES = 4  # of a piece that carries the mark by itself
SHORTEST, LONGEST = 0.5, 100.0  # seconds
SLOWEST, FASTEST = 4_000, 96_000  # Hz, of the sound's own rate
LOWEST, HIGHEST = 100.0, 7_600.0  # Hz, of the noise
BELOW = 0.45  # of the sound's own rate: what converters leave
# Tried in turn until the mark survives what `_survives` does to it: decibels from what the sound covers.
EFFORTS = (-18.0, -15.0, -12.0, -9.0, -6.0)
COMFORTABLE = -12.0
LEAST_SNR = 10.0  # decibels; only noise covers that much
PUSH = 3.0  # times the mark's own strength that the sound's may be pushed aside
RATIO = 0.4  # of the sound's own loudness, at any time
ROUNDS = 6
# A frequency counts fully above this share of what is covered, and above these magnitudes of the whole sound; the
# second way of weighing finds marks in noise. The last is some rounding errors of 16 bits.
COVERED, WHOLE, ROUNDING = 0.25, (0.0, 0.1), 6e-4
PLACES = 3  # that are decoded
FINER = 2  # places between two samples


@dataclass(frozen=True)
class Found:
    """`mark` is what was embedded; `place` the seconds from the beginning of the noise to that of the sound."""

    mark: int
    place: float


def can_carry(length: int, rate: int) -> bool:
    return SLOWEST <= rate <= FASTEST and SHORTEST <= length / rate <= LONGEST


def embed(samples: Samples, mark: int, *, key: bytes) -> Samples | None:
    """The marked sound; None when it cannot carry the mark. Equal arguments give equal samples.

    As weak as survives a coarse codec and a cut, or as strong as the last of EFFORTS and LEAST_SNR allow; stronger for
    the sake of worse only as far as that is comfortable. Each channel carries it, and so does their sum.
    """
    sound = np.frombuffer(samples.data, "<i2").reshape(-1, samples.channels).T
    if not can_carry(sound.shape[1], samples.rate) or not sound.any():
        return None
    carriers = [_Carrier(channel / LARGEST, samples.rate, mark, key) for channel in sound]
    best, is_enough = None, False
    for effort in EFFORTS:
        if is_enough and effort > COMFORTABLE:
            break
        change = np.stack([carrier.change(effort) for carrier in carriers])
        marked = np.clip(np.rint(sound + change * LARGEST), -LARGEST, LARGEST).astype("<i2")
        if snr(sound, marked) < LEAST_SNR:
            break
        heard = hearing.resampled(marked.mean(axis=0) / LARGEST, samples.rate, RATE)
        if _finds(heard, mark, key):
            best = marked
            is_enough = _survives(heard, mark, key)
        if is_enough and _survives_much(heard, mark, key):
            break
    return None if best is None else Samples(best.T.tobytes(), samples.rate, samples.channels)


def snr(sound: NDArray[Any], marked: NDArray[Any]) -> float:
    """Decibels of the sound over the mark, both in the same units."""
    plain, change = sound.astype(np.float64), marked.astype(np.float64) - sound
    return float(10 * np.log10((plain**2).mean() / max(float((change**2).mean()), 1e-12)))


def find(sound: Floats, rate: int, *, key: bytes) -> Found | None:
    """The mark of a sound (channels, length) from -1 to 1, or None. It is sought in the sum, then in each of two."""
    sound = sound[:, : int(LONGEST * rate)]
    if not can_carry(sound.shape[1], rate):
        return None
    ways = [sound.mean(axis=0), *(sound if len(sound) == 2 else ())]
    for channel in ways:
        found = _found(hearing.resampled(channel, rate, RATE), key)
        if found is not None:
            return found
    return None


class _Carrier:
    """One channel, and what is added to it."""

    def __init__(self, channel: Floats, rate: int, mark: int, key: bytes) -> None:
        self.length, self.rate, self.key = len(channel), rate, key
        self.sound = hearing.resampled(channel, rate, RATE)
        self.signs = checked.signs(mark, key).astype(np.float64)
        self.tiles = -(-len(self.sound) // TILE)
        self.starts = np.arange(max(1, round(self.tiles / TILES))) * TILES
        seen = hearing.frames(self.sound)
        self.covers = hearing.mask(seen, RATE)
        pitches = np.arange(seen.shape[1]) * RATE / hearing.FRAME
        # Noise of strength 1 has frames of this magnitude.
        self.room = self.covers * (pitches < BELOW * rate) / np.sqrt(hearing.FRAME / 2)
        self.plain = self._sums(np.zeros_like(self.sound))

    def change(self, effort: float) -> Floats:
        """At the channel's own rate. The signs' parts are found by coming nearer in rounds."""
        room = self.room * 10.0 ** (effort / 20.0)
        each = 1.0 / np.sqrt(checked.SIGNS)
        tried = self._sums(self._noise(np.tile(self.signs * each, (len(self.starts), 1)), room))
        target = np.maximum(((tried - self.plain) * self.signs).mean(axis=1, keepdims=True), 0.0)
        step = each / np.where(target > 0, target, np.inf)  # in a piece that covers nothing there is nothing to reach
        given, sums, noise = np.zeros_like(tried), self.plain, np.zeros_like(self.sound)
        for _round in range(ROUNDS):
            missing = self.signs * target - sums
            # Signs that are beyond their target stay so.
            nearer = given + np.where(self.signs * missing > 0, missing * step, 0.0)
            given = np.clip(nearer, -PUSH * each, PUSH * each)
            noise = self._noise(given, room)
            sums = self._sums(noise)
        return hearing.resampled(noise, RATE, self.rate)[: self.length]

    def _noise(self, given: Floats, room: Floats) -> Floats:
        lengths = np.diff([*self.starts, self.tiles])
        tiles = np.repeat(given @ _waves(self.key), lengths, axis=0).ravel()[: len(self.sound)]
        return hearing.beneath(hearing.joined(hearing.frames(tiles) * room, len(self.sound)), self.sound, RATIO)

    def _sums(self, change: Floats) -> Floats:
        """How much of each sign's noise each piece holds. That the change covers something too counts for little."""
        evened = _evened(hearing.frames(self.sound + change), self.covers, len(change))
        sums: Floats = np.add.reduceat(_tiled(evened), self.starts, axis=0) @ _waves(self.key).T
        return sums


def _found(sound: Floats, key: bytes) -> Found | None:
    seen = hearing.frames(sound)
    covers = hearing.mask(seen, RATE)
    for whole in WHOLE:
        folded = _tiled(_evened(seen, covers, len(sound), whole)).sum(axis=0)
        spectrum = np.fft.rfft(folded.astype(np.float32))
        sums = np.fft.irfft(spectrum * np.conj(_spectra(key)), TILE * FINER)
        for place in np.argsort(np.abs(sums).sum(axis=0))[::-1][:PLACES]:
            mark = checked.read_either_way(sums[:, place].astype(np.float64), key)
            if mark is not None:
                return Found(mark, float((-place / FINER) % TILE / RATE))
    return None


def _evened(seen: Frames, covers: Floats, length: int, whole: float = 0.0) -> Floats:
    """The sound with all frequencies nearly equally strong, but for those that are next to nothing."""
    strength = np.abs(seen)
    floor = COVERED * covers + whole * np.sqrt((strength**2).mean()) + ROUNDING
    return hearing.joined(seen / (strength + floor), length)


def _survives(sound: Floats, mark: int, key: bytes) -> bool:
    """What happens to sounds as a rule."""
    return _finds(_coarsened(sound[len(sound) // 8 :], 0.5), mark, key)


def _survives_much(sound: Floats, mark: int, key: bytes) -> bool:
    half = sound[len(sound) // 4 : len(sound) * 3 // 4]
    noise = np.random.default_rng(0).normal(size=len(sound)) * sound.std() / 30
    return all(_finds(worse, mark, key) for worse in (_coarsened(half, 0.5), _coarsened(sound, 1.0), sound + noise))


def _coarsened(sound: Floats, share: float) -> Floats:
    """With noise of this share of what is covered, as lossy codecs leave it."""
    random, seen = np.random.default_rng(0), hearing.frames(sound)
    real, imaginary = random.normal(size=(2, *seen.shape))
    noise = (real + 1j * imaginary) / np.sqrt(2) * hearing.mask(seen, RATE) * share
    return hearing.joined(seen + noise, len(sound))


def _finds(sound: Floats, mark: int, key: bytes) -> bool:
    found = _found(sound, key)
    return found is not None and found.mark == mark


def _tiled(sound: Floats) -> Floats:
    return np.pad(sound, (0, -len(sound) % TILE)).reshape(-1, TILE)


@lru_cache(4)
def _waves(key: bytes) -> Floats:
    """For each sign its noise, mean square 1, the same strength at all frequencies that are used."""
    random = np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(b"sounds" + key).digest()[:16])))
    pitches = np.fft.rfftfreq(TILE, 1 / RATE)
    turns = np.exp(2j * np.pi * random.uniform(size=(checked.SIGNS, len(pitches))))
    waves = np.fft.irfft(turns * ((pitches >= LOWEST) & (pitches <= HIGHEST)), TILE)
    return np.asarray(waves / np.sqrt((waves**2).mean(axis=1, keepdims=True)))


@lru_cache(4)
def _spectra(key: bytes) -> NDArray[np.complex64]:
    """In half the precision, for which finding takes half the time."""
    return np.asarray(np.fft.rfft(_waves(key)), np.complex64)
