import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.git.lfs_pointer import Pointer, format_pointer, parse_pointer

SHA = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
EXAMPLE = f"version https://git-lfs.github.com/spec/v1\noid sha256:{SHA}\nsize 12345\n".encode()


def test_pointer_is_written_as_the_specification_shows():
    assert format_pointer(SHA, 12345) == EXAMPLE
    assert parse_pointer(EXAMPLE) == Pointer(SHA, 12345)


@given(size=st.integers(0, 10**18))
def test_what_is_formatted_is_parsed(size):
    assert parse_pointer(format_pointer(SHA, size)) == Pointer(SHA, size)


@given(data=st.binary(max_size=2000))
def test_any_bytes_are_a_pointer_or_not(data):
    assert parse_pointer(data) is None
    assert parse_pointer(b"version " + data) is None


@pytest.mark.parametrize(
    "change",
    [
        (b"sha256:4d", b"sha256:4D"),
        (b"sha256", b"sha1"),
        (b"12345", b"-1"),
        (b"12345", b"012345"),
        (b"12345", b"12345 6"),
        (b"spec/v1", b"spec/v2"),
        (b"size 12345\n", b""),
        (b"size 12345\n", b"size 1\nsize 2\n"),
        (b"size 12345\n", b"size 1\n\n"),
    ],
)
def test_malformed_pointer_is_an_ordinary_file(change):
    assert parse_pointer(EXAMPLE.replace(*change)) is None


@pytest.mark.parametrize(("sha256", "size"), [("AB" * 32, 1), ("ab", 1), ("ab" * 32, -1)])
def test_format_refuses_nonsense(sha256, size):
    with pytest.raises(ValueError):
        format_pointer(sha256, size)
