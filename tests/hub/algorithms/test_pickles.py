"""The reader of pickles: nothing that Python would import goes unseen."""

import collections
import datetime as dt
import io
import pickle
import pickletools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.algorithms import pickle_machine, pickles
from hub.algorithms.pickle_rules import is_allowed


class Calls:
    """A pickle of it calls a function when it is loaded."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def read(data):
    return pickles.read_pickles(io.BytesIO(data))


def names(found):
    return [f"{one.module}.{one.name}" for one in found.forbidden]


def is_clean(found):
    return found.pickles > 0 and not (found.forbidden or found.faults or found.broken or found.has_rest)


def short(text):
    raw = text.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


def test_every_instruction_of_python_is_known():
    known = set(pickle_machine.STEPS) | {b"."}
    assert known == {code.code.encode("latin-1") for code in pickletools.opcodes}


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_is_clean_in_every_protocol(protocol):
    data = {
        "numbers": [1, -1, 2.5, 10**40, True, None, 300, 70_000],
        "texts": ["x", "é" * 300, b"\x00" * 300, bytearray(b"y")],
        "sets": [{1, 2}, frozenset({3}), (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
        "ordered": collections.OrderedDict(a=1),
        "counter": collections.Counter("aab"),
        "when": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    }
    assert is_clean(read(pickle.dumps(data, protocol)))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(("function", "name"), [(eval, "eval"), (print, "print"), (getattr, "getattr")])
def test_a_call_of_anything_else_is_seen_in_every_protocol(protocol, function, name):
    found = read(pickle.dumps([1, {"x": Calls(function, "1")}], protocol))
    assert [one.rpartition(".")[2] for one in names(found)] == [name]


SLY = {
    "INST": b"(S'echo'\nios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nS'echo'\no.",
    "NEWOBJ": b"\x80\x02cos\nsystem\n)\x81.",
    "NEWOBJ_EX": b"\x80\x04" + short("os") + short("system") + b"\x93)}\x92.",
    "REDUCE": b"cos\nsystem\n(S'echo'\ntR.",
    "through the memo": b"\x80\x04" + short("os") + b"\x94" + short("system") + b"\x940h\x00h\x01\x93)R.",
    "through DUP": b"\x80\x04" + short("os") + b"2\x93)R.",
    "old texts": b"\x80\x04S'os'\nS'system'\n\x93)R.",
    "unicode line": b"\x80\x04Vos\nV\\u0073ystem\n\x93)R.",
    "POP_MARK": b"\x80\x04(cos\nsystem\n1N.",
    "popped again": b"cos\nsystem\n0N.",
    "a name of a name": b"\x80\x04" + short("collections") + short("OrderedDict.__init__.__globals__") + b"\x93.",
    "import alone": b"cthis\ns\n.",
    "after a broken frame": b"\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00cos\nsystem\n)R.",
    "appended": pickle.dumps([1]) + b"cos\nsystem\n(S'echo'\ntR.",
    "appended and broken": pickle.dumps([1]) + b"cos\nsystem\n(S'echo'\ntR\xff",
    "cut off after the call": b"cos\nsystem\n(S'echo'\ntR",
    "a number of torch before it": b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.cos\nsystem\n(S'echo'\ntR.",
    "nested loading": b"ctorch.storage\n_load_from_bytes\n(S'x'\ntR.",
    "a new name each time": b"cnumpy.testing._private.utils\nrunstring\n(S'1'\n}tR.",
}


@pytest.mark.parametrize("how", SLY)
def test_sly_ways_to_import_are_seen(how):
    assert names(read(SLY[how])) != []


COMPUTED = {
    "a name out of a call": b"\x80\x04" + short("os") + b"cbuiltins\nstr\n" + short("system") + b"\x85R\x93)R.",
    "a name that is too long to follow": b"\x80\x04"
    + short("os")
    + b"X"
    + b"\x88\x13\x00\x00"
    + b"s" * 5000
    + b"\x93.",
    "a name of bytes": b"\x80\x04C\x02osC\x06system\x93)R.",
    "extension registry": b"\x80\x02\x82\x01)R.",
    "a call of what a call gave": b"cbuiltins\nlist\n)R)R.",
    "a call of what was given from outside": b"P1\n)R.",
    "a change of what it imported": b"ccollections\nOrderedDict\n}b.",
    "an item set in what it imported": b"ccollections\nOrderedDict\nNNs.",
}


@pytest.mark.parametrize("how", COMPUTED)
def test_what_cannot_be_followed_is_a_fault(how):
    assert read(COMPUTED[how]).faults != []


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x80", b"N", b"0.", b"(.", b"t.", b"h\x00.", b"\x80\x06N.", b"X\xff\xff\xff\xff", b"T\xff\xff\xff\xff.",
        b"cos\n", b"S'x.", b"\xffN.", b"g-1\n.", b"p0\n.", pickle.dumps({"a": [1, 2]})[:-1],
    ],
)  # fmt: skip
def test_a_broken_stream_is_never_clean(data):
    assert read(data).broken


def test_bytes_after_the_last_pickle_are_told():
    found = read(pickle.dumps([1]) + b"\x00\x01\x02" * 100)
    assert (found.has_rest, found.forbidden) == (True, [])


def test_many_instructions_end_somewhere(monkeypatch):
    monkeypatch.setattr(pickle_machine, "MAX_STEPS", 100)
    assert "too many" in read(b"N0" * 200 + b"N.").broken


def what_python_imports(data):
    """Every name that the interpreter's own readers ask for, in both of their versions; nothing is given to them."""
    asked = []

    def stop(module, name):
        asked.append((module, name))
        raise ImportError

    for base in (pickle.Unpickler, pickle._Unpickler):
        kind = type("Asking", (base,), {"find_class": lambda _self, module, name: stop(module, name)})
        stream = io.BytesIO(data)
        try:
            while stream.tell() < len(data):
                kind(stream).load()
        except Exception:
            pass
    return [one for one in asked if not is_allowed(*one)]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
EVIL = st.sampled_from([*SLY.values(), *(pickle.dumps(Calls(eval, "1"), protocol) for protocol in range(6))])


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_never_break_it_and_never_hide_an_import(data):
    found = read(data)
    if is_clean(found):
        assert what_python_imports(data) == []


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_mutated_pickles_are_clean_only_if_python_imports_nothing_else(data):
    start = data.draw(EVIL | st.builds(pickle.dumps, VALUES, st.integers(0, 5)))
    raw = bytearray(start)
    for _change in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(raw)))
        change = data.draw(st.sampled_from(["put", "drop", "set", "copy"]))
        if change == "put":
            raw[at:at] = data.draw(st.binary(max_size=4) | EVIL)
        elif change == "drop":
            del raw[at : at + data.draw(st.integers(1, 4))]
        elif change == "set" and at < len(raw):
            raw[at] = data.draw(st.integers(0, 255))
        else:
            raw += raw[at : at + 20]
    found = read(bytes(raw))
    if is_clean(found):
        assert what_python_imports(bytes(raw)) == []


@settings(max_examples=200, deadline=None)
@given(VALUES, st.integers(0, 5))
def test_data_is_always_clean(value, protocol):
    assert is_clean(read(pickle.dumps(value, protocol)))
