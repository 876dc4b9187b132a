"""What is in a file, judged by its bytes: pickles, archives, tensors, pages for browsers, programs.

`inspect` never executes, imports or unpacks to disk what it looks at, and what it does is bounded. It gives
reasons as codes; hub/enums/scanning.py says how bad each is and how it is put in words.
"""

import io
import re
import struct
from typing import BinaryIO

from hub.algorithms import pickles, scanning_archives, scanning_markup, scanning_tensors
from hub.algorithms.pickle_rules import level_of
from hub.algorithms.scanning_notes import MAX_DEPTH, Notes

# Another number whenever the rules change: everything is then looked at again.
RULES = 1

# Who loads a file of this name unpickles it.
_PICKLE_ENDINGS = frozenset({"ckpt", "joblib", "pickle", "pkl", "pt", "pth"})
_LOADABLE = _PICKLE_ENDINGS | {"bin", "npy", "npz"}
_PROGRAM_ENDINGS = frozenset({"dll", "dylib", "exe", "o", "pyd", "so"})
_PICTURE_ENDINGS = frozenset({"bmp", "gif", "jpeg", "jpg", "png", "webp"})
_HEAD = 4096
_MAX_NPY_HEADER = 1024 * 1024
_PLAIN_NUMBERS = re.compile(rb"'descr': *'[<>|=]?[?biufcSUVmM][0-9]*'")

_ARCHIVES = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
)
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_PROGRAMS = (b"\x7fELF", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")


def inspect(file: BinaryIO, name: str, size: int) -> Notes:
    """Look through a file of that name and length in bytes; `file` can seek."""
    notes = Notes()
    look(notes, file, name, size, depth=0)
    return notes


def ending_of(name: str) -> str:
    """`pt` of `a/b.PT`; empty when there is none."""
    last = name.rpartition("/")[2].lower()
    return last.rpartition(".")[2][:16] if "." in last else ""


def look(notes: Notes, file: BinaryIO, name: str, size: int, *, depth: int) -> None:
    """One file, and by way of `scanning_archives` what lies in it."""
    ending = ending_of(name)
    head = file.read(_HEAD)
    kind = kind_of(head, ending)
    file.seek(0)
    if kind and ending in _PICTURE_ENDINGS | {"safetensors"}:
        notes.add("wrong_ending", kind)
    if kind == "program" and ending not in _PROGRAM_ENDINGS:
        notes.add("program", name)
    elif kind in {"zip", "tar", "gzip", "bzip2", "xz", "zlib"}:
        _unpack(notes, file, name, size, kind, depth)
    elif kind in {"zstd", "lz4", "7z", "rar"}:
        notes.add("not_inspected", kind)
    elif kind == "npy":
        _look_at_array(notes, file)
    elif ending == "safetensors":
        scanning_tensors.look(notes, file, size)
    elif kind != "program" and not _look_for_pickles(notes, file, ending, head):
        scanning_markup.look(notes, file, ending, head)
    if kind != "zip" and _ends_as_zip(file, head):
        # Two files in one: some programs read it from its end. A tar may just end with an archive in it.
        if kind != "tar":
            notes.add("wrong_ending", "zip")
        file.seek(0)
        _unpack(notes, file, name, size, "zip", depth)


def _unpack(notes: Notes, file: BinaryIO, name: str, size: int, kind: str, depth: int) -> None:
    if depth >= MAX_DEPTH:
        notes.add("too_deep", name)
    else:
        scanning_archives.look(notes, file, name, size, kind, depth=depth, inside=look)


def kind_of(head: bytes, ending: str) -> str:
    """By the first bytes; empty for everything that has no mark of its own."""
    for mark, kind in _ARCHIVES:
        if head.startswith(mark):
            return kind
    if head[257:262] == b"ustar" or (ending == "tar" and len(head) >= 512):
        return "tar"
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head.startswith(_PROGRAMS) or _is_windows_program(head):
        return "program"
    if head.startswith(_ZLIB) and ending in _LOADABLE:
        return "zlib"
    return ""


def _is_windows_program(head: bytes) -> bool:
    if not head.startswith(b"MZ") or len(head) < 64:
        return False
    (start,) = struct.unpack_from("<I", head, 60)
    return head[start : start + 4] == b"PE\0\0"


def _ends_as_zip(file: BinaryIO, head: bytes) -> bool:
    """Whether a directory of a zip archive is at the end of it, whatever its beginning says."""
    if len(head) < 22:
        return False
    try:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - 65_557))
        tail = file.read(65_557)
    except (OSError, io.UnsupportedOperation):
        return False
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        return False
    length, offset = struct.unpack_from("<II", tail, at + 12)
    return length > 0 and size >= length + offset


def _look_for_pickles(notes: Notes, file: BinaryIO, ending: str, head: bytes) -> bool:
    """Note what pickles would import; False when it is none. Unless its name says so, most bytes are none."""
    found = pickles.read_pickles(file)
    is_named = ending in _PICKLE_ENDINGS
    if not is_named:
        plausible = [one for one in found.imports if pickles.is_plausible(one)]
        whole = found.pickles > 0 and (bool(plausible) or (head[:1] == b"\x80" and len(head) > 2))
        if not whole and not (plausible and found.calls):
            return False
        if ending and ending not in _LOADABLE:
            notes.add("wrong_ending", "pickle")
    _note(notes, found)
    return True


def _note(notes: Notes, found: pickles.Contents) -> None:
    for one in found.imports:
        notes.imports[one] = level_of(*one)
    for one in found.forbidden:
        notes.add("imports", f"{one.module}.{one.name}")
    if found.faults:
        notes.add("computed")
    if found.broken:
        notes.add("broken_pickle")
    if found.has_rest:
        notes.add("rest")


def _look_at_array(notes: Notes, file: BinaryIO) -> None:
    """numpy's own format: its numbers are plain, its objects are a pickle behind the header."""
    start = file.read(8)
    width = 2 if start[6:7] == b"\x01" else 4
    length = int.from_bytes(file.read(width), "little")
    header = file.read(length) if length <= _MAX_NPY_HEADER else b""
    if len(header) != length or not header:
        notes.add("broken_array")
    elif _PLAIN_NUMBERS.search(header) is None:
        found = pickles.read_pickles(file)
        if found.pickles or found.calls or b"O" in header or b"object" in header:
            _note(notes, found)
