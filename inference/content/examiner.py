"""The far side of "was this picture made here?": one process, one file, one answer.

Decoders and the C2PA library meet strangers' bytes here only. The file comes through stdin after a line of JSON with
`key` (hexadecimal), `anchors` (PEM), `sizes`, `limits`; one JSON object leaves through stdout.
"""

import contextlib
import hashlib
import io
import json
import sys
from dataclasses import asdict
from typing import Any

import numpy as np
from PIL import Image

from hub.algorithms import cage, sound_files
from inference.algorithms import png, sound_watermark, watermark, wav
from inference.content import manifests

FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
CREDITED = {manifests.WAV, "audio/mpeg", "audio/flac"}  # sounds in which the library looks for manifests
MOST_PIXELS = 40_000_000


def main() -> None:
    task = json.loads(sys.stdin.buffer.readline())
    content = sys.stdin.buffer.read()
    _prepare()
    limits = task["limits"]
    cage.limit(memory=limits["memory"], seconds=limits["seconds"])
    try:
        cage.lock()
    except cage.NoCage as error:
        answer: dict[str, Any] = {"no_cage": str(error)}
    else:
        answer = examined(content, task)
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()


def examined(content: bytes, task: dict[str, Any]) -> dict[str, Any]:
    """`sha256`, `watermark`, `statement`, `credentials`; or `refused` when it is nothing that can be read."""
    if sound_files.media_type(content[:16]):
        return _examined_sound(content, task)
    try:
        picture = Image.open(io.BytesIO(content), formats=list(FORMATS))
        if picture.width * picture.height > MOST_PIXELS:
            return {"refused": "too_large"}
        media_type = FORMATS[str(picture.format)]
        picture.load()
    except Exception:  # decoders raise anything over damaged files
        return {"refused": "no_picture"}
    found = watermark.find(
        picture, key=bytes.fromhex(task["key"]), sizes=[(width, height) for width, height in task["sizes"]]
    )
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": list(picture.size),
        "watermark": None if found is None else asdict(found),
        "statement": _statement(content),
        "credentials": _credentials(content, media_type, task["anchors"]),
    }


def _examined_sound(content: bytes, task: dict[str, Any]) -> dict[str, Any]:
    try:
        found = _mark_of_sound(content, bytes.fromhex(task["key"]))
    except sound_files.NoSound:
        return {"refused": "no_sound"}
    media_type = sound_files.media_type(content[:16])
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "watermark": None if found is None else asdict(found),
        "statement": _statement_of_sound(content),
        "credentials": _credentials(content, media_type, task["anchors"]) if media_type in CREDITED else None,
    }


def _mark_of_sound(content: bytes, key: bytes) -> sound_watermark.Found | None:
    """Of what is heard first, as long as marked sounds can be. Raises NoSound."""
    with sound_files.opened(content) as file:
        own = int(file.samplerate)
        longest = int(sound_watermark.LONGEST * min(own, sound_watermark.FASTEST))
        parts = [
            block if block.shape[1] <= 2 else block.mean(axis=1, keepdims=True)
            for block in sound_files.blocks(file, longest=longest)
        ]
    if not parts:
        raise sound_files.NoSound("it is empty")
    return sound_watermark.find(np.concatenate(parts).T.astype(np.float64), own, key=key)


def _statement_of_sound(content: bytes) -> dict[str, Any] | None:
    """Of our own files, which are WAV of 16 bits."""
    try:
        samples, parameters, token = wav.decode(content)
    except wav.NotOurSound:
        return None
    return {"token": token, "parameters": parameters, "digests": {"samples_sha256": samples.digest}}


def _statement(content: bytes) -> dict[str, Any] | None:
    """Our own signed statement with what it is about; whether it holds is judged outside, where the keys are."""
    try:
        picture, parameters, statement = png.decode(content)
    except (png.NotOurPicture, ValueError):
        return None
    digests = {"pixels_sha256": png.pixels_digest(picture)}
    return {"token": statement, "parameters": parameters, "digests": digests}


def _credentials(content: bytes, media_type: str, anchors: str) -> dict[str, Any] | None:
    try:
        read = manifests.read(content, media_type, anchors=anchors)
    except Exception as error:  # whatever the library makes of damaged files, or that it is not there
        return {"error": str(error)[:300]}
    return None if read is None else asdict(read)


def _prepare() -> None:
    """What cannot be loaded any more when the walls are closed."""
    Image.init()
    with contextlib.suppress(Exception):  # that it is absent is told with the answer
        import c2pa  # noqa: F401, PLC0415
    watermark.find(Image.new("RGB", (64, 64)), key=b"")
    sound_files.prepare()
    sound_watermark.find(np.ones((1, sound_watermark.RATE)), sound_watermark.RATE, key=b"")


if __name__ == "__main__":
    main()
