"""What servers may answer to a client of git's protocol."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.algorithms import git_wire
from hub.algorithms.git_wire import FLUSH, WireError, packet

OID = "a" * 40


def answer(*parts):
    return io.BytesIO(b"".join(parts))


def band(number, data):
    return b"%04x" % (len(data) + 5) + bytes([number]) + data


def test_a_server_of_version_2_is_known_and_no_other():
    git_wire.require_version_2(answer(packet("version 2"), packet("ls-refs"), packet("object-format=sha1"), FLUSH))
    git_wire.require_version_2(answer(packet("# service=git-upload-pack"), FLUSH, packet("version 2"), FLUSH))
    for lines in (
        [packet(f"{OID} HEAD"), FLUSH], [packet("version 1"), FLUSH], [], [FLUSH], [b"<html>"],
        [packet("version 2"), packet("object-format=sha256"), FLUSH], [packet("ERR go away")],
    ):  # fmt: skip
        with pytest.raises(WireError):
            git_wire.require_version_2(answer(*lines))


def test_refs_and_what_head_names():
    lines = [
        packet(f"{OID} HEAD symref-target:refs/heads/dev"), packet(f"{OID} refs/heads/dev"),
        packet(f"{'b' * 40} refs/tags/v1 peeled:{OID}"), packet("unborn refs/heads/x"), FLUSH,
    ]  # fmt: skip

    assert git_wire.refs_of(answer(*lines)) == ({"refs/heads/dev": OID, "refs/tags/v1": "b" * 40}, "refs/heads/dev")


def test_a_pack_comes_in_bands():
    parts = [packet("packfile"), band(1, b"PACK"), band(2, b"counting"), band(1, b""), band(1, b"rest"), FLUSH]

    assert b"".join(git_wire.pack_of(answer(*parts))) == b"PACKrest"
    assert list(git_wire.pack_of(answer(*parts))).count(b"") == 2
    for broken in (parts[:-1], [packet("packfile"), band(3, b"no room"), FLUSH], [FLUSH], [packet("acknowledgments")]):
        with pytest.raises(WireError):
            list(git_wire.pack_of(answer(*broken)))


def test_what_is_asked():
    asked = git_wire.fetch_request([OID], ["b" * 40])

    assert asked.startswith(packet("command=fetch"))
    assert packet(f"want {OID}") in asked
    assert asked.endswith(packet(f"have {'b' * 40}") + packet("done") + FLUSH)


@given(st.binary(max_size=200))
def test_odd_answers_break_nothing(data):
    for read in (git_wire.refs_of, lambda source: list(git_wire.pack_of(source)), git_wire.require_version_2):
        try:
            read(io.BytesIO(data))
        except WireError:
            continue
