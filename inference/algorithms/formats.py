"""Pictures in the formats that clients ask for. The PNG is the original: it alone carries the signed statement."""

import io

from PIL import Image

from inference.algorithms import png

TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
QUALITY = 95
_USER_COMMENT = 0x9286
_EXIF_FOLDER = 0x8769


def encoded(content: bytes, kind: str, *, quality: int = QUALITY) -> bytes:
    """A kept PNG as it is, or as JPEG or WebP with its parameters where common tools look for them (EXIF)."""
    if kind == "png":
        return content
    with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
        image.load()
        words = getattr(image, "text", {}).get(png.TEXT, "")
        exif = Image.Exif()
        exif.get_ifd(_EXIF_FOLDER)[_USER_COMMENT] = b"UNICODE\x00" + words.encode("utf-16-be")
        file = io.BytesIO()
        image.convert("RGB").save(file, kind.upper(), quality=quality, exif=exif)
        return file.getvalue()
