"""PNG with its making inside: text for common tools, JSON for programs, a signature for doubters.

Chunks: `parameters` in the form that Stable Diffusion web user interfaces write and read
(inference/algorithms/infotext.py), `wellspring` as JSON, `provenance` as a compact JWS.
All are PNG text chunks (PNG, 11.3.4).
"""

import hashlib
import io
import json
from typing import Any

from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from inference.algorithms.infotext import readable

TEXT, STRUCTURED, SIGNED = "parameters", "wellspring", "provenance"


class NotOurPicture(Exception):
    """The bytes are no PNG, or carry no provenance."""


def encode(picture: Image.Image, *, parameters: dict[str, Any], statement: str) -> bytes:
    """The picture as PNG bytes with its three chunks."""
    chunks = PngInfo()
    # Latin letters as tEXt, others as iTXt: as those tools write it, since some read no other way.
    chunks.add_text(TEXT, readable(parameters))
    chunks.add_itxt(STRUCTURED, json.dumps(parameters, ensure_ascii=False, sort_keys=True))
    chunks.add_itxt(SIGNED, statement)
    file = io.BytesIO()
    picture.save(file, "PNG", pnginfo=chunks)
    return file.getvalue()


def decode(content: bytes) -> tuple[Image.Image, dict[str, Any], str]:
    """Picture, parameters and signed statement. Raises NotOurPicture."""
    try:
        picture = Image.open(io.BytesIO(content), formats=["PNG"])
        picture.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise NotOurPicture("This is not a PNG file.") from error
    chunks = getattr(picture, "text", {})
    if STRUCTURED not in chunks or SIGNED not in chunks:
        raise NotOurPicture("This file carries no provenance.")
    return picture, json.loads(chunks[STRUCTURED]), str(chunks[SIGNED])


def pixels_digest(picture: Image.Image) -> str:
    """SHA-256, in hexadecimal, over size and RGB values: the same however the file is packed."""
    rgb = picture.convert("RGB")
    return hashlib.sha256(f"{rgb.width}x{rgb.height}:".encode() + rgb.tobytes()).hexdigest()
