"""Archives: their paths, their sizes, and the files in them. Nothing is ever unpacked to a place of its choosing."""

import bz2
import gzip
import io
import lzma
import re
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, Protocol

from hub.algorithms.scanning_notes import MAX_BYTES, MAX_FILES, Notes

_RATIO = 200  # of unpacked to packed bytes, from which on it is a bomb
_LARGE = 64 * 2**20  # bytes; what is smaller when unpacked hurts nobody
_TOTAL = 2**40
_SPOOL = 16 * 2**20
_BLOCK = 1024 * 1024
_DRIVE = re.compile(r"[A-Za-z]:")
_PACKED = re.compile(r"\.(gz|bz2|xz|tgz|z)\Z", re.IGNORECASE)


class Look(Protocol):
    def __call__(self, notes: Notes, file: BinaryIO, name: str, size: int, *, depth: int) -> None: ...


class TooMuch(Exception):
    """The budget of an inspection is spent; `code` says of what."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def look(notes: Notes, file: BinaryIO, name: str, size: int, kind: str, *, depth: int, inside: Look) -> None:
    """Note what is wrong with an archive and with what lies in it."""
    try:
        if kind == "zip":
            _look_at_zip(notes, file, depth, inside)
        elif kind == "tar":
            _look_at_tar(notes, file, depth, inside)
        else:
            _look_at_layer(notes, file, name, size, kind, depth, inside)
    except TooMuch as limit:
        notes.add(limit.code, name)
    except (OSError, EOFError, ValueError, KeyError, IndexError, NotImplementedError, RuntimeError) as error:
        notes.add("encrypted" if "password" in str(error) else "broken_archive", name)
    except (zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, OverflowError, MemoryError):
        notes.add("broken_archive", name)


def leaves(path: str) -> bool:
    """Whether unpacking this name may write outside of the folder it is unpacked to."""
    slashed = path.replace("\\", "/")
    return slashed.startswith("/") or _DRIVE.match(path) is not None or ".." in slashed.split("/") or "\0" in path


def _look_at_zip(notes: Notes, file: BinaryIO, depth: int, inside: Look) -> None:
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        _check_sizes(notes, [(entry.filename, entry.compress_size, entry.file_size) for entry in entries])
        _check_overlap(notes, entries)
        for entry in entries:
            _count(notes)
            # zipfile itself cuts names at a NUL and turns backslashes; others do not.
            if leaves(entry.filename) or leaves(entry.orig_filename):
                notes.add("path_leaves", entry.orig_filename)
            if entry.external_attr >> 28 == 0xA:
                target = archive.read(entry).decode("utf-8", "replace") if entry.file_size < 4096 else ".."
                _check_link(notes, entry.filename, target)
                continue
            if entry.is_dir():
                continue
            if entry.compress_type == zipfile.ZIP_STORED and not entry.flag_bits & 1:
                window = io.BufferedReader(_Window(file, _start_of(file, entry), entry.compress_size))
                inside(notes, window, entry.filename, entry.compress_size, depth=depth + 1)
                continue
            with archive.open(entry) as part:
                _look_at_copy(notes, part, entry.filename, depth, inside)


def _look_at_tar(notes: Notes, file: BinaryIO, depth: int, inside: Look) -> None:
    seen = 0
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for entry in archive:
            seen += 1
            _count(notes)
            if leaves(entry.name):
                notes.add("path_leaves", entry.name)
            if entry.issym() or entry.islnk():
                _check_link(notes, entry.name, entry.linkname, is_hard=entry.islnk())
            elif not entry.isfile() and not entry.isdir():
                notes.add("device", entry.name)
            elif entry.isfile():
                if entry.sparse and entry.size > _TOTAL:
                    raise TooMuch("bomb")
                part = archive.extractfile(entry)
                if part is not None:
                    with part:
                        inside(notes, part, entry.name, entry.size, depth=depth + 1)  # type: ignore[arg-type]
    if not seen and file.seek(0, io.SEEK_END) > 10_240:
        notes.add("broken_archive")


def _look_at_layer(notes: Notes, file: BinaryIO, name: str, size: int, kind: str, depth: int, inside: Look) -> None:
    """One compressed stream: unpacked to memory, or a file without a name when it is long."""
    plain = _PACKED.sub(lambda match: ".tar" if match[1].lower() == "tgz" else "", name)
    with tempfile.SpooledTemporaryFile(_SPOOL) as unpacked:
        total = 0
        for block in _unpacked(file, kind):
            total += len(block)
            if total > _LARGE and total > _RATIO * max(size, 1):
                raise TooMuch("bomb")
            _spend(notes, len(block))
            unpacked.write(block)
        unpacked.seek(0)
        inside(notes, unpacked, plain, total, depth=depth + 1)  # type: ignore[arg-type]


def _unpacked(file: BinaryIO, kind: str) -> Iterator[bytes]:
    if kind == "zlib":
        engine = zlib.decompressobj()
        while not engine.eof and (block := engine.unconsumed_tail or file.read(_BLOCK)):
            yield engine.decompress(block, _BLOCK)
        return
    openers = {"gzip": gzip.GzipFile, "bzip2": bz2.BZ2File, "xz": lzma.LZMAFile}
    stream = gzip.GzipFile(fileobj=file) if kind == "gzip" else openers[kind](file)
    with stream:
        while block := stream.read(_BLOCK):
            yield block


class _Window(io.RawIOBase):
    """A part of an open file, as a file: what an archive keeps as it is need not be copied."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        super().__init__()
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, position: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + position)
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        wanted = max(0, min(len(buffer), self._size - self._at))
        self._file.seek(self._start + self._at)
        block = self._file.read(wanted)
        buffer[: len(block)] = block
        self._at += len(block)
        return len(block)


