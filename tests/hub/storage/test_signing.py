from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.storage.errors import BadSignature
from hub.storage.signing import Grant, sign, signed_url, verify

SECRET = b"a secret of the tests"
KEY = "objects/" + "ab" * 32

grants = st.builds(
    Grant,
    method=st.sampled_from(["GET", "PUT"]),
    key=st.text(max_size=20),
    expires=st.integers(0, 2**40),
    byte_range=st.none() | st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)),
    filename=st.none() | st.text(max_size=20),
)


@given(grant=grants)
def test_signed_link_allows_what_was_signed(grant):
    assert verify(SECRET, grant.method, grant.key, sign(SECRET, grant), now=grant.expires) == grant


@given(grant=grants, other=grants)
def test_no_other_grant_fits_the_signature(grant, other):
    query = sign(SECRET, other) | {"signature": sign(SECRET, grant)["signature"]}
    if other == grant:
        return
    with pytest.raises(BadSignature):
        verify(SECRET, other.method, other.key, query, now=0)


def test_head_goes_with_get_but_put_does_not():
    query = sign(SECRET, Grant("GET", KEY, 100))
    assert verify(SECRET, "HEAD", KEY, query, now=100).method == "GET"
    for method in ("PUT", "POST", "DELETE", "get"):
        with pytest.raises(BadSignature):
            verify(SECRET, method, KEY, query, now=100)


def test_links_end():
    query = sign(SECRET, Grant("GET", KEY, 100))
    with pytest.raises(BadSignature, match="too old"):
        verify(SECRET, "GET", KEY, query, now=100.5)
    with pytest.raises(BadSignature, match="not valid"):
        verify(b"another secret", "GET", KEY, query, now=1000)


@pytest.mark.parametrize(
    "change",
    [
        {"expires": "101"}, {"expires": "x"}, {"expires": ""}, {"range": "0-9"}, {"range": "0"}, {"range": "a-b"},
        {"filename": "x"}, {"filename": ""}, {"signature": ""}, {"signature": "ü"}, {"signature": "0" * 64},
    ],
)  # fmt: skip
def test_altered_links_are_refused(change):
    query = sign(SECRET, Grant("GET", KEY, 100)) | change
    with pytest.raises(BadSignature, match="not valid"):
        verify(SECRET, "GET", KEY, query, now=0)


@pytest.mark.parametrize("name", ["expires", "signature"])
def test_incomplete_links_are_refused(name):
    query = sign(SECRET, Grant("GET", KEY, 100))
    del query[name]
    with pytest.raises(BadSignature):
        verify(SECRET, "GET", KEY, query, now=0)


def test_url_survives_the_way_through_a_browser():
    grant = Grant("GET", KEY, 100, (0, 9), "模型 & co.safetensors")
    url = urlsplit(signed_url(SECRET, "http://hub.test/store/", grant))
    assert url.path == f"/store/{KEY}"
    assert verify(SECRET, "GET", KEY, dict(parse_qsl(url.query)), now=0) == grant
