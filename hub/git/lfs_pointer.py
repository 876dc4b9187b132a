"""Git LFS pointer files: the small text that stands in git for a large object.

Format: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
"""

import re
from dataclasses import dataclass

VERSION = "https://git-lfs.github.com/spec/v1"
MAX_POINTER_SIZE = 1024
_LARGEST = 2**63 - 1  # what the index can hold

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Pointer:
    """An LFS object by content: lower-case sha256 and length in bytes."""

    sha256: str
    size: int


def format_pointer(sha256: str, size: int) -> bytes:
    """The pointer file of an object. Raises ValueError on a malformed digest or size."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError("the sha256 of an LFS object is 64 lower-case hex digits")
    if size < 0:
        raise ValueError("the size of an LFS object is not negative")
    return f"version {VERSION}\noid sha256:{sha256}\nsize {size}\n".encode()


def parse_pointer(data: bytes) -> Pointer | None:
    """The object that a blob points to, or None when the blob is an ordinary file."""
    if len(data) > MAX_POINTER_SIZE or not data.startswith(b"version "):
        return None
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        return None
    fields: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(" ")
        if not value or key in fields:
            return None
        fields[key] = value
    algorithm, _, digest = fields.get("oid", "").partition(":")
    size = fields.get("size", "")
    if fields.get("version") != VERSION or algorithm != "sha256":
        return None
    if not _SHA256.fullmatch(digest) or not _SIZE.fullmatch(size) or int(size) > _LARGEST:
        return None
    return Pointer(digest, int(size))