def _start_of(file: BinaryIO, entry: zipfile.ZipInfo) -> int:
    """Where the bytes of an entry begin, behind a header of its own."""
    file.seek(entry.header_offset)
    header = file.read(30)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile("an entry is not where the directory says")
    name, extra = struct.unpack_from("<HH", header, 26)
    return entry.header_offset + 30 + int(name) + int(extra)


def _look_at_copy(notes: Notes, part: Any, name: str, depth: int, inside: Look) -> None:
    """A compressed file of an archive, copied so that it can be read back and forth."""
    with tempfile.SpooledTemporaryFile(_SPOOL) as copy:
        copied = 0
        while block := part.read(_BLOCK):
            copied += len(block)
            _spend(notes, len(block))
            copy.write(block)
        copy.seek(0)
        inside(notes, copy, name, copied, depth=depth + 1)  # type: ignore[arg-type]


def _check_sizes(notes: Notes, sizes: list[tuple[str, int, int]]) -> None:
    packed, total = sum(size for _name, size, _full in sizes), sum(full for _name, _size, full in sizes)
    if total > _TOTAL or (total > _LARGE and total > _RATIO * max(packed, 1)):
        raise TooMuch("bomb")
    for name, small, full in sizes:
        if full > _LARGE and full > _RATIO * max(small, 1):
            notes.add("bomb", name)
            raise TooMuch("bomb")
    if len(sizes) > MAX_FILES:
        raise TooMuch("too_many_files")


def _check_overlap(notes: Notes, entries: list[zipfile.ZipInfo]) -> None:
    """Files that share bytes let a few kilobytes unpack to terabytes."""
    end = -1
    for entry in sorted(entries, key=lambda one: one.header_offset):
        if entry.header_offset < end:
            notes.add("overlap", entry.filename)
            return
        end = entry.header_offset + entry.compress_size


def _check_link(notes: Notes, name: str, target: str, *, is_hard: bool = False) -> None:
    """A link may point within the archive; hard links are named from its root, others from their folder."""
    depth = 0 if is_hard else name.replace("\\", "/").strip("/").count("/")
    slashed = target.replace("\\", "/")
    if slashed.startswith("/") or _DRIVE.match(target):
        notes.add("link_leaves", name)
        return
    for part in slashed.split("/"):
        depth += -1 if part == ".." else part not in ("", ".")
        if depth < 0:
            notes.add("link_leaves", name)
            return


def _count(notes: Notes) -> None:
    notes.files += 1
    if notes.files > MAX_FILES:
        raise TooMuch("too_many_files")


def _spend(notes: Notes, count: int) -> None:
    notes.bytes += count
    if notes.bytes > MAX_BYTES:
        raise TooMuch("too_large")
