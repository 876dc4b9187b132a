"""Git's unified diff, taken apart for a page: files, and their lines with numbers."""

import re
from dataclasses import dataclass, field

from hub.git.lfs_pointer import parse_pointer

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)")
_INDEX = re.compile(r"index ([0-9a-f]+)\.\.([0-9a-f]+)")
_ZERO = re.compile(r"0+")


@dataclass(frozen=True)
class Row:
    """A line: `kind` is added, removed, head (of a part) or empty; numbers where it has them."""

    kind: str
    old: int | None
    new: int | None
    text: str


@dataclass(frozen=True)
class Content:
    """What is shown of a content that is no text: its name (SHA-256 or git's) and length, if known."""

    name: str
    size: int | None


@dataclass
class FileDiff:
    """One file of a diff. `before` and `after` stand for contents that are shown as such, not as lines."""

    path: str = ""
    old_path: str = ""
    change: str = "changed"
    rows: list[Row] = field(default_factory=list)
    is_binary: bool = False
    before: Content | None = None
    after: Content | None = None
    added: int = 0
    removed: int = 0

    @property
    def is_renamed(self) -> bool:
        return self.change == "renamed"

    @property
    def has_contents(self) -> bool:
        """Whether it is shown by its contents' names and sizes."""
        return self.before is not None or self.after is not None


def parse(text: str) -> list[FileDiff]:
    """The files of a diff made with --full-index. A text that was cut off is read as far as it goes."""
    found: list[FileDiff] = []
    body: list[str] = []
    for line in text.split("\n"):
        if line.startswith("diff --git "):
            _finish(found, body)
            found.append(FileDiff())
            body = [line]
        else:
            body.append(line)
    _finish(found, body)
    return found


def _finish(found: list[FileDiff], lines: list[str]) -> None:
    if not found or not lines:
        return
    file = found[-1]
    rest = _read_head(file, lines)
    _read_rows(file, rest)
    _read_pointers(file)


def _read_head(file: FileDiff, lines: list[str]) -> list[str]:
    """Fill in what stands before the first part; returns the rest."""
    names = lines[0].removeprefix("diff --git ")
    half = (len(names) - 1) // 2
    file.path = file.old_path = _name(names[half + 1 :], "b/")
    for number, line in enumerate(lines[1:], 1):
        word, _space, value = line.partition(" ")
        if line.startswith("@@"):
            return lines[number:]
        if line.startswith("new file"):
            file.change = "added"
        elif line.startswith("deleted file"):
            file.change = "deleted"
        elif line.startswith("rename from "):
            file.change, file.old_path = "renamed", _name(line.removeprefix("rename from "))
        elif line.startswith("rename to "):
            file.path = _name(line.removeprefix("rename to "))
        elif word == "---" and value != "/dev/null":
            file.old_path = _name(value, "a/")
        elif word == "+++" and value != "/dev/null":
            file.path = _name(value, "b/")
        elif line.startswith("Binary files "):
            file.is_binary = True
        elif index := _INDEX.match(line):
            old, new = (None if _ZERO.fullmatch(oid) else Content(oid, None) for oid in index.groups())
            file.before, file.after = old, new
    return []


def _read_rows(file: FileDiff, lines: list[str]) -> None:
    old = new = 0
    for line in lines:
        if head := _HUNK.match(line):
            old, new = int(head.group(1)), int(head.group(2))
            file.rows.append(Row("head", None, None, line))
        elif line.startswith("+"):
            file.rows.append(Row("added", None, new, line[1:]))
            file.added, new = file.added + 1, new + 1
        elif line.startswith("-"):
            file.rows.append(Row("removed", old, None, line[1:]))
            file.removed, old = file.removed + 1, old + 1
        elif line.startswith(" "):
            file.rows.append(Row("", old, new, line[1:]))
            old, new = old + 1, new + 1
        elif line.startswith("\\"):
            file.rows.append(Row("head", None, None, line[2:]))


def _read_pointers(file: FileDiff) -> None:
    """A pointer to a large file is shown as what it points to."""
    before = _pointer(file, {"", "removed"})
    after = _pointer(file, {"", "added"})
    if before is None and after is None:
        if not file.is_binary:
            file.before = file.after = None
        return
    file.before, file.after = before or file.before, after or file.after
    file.rows, file.added, file.removed = [], 0, 0


def _pointer(file: FileDiff, kinds: set[str]) -> Content | None:
    text = "".join(f"{row.text}\n" for row in file.rows if row.kind in kinds)
    pointer = parse_pointer(text.encode("utf-8", "replace"))
    return Content(pointer.sha256, pointer.size) if pointer is not None else None


def _name(text: str, prefix: str = "") -> str:
    text = text.rstrip("\t")
    if text.startswith('"') and text.endswith('"'):
        text = text[1:-1]
    return text.removeprefix(prefix)
