"""Sounds as WAV of 16 bits with their making inside: text for tools, JSON for programs, a signature for doubters.

All stand in the chunk LIST/INFO (RIFF, 1991): `INAM` the label, `IART` the model, `ISFT` this software, `ICMT` the
parameters for readers; under names of our own `wsPM` the parameters as JSON, `wsPV` the signed statement.
"""

import hashlib
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

BITS = 16
LARGEST = 2 ** (BITS - 1) - 1
_PCM = 1  # the format's number for plain samples
STRUCTURED, SIGNED = b"wsPM", b"wsPV"
SOFTWARE = "Wellspring"


class NotOurSound(Exception):
    """The bytes are no WAV of 16 bits, or carry no provenance."""


@dataclass(frozen=True)
class Samples:
    """Sixteen bits for each channel in turn, little end first, so many times a second."""

    data: bytes
    rate: int
    channels: int

    @property
    def seconds(self) -> float:
        return len(self.data) / (2 * self.channels * self.rate)

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, over form and samples: the same however the file is packed."""
        return hashlib.sha256(f"{self.channels}x{self.rate}:".encode() + self.data).hexdigest()


def sampled(array: Any, rate: int) -> Samples:
    """Of an array from -1 to 1 with a row for each channel."""
    whole = (array.clip(-1.0, 1.0) * LARGEST).round().astype("<i2")
    return Samples(whole.T.tobytes(), rate, len(array))


def encode(samples: Samples, *, parameters: dict[str, Any], label: str, statement: str) -> bytes:
    """The WAV file."""
    frame = samples.channels * BITS // 8
    form = struct.pack("<HHIIHH", _PCM, samples.channels, samples.rate, samples.rate * frame, frame, BITS)
    texts = {
        b"INAM": label,
        b"IART": parameters["model"],
        b"ISFT": SOFTWARE,
        b"ICMT": readable(parameters),
        STRUCTURED: json.dumps(parameters, ensure_ascii=False, sort_keys=True),
        SIGNED: statement,
    }
    info = b"INFO" + b"".join(_chunk(name, text.encode() + b"\0") for name, text in texts.items() if text)
    body = b"WAVE" + _chunk(b"fmt ", form) + _chunk(b"data", samples.data) + _chunk(b"LIST", info)
    return _chunk(b"RIFF", body)


def decode(content: bytes) -> tuple[Samples, dict[str, Any], str]:
    """Samples, parameters and signed statement. Raises NotOurSound."""
    samples, texts = read(content)
    if STRUCTURED not in texts or SIGNED not in texts:
        raise NotOurSound("This file carries no provenance.")
    try:
        parameters = json.loads(texts[STRUCTURED])
    except ValueError as error:
        raise NotOurSound("This file carries no provenance.") from error
    return samples, parameters, texts[SIGNED]


def is_wav(content: bytes) -> bool:
    return content[:4] == b"RIFF" and content[8:12] == b"WAVE"


def read(content: bytes) -> tuple[Samples, dict[bytes, str]]:
    """Samples, and the texts of the file by their names. Raises NotOurSound."""
    if not is_wav(content):
        raise NotOurSound("This is not a WAV file.")
    chunks = dict(_chunks(content[12:]))
    if b"fmt " not in chunks or b"data" not in chunks or len(chunks[b"fmt "]) < 16:
        raise NotOurSound("This is not a WAV file.")
    kind, channels, rate, _bytes, _frame, bits = struct.unpack("<HHIIHH", chunks[b"fmt "][:16])
    if (kind, bits) != (_PCM, BITS) or not channels or not rate:
        raise NotOurSound("This is not a WAV file of 16 bits.")
    info = chunks.get(b"LIST", b"")
    texts = dict(_chunks(info[4:])) if info[:4] == b"INFO" else {}
    words = {name: text.rstrip(b"\0").decode("utf-8", "replace") for name, text in texts.items()}
    return Samples(chunks[b"data"], rate, channels), words


def readable(parameters: dict[str, Any]) -> str:
    """In the form that common tools write for pictures."""
    facts = {
        "Steps": parameters["steps"],
        "Sampler": parameters.get("sampler", ""),
        "Seed": parameters["seed"],
        "Seconds": parameters["seconds"],
        "Model hash": parameters["commit"][:10],
        "Model": parameters["model"],
    }
    if "step_reuse" in parameters:
        facts["Steps left out"] = f"{parameters['calls_saved']} of {parameters['calls']}"
    return ", ".join(f"{name}: {value}" for name, value in facts.items()) + f", Version: {SOFTWARE}"


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place + 8 <= len(content):
        name, size = content[place : place + 4], int.from_bytes(content[place + 4 : place + 8], "little")
        yield name, content[place + 8 : place + 8 + size]
        place += 8 + size + size % 2
