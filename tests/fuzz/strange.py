"""Strange texts, bodies and bytes: what no client means to send."""

import json
from typing import Any

from hypothesis import strategies as st

WORDS = st.sampled_from([
    "", " ", "\x00", "\ud800", "a\x00b", "../..", "/", "//", ".", "..", "%00", "%", "refs/heads/main", "-1", "0",
    "1e999", "9" * 30, "²", "NaN", "null", "true", "[]", "main", "ada", "ada/tiny", "tiny", "model", "\u202e", "\r\n",
    "dataset", "A" * 5000, "é" * 300, "'; --", "*", "((((", "[a-", "\\", "ab" * 32, "g" * 64, "2026-01-01", "bytes=0-",
])  # fmt: skip
TEXTS = st.one_of(WORDS, st.text(max_size=40))
NUMBERS = st.one_of(
    st.sampled_from([0, -1, 1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**40, 1.5, float("nan"), float("inf"), 1e308]),
    st.integers(),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
DEEP = st.sampled_from([b"[" * 100_000, b'{"a":' * 50_000, b"[" * 5000 + b"]" * 5000, b'"\\ud800"', b"", b"1", b"[]"])


@st.composite
def changed(draw, value: Any) -> Any:
    """A JSON value with one or two of its parts put, taken or turned into something else."""
    for _time in range(draw(st.integers(1, 2))):
        value = _changed_once(draw, value)
    return value


def _changed_once(draw, value: Any) -> Any:
    inner = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    if not len(inner) or draw(st.integers(0, 4)) == 0:
        return draw(VALUES)
    copy = dict(value) if isinstance(value, dict) else list(value)
    key = draw(st.sampled_from(list(inner)))
    match draw(st.integers(0, 5)):
        case 0:
            del copy[key]
        case 1 if isinstance(copy, dict):
            copy[draw(TEXTS)] = draw(VALUES)
        case _:
            copy[key] = _changed_once(draw, copy[key])
    return copy


def spelt(value: Any) -> bytes:
    """JSON as bytes; halves of surrogate pairs and NaN stay in."""
    return json.dumps(value).encode("utf-8", "surrogatepass")


@st.composite
def damaged(draw, data: bytes) -> bytes:
    """Bytes cut off, changed, doubled or with others put in."""
    out = bytearray(data)
    for _time in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(out) - 1, 0)))
        match draw(st.integers(0, 5)):
            case 0:
                del out[place:]
            case 1:
                out[place:place] = draw(st.binary(max_size=20))
            case 2:
                out[place : place + draw(st.integers(1, 30))] = b""
            case 3:
                out[place : place + 8] = draw(st.sampled_from([b"\xff" * 8, b"\x00" * 8, b"\xff" * 7 + b"\x7f"]))
            case 4:
                out += out[place : place + 4096]
            case _ if out:
                out[place] ^= 1 << draw(st.integers(0, 7))
    return bytes(out)


def bytes_like(*samples: bytes) -> st.SearchStrategy[bytes]:
    """Damaged samples for the most part, and noise."""
    return st.one_of(
        *(damaged(sample) for sample in samples), *(st.just(one) for one in samples), st.binary(max_size=200)
    )
