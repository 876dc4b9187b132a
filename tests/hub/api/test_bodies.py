import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Invalid
from hub.api import bodies
from hub.api.bodies import lines_of


@given(st.lists(st.binary(max_size=9)).map(b"\n".join), st.integers(1, 12))
def test_lines_come_whole_wherever_blocks_end(data, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies, "_BLOCK", block)
        assert list(lines_of(io.BytesIO(data), longest=1000, limit=10**6)) == data.split(b"\n")


def test_what_is_too_long_is_refused_before_it_is_read():
    class Endless:
        def read(self, size: int = 1, /) -> bytes:
            return b"x" * size

    with pytest.raises(Invalid):
        list(lines_of(Endless(), longest=10**6, limit=10**9))
    short = io.BytesIO(b"x\n" * 10**6)
    with pytest.raises(Invalid):
        list(lines_of(short, longest=10, limit=10**6))
