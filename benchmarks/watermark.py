"""`python -m benchmarks.watermark [--pictures 8] [--plain 2000]`: how often the mark is found, and what it costs.

Pictures are made by formula: coloured shapes as the recipes draw them, shapes with grain, and clouds (noise of which
every octave is equally strong, as in photographs). `--photos FOLDER` adds files of one's own.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import uniform_filter

from compute.recipes.shapes.drawing import make_pictures
from compute.recipes.shapes.vocabulary import train_scenes
from inference.algorithms import watermark
from inference.algorithms.convolution import Floats

KEY, MARK = b"benchmark" * 4, 0x5EED0001
SIDES = (64, 96, 128, 256, 512, 1024)
SIZES = [(side, side) for side in SIDES]  # what a deployment knows that it draws

Attack = Callable[[Image.Image], Image.Image]


def jpeg(quality: int) -> Attack:
    def compressed(picture: Image.Image) -> Image.Image:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality)
        return Image.open(file).convert("RGB")

    return compressed


def scaled(factor: float) -> Attack:
    return lambda picture: picture.resize(
        (round(picture.width * factor), round(picture.height * factor)), Image.Resampling.BICUBIC
    )


def cut(share: float) -> Attack:
    def cropped(picture: Image.Image) -> Image.Image:
        width, height = int(picture.width * share), int(picture.height * share)
        left, top = (picture.width - width) // 3, (picture.height - height) // 2
        return picture.crop((left, top, left + width, top + height))

    return cropped


def after(*attacks: Attack) -> Attack:
    def all_of_them(picture: Image.Image) -> Image.Image:
        for attack in attacks:
            picture = attack(picture)
        return picture

    return all_of_them


ATTACKS: dict[str, Attack] = {
    "nothing": lambda picture: picture,
    **{f"JPEG {quality}": jpeg(quality) for quality in (95, 85, 75, 65, 50)},
    **{f"× {factor}": scaled(factor) for factor in (0.5, 0.75, 1.25, 1.5)},
    "× 0.5, JPEG 75": after(scaled(0.5), jpeg(75)),
    "× 1.5, JPEG 75": after(scaled(1.5), jpeg(75)),
    **{f"cut to {share:.0%}": cut(share) for share in (0.9, 0.75, 0.5)},
    "cut to 75%, JPEG 75": after(cut(0.75), jpeg(75)),
    "cut to 75%, × 0.75": after(cut(0.75), scaled(0.75)),
}


def shapes(side: int, number: int) -> Image.Image:
    scenes = train_scenes()
    return Image.fromarray(make_pictures(number, 1, scenes=[scenes[number % len(scenes)]], size=side)[0].pixels)


def grain(side: int, number: int) -> Image.Image:
    noise = np.random.default_rng(number).normal(scale=8, size=(side, side, 1))
    return Image.fromarray(np.clip(np.asarray(shapes(side, number)) + noise, 0, 255).astype(np.uint8))


def clouds(side: int, number: int) -> Image.Image:
    random = np.random.default_rng(number)
    cycles = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    cycles[0, 0] = 1
    fields = [np.fft.ifft2(np.fft.fft2(random.normal(size=(side, side))) / cycles).real for _ in range(4)]
    first, *others = [field / field.std() for field in fields]
    return Image.fromarray(
        np.clip(np.stack([128 + 45 * first + 15 * other for other in others], 2), 0, 255).astype(np.uint8)
    )


def photos(folder: Path) -> Callable[[int, int], Image.Image]:
    files = sorted(file for file in folder.iterdir() if file.suffix in {".jpg", ".jpeg", ".png"})

    def one(side: int, number: int) -> Image.Image:
        picture = Image.open(files[number % len(files)]).convert("RGB")
        square = min(picture.size)
        left = (picture.width - square) * (number // len(files) % 3) // 2
        return picture.crop((left, 0, left + square, square)).resize((side, side), Image.Resampling.LANCZOS)

    return one


def psnr(one: Image.Image, other: Image.Image) -> float:
    difference = np.asarray(one, dtype=float) - np.asarray(other, dtype=float)
    return float(10 * np.log10(255**2 / np.mean(difference**2)))


def ssim(one: Image.Image, other: Image.Image) -> float:
    """Structural similarity of brightness in windows of 7 pixels (Wang and others, 2004)."""
    a, b = (np.asarray(picture.convert("L"), dtype=float) for picture in (one, other))

    def mean(values: Floats) -> Floats:
        return uniform_filter(values, 7)

    in_a, in_b = mean(a), mean(b)
    var_a, var_b, both = mean(a * a) - in_a**2, mean(b * b) - in_b**2, mean(a * b) - in_a * in_b
    small, smaller = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * in_a * in_b + small) * (2 * both + smaller)
    return float(np.mean(top / ((in_a**2 + in_b**2 + small) * (var_a + var_b + smaller))))


def detection(kinds: dict[str, Callable[[int, int], Image.Image]], pictures: int) -> None:
    print("| kind | side | marked | PSNR | SSIM | s to mark | " + " | ".join(ATTACKS) + " |")
    print("|---" * (len(ATTACKS) + 6) + "|")
    for name, make in kinds.items():
        for side in SIDES:
            # Large ones take long and fail least.
            plain = [make(side, number) for number in range(pictures if side < 1024 else max(2, pictures // 4))]
            started = time.perf_counter()
            marked = [watermark.embed(picture, MARK + index, key=KEY) for index, picture in enumerate(plain)]
            seconds = (time.perf_counter() - started) / len(plain)
            pairs = [(one, two, MARK + i) for i, (one, two) in enumerate(zip(plain, marked, strict=True)) if two]
            row = [name, str(side), f"{len(pairs)} of {len(plain)}"]
            if not pairs:
                print(f"| {' | '.join([*row, '', '', f'{seconds:.2f}', *[''] * len(ATTACKS)])} |", flush=True)
                continue
            row.append(f"{np.mean([psnr(one, two) for one, two, _mark in pairs]):.1f}")
            row.append(f"{np.mean([ssim(one, two) for one, two, _mark in pairs]):.3f}")
            row.append(f"{seconds:.2f}")
            row += [f"{share(attack, pairs):.0%}" for attack in ATTACKS.values()]
            print(f"| {' | '.join(row)} |", flush=True)


def share(attack: Attack, pairs: Iterable[tuple[Image.Image, Image.Image, int]]) -> float:
    found = [watermark.find(attack(two), key=KEY, sizes=SIZES) for _one, two, _mark in pairs]
    return float(np.mean([one is not None and one.mark == pair[2] for one, pair in zip(found, pairs, strict=True)]))


def false_alarms(kinds: dict[str, Callable[[int, int], Image.Image]], plain: int) -> None:
    """Pictures without a mark, and marked ones under another key."""
    makers, wrong = list(kinds.values()), 0
    for number in range(plain):
        picture = makers[number % len(makers)](SIDES[number % 4], 10_000 + number)
        wrong += watermark.find(picture, key=KEY, sizes=SIZES) is not None
    print(f"\nUnmarked pictures: {plain}, of which {wrong} were taken for marked.")
    marked = [watermark.embed(shapes(256, number), MARK, key=b"another" * 5) for number in range(plain // 20)]
    wrong = sum(watermark.find(one, key=KEY, sizes=SIZES) is not None for one in marked if one is not None)
    print(f"Marked under another key: {len(marked)}, of which {wrong} were taken for ours.")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watermark", description=__doc__)
    parser.add_argument("--pictures", type=int, default=8, help="of each kind and side")
    parser.add_argument("--plain", type=int, default=2000, help="unmarked pictures")
    parser.add_argument("--photos", type=Path)
    arguments = parser.parse_args()
    kinds: dict[str, Callable[[int, int], Image.Image]] = {"shapes": shapes, "grain": grain, "clouds": clouds}
    if arguments.photos:
        kinds["photos"] = photos(arguments.photos)
    detection(kinds, arguments.pictures)
    false_alarms(kinds, arguments.plain)


if __name__ == "__main__":
    main()
