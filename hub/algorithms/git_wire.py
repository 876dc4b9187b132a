"""What a client of git's smart HTTP protocol, version 2, says and hears (gitprotocol-v2(5))."""

from collections.abc import Iterable, Iterator
from typing import Protocol

FLUSH, DELIMITER = b"0000", b"0001"
MAX_LINE = 65520
_PACK, _PROGRESS, _ERROR = 1, 2, 3  # the bands of a pack


class WireError(Exception):
    """What came is not this protocol, or the server says that something is wrong."""


class Readable(Protocol):
    """An answer; `read` gives b"" at its end."""

    def read(self, size: int = ..., /) -> bytes: ...


def packet(text: str) -> bytes:
    """A line of text with its length in front."""
    data = text.encode() + b"\n"
    return b"%04x" % (len(data) + 4) + data


def list_request() -> bytes:
    """Asks for all refs, and what HEAD and annotated tags stand for."""
    head = packet("command=ls-refs") + packet("object-format=sha1")
    return head + DELIMITER + packet("peel") + packet("symrefs") + FLUSH


def fetch_request(wants: Iterable[str], haves: Iterable[str]) -> bytes:
    """Asks for one pack with all that leads to `wants` and not to `haves`, in one go."""
    lines = ["no-progress", "ofs-delta", *(f"want {oid}" for oid in wants), *(f"have {oid}" for oid in haves), "done"]
    head = packet("command=fetch") + packet("object-format=sha1")
    return head + DELIMITER + b"".join(map(packet, lines)) + FLUSH


def packets(source: Readable) -> Iterator[bytes | None]:
    """The packets of an answer; None for the marks between sections. Raises WireError."""
    waiting = bytearray()
    while _fill(source, waiting, 4):
        try:
            length = int(waiting[:4], 16)
        except ValueError:
            raise WireError("The answer is not that of git.") from None
        if length == 3 or length > MAX_LINE:
            raise WireError("The answer is not that of git.")
        if length < 4:
            del waiting[:4]
            yield None
            continue
        if not _fill(source, waiting, length):
            raise WireError("The answer of git broke off.")
        line = bytes(waiting[4:length])
        del waiting[:length]
        if line.startswith(b"ERR "):
            raise WireError(_words(line[4:]))
        yield line


def require_version_2(source: Readable) -> None:
    """The beginning of the conversation. Raises WireError for older servers, and other hashes than SHA-1."""
    lines = [_text(line) for line in packets(source) if line is not None]
    lines = [line for line in lines if not line.startswith("# service=")]
    formats = [line for line in lines if line.startswith("object-format=")]
    if lines[:1] != ["version 2"] or not set(formats) <= {"object-format=sha1"}:
        raise WireError("The server does not speak version 2 of git's protocol.")


def refs_of(source: Readable) -> tuple[dict[str, str], str]:
    """All refs (a tag by its own id), and the ref that HEAD names, "" if it names none. Raises WireError."""
    refs: dict[str, str] = {}
    head = ""
    for line in packets(source):
        if line is None:
            continue
        oid, _, rest = _text(line).partition(" ")
        name, *facts = rest.split(" ")
        if name == "HEAD":
            head = next((fact.removeprefix("symref-target:") for fact in facts if fact.startswith("symref-")), "")
        elif len(oid) == 40 and set(oid) <= set("0123456789abcdef") and name.startswith("refs/"):
            refs[name] = oid
    return refs, head


def pack_of(source: Readable) -> Iterator[bytes]:
    """The blocks of the pack; empty ones tell that the server is still at work. Raises WireError."""
    lines = packets(source)
    for line in lines:
        if line is not None and _text(line) == "packfile":
            break
    else:
        raise WireError("The answer of git holds no pack.")
    for line in lines:
        if line is None:
            return
        if line[:1] == bytes([_ERROR]):
            raise WireError(_words(line[1:]))
        yield line[1:] if line[:1] == bytes([_PACK]) else b""
    raise WireError("The answer of git broke off.")


def _fill(source: Readable, waiting: bytearray, size: int) -> bool:
    """Whether so many bytes are there; False at the very end. Raises WireError in the middle of something."""
    while len(waiting) < size:
        block = source.read(65536)
        if not block:
            if waiting:
                raise WireError("The answer of git broke off.")
            return False
        waiting += block
    return True


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape").rstrip("\n")


def _words(line: bytes) -> str:
    return "".join(char for char in line.decode("utf-8", "replace") if char.isprintable())[:300]
