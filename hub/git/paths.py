"""Which file paths a repository may hold.

A path is checked once, where it enters, whatever the door: a commit through the
API or a pushed tree. The rules protect people who clone: git itself refuses
``.git`` in its many disguises (NTFS short names, trailing dots, HFS invisible
characters), and so do we.
"""

import re
import unicodedata
from functools import lru_cache

from hub.git.errors import InvalidPath

MAX_PATH_BYTES = 1024
MAX_NAME_BYTES = 255
MAX_DEPTH = 64

# Characters that HFS+ ignores when it compares names (git's own list, utf8.c).
_HFS_IGNORED = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])
_NTFS_GIT = re.compile(r"(\.git|git~[0-9]+)( |\.)*(:.*)?", re.IGNORECASE | re.DOTALL)


@lru_cache(maxsize=65536)
def name_fault(name: str) -> str | None:
    """Why one component of a path is refused, or None."""
    if name == "":
        return "it has an empty component"
    if name in (".", ".."):
        return f"it has a component {name!r}"
    if len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
        return f"a component is longer than {MAX_NAME_BYTES} bytes"
    for char in name:
        if unicodedata.category(char) in ("Cc", "Cs"):
            return "it has a control character"
    visible = name.translate(_HFS_IGNORED)
    for part in visible.split("\\"):
        if _NTFS_GIT.fullmatch(part):
            return "a component stands for .git"
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
