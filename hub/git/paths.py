"""Which file paths a repository may hold.

A path is checked once, where it enters, whatever the door: a commit through the
API or a pushed tree. The rules protect people who clone: git itself refuses
``.git`` in its many disguises (NTFS short names, trailing dots, HFS invisible
characters), and so do we.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from hub.git.errors import InvalidPath

MAX_PATH_BYTES = 1024
MAX_NAME_BYTES = 255
MAX_DEPTH = 64

# Characters that HFS+ ignores when it compares names (git's own list, utf8.c).
_HFS_IGNORED = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])
# Invisible marks that reverse what is read: `gpj.exe` shown as `exe.jpg`.
_REVERSING = frozenset(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]))
# Letters that look like those of `.git`; wide and styled ones are undone by NFKC.
_LOOKALIKES = str.maketrans("ɡԍіıтτⵏ․。", "ggiittt..")
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}")  # as almost all names are: none of the rules below is met
_NTFS_GIT = re.compile(r"(\.git|git~[0-9]+)( |\.)*(:.*)?", re.IGNORECASE | re.DOTALL)


@lru_cache(maxsize=4096)
def name_fault(name: str) -> str | None:
    """Why one component of a path is refused, or None."""
    if _PLAIN.fullmatch(name):
        return None
    if name == "":
        return "it has an empty component"
    if name in (".", ".."):
        return f"it has a component {name!r}"
    if len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
        return f"a component is longer than {MAX_NAME_BYTES} bytes"
    for char in name:
        if unicodedata.category(char) in ("Cc", "Cs"):
            return "it has a control character"
        if char in _REVERSING:
            return "it has a mark that reverses what is read"
    visible = name.translate(_HFS_IGNORED)
    for spelling in (visible, unicodedata.normalize("NFKC", visible).casefold().translate(_LOOKALIKES)):
        for part in spelling.split("\\"):
            if _NTFS_GIT.fullmatch(part):
                return "a component stands for .git"
    return None


def case_fault(names: Iterable[tuple[str, bool]]) -> str | None:
    """Why the names of one folder (name, whether it is a link) are refused together, or None.

    Where case does not count, a link and a folder of the same name become one, and what is
    written into the folder lands where the link leads (CVE-2021-21300).
    """
    seen: dict[str, tuple[str, bool]] = {}
    for name, is_link in names:
        folded = unicodedata.normalize("NFC", name).casefold()
        other, other_is_link = seen.setdefault(folded, (name, is_link))
        if other != name and (is_link or other_is_link):
            return f"{other!r} and {name!r} are one name where case does not count, and one of them is a link"
    return None


def path_fault(path: str) -> str | None:
    """Why a path is refused, or None when it is fine."""
    if path == "":
        return "it is empty"
    if path.startswith("/"):
        return "it is absolute"
    # A backslash is an ordinary character here, but not as a way up on Windows.
    if path.startswith(("..\\", "\\")):
        return "it leaves the repository on Windows"
    if len(path.encode("utf-8", "surrogatepass")) > MAX_PATH_BYTES:
        return f"it is longer than {MAX_PATH_BYTES} bytes"
    names = path.split("/")
    if len(names) > MAX_DEPTH:
        return f"it is deeper than {MAX_DEPTH} folders"
    for name in names:
        fault = name_fault(name)
        if fault:
            return fault
    return None


def check_path(path: str) -> str:
    """The path itself. Raises InvalidPath with the reason."""
    fault = path_fault(path)
    if fault:
        shown = path if len(path) <= 200 else path[:200] + "…"
        raise InvalidPath(f"The path {shown!r} is not allowed: {fault}.")
    return path
