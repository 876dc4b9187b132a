import pytest

from common.errors import Unavailable
from common.places import HeldStream, Places

FULL = Unavailable("full", retry_after=5)


def test_a_place_is_given_back_by_closing_whether_or_not_it_was_read():
    places = Places(1)
    first = HeldStream(iter("ab"), places, FULL)
    with pytest.raises(Unavailable):
        HeldStream(iter("c"), places, FULL)
    first.close()
    first.close()
    second = HeldStream(iter("ab"), places, FULL)
    assert list(second) == ["a", "b"]
    with pytest.raises(Unavailable):
        places.take(FULL)
    second.close()
    places.take(FULL)
