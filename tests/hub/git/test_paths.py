import pytest

from hub.git.errors import InvalidPath
from hub.git.paths import check_path

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
