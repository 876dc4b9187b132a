"""Pictures and sounds out of cells: small, of a known kind, and never passed on as they came."""

import io
from dataclasses import dataclass

from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from hub.algorithms import sound_files

LONGEST_SIDE = 256
_MOST_PIXELS = 64 * 2**20
_MOST_SOUND = 8 * 2**20
_MOST_FRAMES = 500
ATTACHED = ("PNG", "JPEG", "WEBP", "GIF")
_PICTURES = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")


@dataclass(frozen=True)
class Medium:
    """Bytes that a browser may be given, and what they are. Width and height are those of the original."""

    data: bytes
    type: str
    width: int = 0
    height: int = 0


def prepare() -> None:
    """Load the decoders while files can still be opened."""
    Image.init()
    made = Image.new("RGB", (1, 1))
    for kind in _PICTURES:
        made.save(io.BytesIO(), kind)


def picture(data: bytes) -> Medium | None:
    """A picture made anew, at most 256 pixels wide and high; None when it is none, or too large to decode."""
    try:
        with Image.open(io.BytesIO(data), formats=_PICTURES) as image:
            width, height = image.size
            if width * height > _MOST_PIXELS:
                return None
            image.draft("RGB", (LONGEST_SIDE * 2, LONGEST_SIDE * 2))
            image.load()
            return _drawn(image, width, height)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError):
        return None


def redrawn(data: bytes, *, lossless: bool = False) -> Medium | None:
    """A picture in its own size and kind, drawn anew without what came along with it (places, programs,
    comments); None when it is none, or too large to decode. What does not move and is no JPEG or WebP is a PNG,
    and so is the first frame of whatever shall be `lossless`."""
    try:
        with Image.open(io.BytesIO(data), formats=ATTACHED) as image:
            width, height = image.size
            count = getattr(image, "n_frames", 1)
            if width * height > _MOST_PIXELS or width * height * count > 2 * _MOST_PIXELS or count > _MOST_FRAMES:
                return None
            return _moving(image) if count > 1 and not lossless else _still(image, lossless=lossless)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError):
        return None


def sound(data: bytes) -> Medium | None:
    """A sound as it is, if it begins like one that browsers play and is no longer than 8 MiB."""
    kind = sound_files.media_type(data[:16])
    return Medium(data, kind) if kind and len(data) <= _MOST_SOUND else None


def _still(image: Image.Image, *, lossless: bool = False) -> Medium:
    kind = image.format if image.format in {"JPEG", "WEBP"} and not lossless else "PNG"
    made = _plain(ImageOps.exif_transpose(image), with_alpha=kind != "JPEG")
    file = io.BytesIO()
    made.save(file, kind, quality=90)
    return Medium(file.getvalue(), f"image/{kind.lower()}", *made.size)


def _moving(image: Image.Image) -> Medium:
    """Every frame, as long as it was shown."""
    frames, times = [], []
    for frame in ImageSequence.Iterator(image):
        times.append(min(max(int(frame.info.get("duration") or 100), 20), 60_000))
        frames.append(_plain(frame, with_alpha=True))
    kind = image.format or "GIF"
    if kind == "JPEG":  # several pictures in one file: browsers show the first
        return _still(image)
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=times, loop=0)
    return Medium(file.getvalue(), f"image/{kind.lower()}", *frames[0].size)


def _plain(image: Image.Image, *, with_alpha: bool) -> Image.Image:
    """Colours only."""
    has_alpha = with_alpha and (image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info)
    made = image.convert("RGBA" if has_alpha else "RGB")
    made.info.clear()
    return made


def _drawn(image: Image.Image, width: int, height: int) -> Medium:
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    with_alpha = image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info
    made = image.convert("RGBA" if with_alpha else "RGB")
    made.info.clear()
    file = io.BytesIO()
    if with_alpha or width * height <= 128 * 128:
        made.save(file, "PNG")
        return Medium(file.getvalue(), "image/png", width, height)
    made.save(file, "JPEG", quality=85)
    return Medium(file.getvalue(), "image/jpeg", width, height)
