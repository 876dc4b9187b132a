import pytest

from licensing.standin.errors import ApiError
from licensing.standin.forms import decode


def test_brackets_become_nested_names():
    assert decode("a=1&b[c]=2&b[d][0][e]=3&b[d][1][e]=&f[]=x&f[]=y") == {
        "a": "1",
        "b": {"c": "2", "d": {"0": {"e": "3"}, "1": {"e": ""}}},
        "f": {"0": "x", "1": "y"},
    }


@pytest.mark.parametrize("form", ["[a]=1", "a[b=1", "a]b=1", "a=1&a=2", "a=1&a[b]=2", "a[b]=1&a=2"])
def test_broken_names_are_refused(form):
    with pytest.raises(ApiError):
        decode(form)
