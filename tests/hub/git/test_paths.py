import pytest

from hub.git.errors import InvalidPath
from hub.git.paths import case_fault, check_path

ALLOWED = [
    "README.md",
    "a/b/c.txt",
    ".gitattributes",
    ".github/workflows/x.yml",
    "git~/x",
    ".gitx",
    "a b/ü/形状.png",
    "folder/..\\..\\file",
    "...",
    "a" * 255,
    "гіт/файл.txt",
    "מודל/קובץ.txt",
    "digit/ɡreat.txt",
]
REFUSED = [
    "",
    "/etc/passwd",
    "..",
    "../x",
    "a/../b",
    "a/./b",
    "a//b",
    "a/",
    "..\\x",
    "\\\\host\\share",
    ".git/config",
    "a/.git",
    ".GIT/hooks/post-checkout",
    ".git./config",
    ".git /config",
    ".git...",
    "git~1/config",
    "GIT~12",
    ".git::$INDEX_ALLOCATION/config",
    ".g\u200cit/config",
    "\ufeff.git",
    "a\\.git\\config",
    *(f".g{chr(mark)}it/config" for mark in (0x200D, 0x200E, 0x206B, 0xFEFF)),
    ".gi\u0131t".replace("\u0131", "\u200f") + "/config",
    "．ｇｉｔ/config",
    ".ｇit/config",
    "․git/config",
    ".g\u0456t/config",
    ".ɡit/config",
    ".giт/hooks/x",
    "ｇｉｔ~１",
    ".𝐠𝐢𝐭/config",
    "a\\.GIT \\config",
    "invoice\u202egpj.exe",
    "a\u2066b",
    "a\x7fb",
    "a\x85b",
    "a\0b",
    "a\nb",
    "a\x1b[0m",
    "a\udc80",
    "a" * 256,
    "/".join(["a" * 200] * 6),
    "/".join(["a"] * 65),
]


@pytest.mark.parametrize("path", ALLOWED)
def test_path_is_allowed(path):
    assert check_path(path) == path


@pytest.mark.parametrize("path", REFUSED)
def test_path_is_refused_with_its_reason(path):
    with pytest.raises(InvalidPath, match="not allowed: "):
        check_path(path)


def test_links_that_become_folders_where_case_does_not_count():
    assert case_fault([("README.md", False), ("readme.md", False), ("A", True)]) is None
    assert case_fault([("A", True), ("a", False)]) is not None
    assert case_fault([("a", False), ("b", False), ("A", True)]) is not None
    assert case_fault([("\u00e9", True), ("e\u0301", False)]) is not None
    assert case_fault([("stra\u00dfe", False), ("STRASSE", True)]) is not None
