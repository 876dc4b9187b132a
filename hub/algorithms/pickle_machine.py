"""The machine that follows a pickle: stack, marks and memo, as far as texts and imported names go.

It mirrors Python's own unpickler instruction by instruction, and does nothing of what they say.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from hub.algorithms.pickle_source import Broken, Source

MAX_STEPS = 5_000_000
_MAX_TEXT = 4096


class Import(NamedTuple):
    """A name that a pickle asks for."""

    module: str
    name: str


class _Imported(NamedTuple):
    module: str
    name: str


class _Value:
    """Anything that is neither a text nor an import."""


_VALUE, _MARK = _Value(), _Value()


class Machine:
    """Follows one pickle after the other; `restart` forgets the stack, and the memo as Python does."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.steps = 0
        self.restart()

    def restart(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.imports: list[Import] = []
        self.faults: list[str] = []
        self.calls = 0
        self.number = b""

    def run(self) -> None:
        """To the STOP. Raises Broken."""
        take = self._source.take
        while True:
            self.steps += 1
            if self.steps > MAX_STEPS:
                raise Broken("it has too many instructions to look at all of them")
            code = take(1)
            if code == b".":
                self.pop()
                return
            step = STEPS.get(code)
            if step is None:
                raise Broken(f"{code!r} is no instruction")
            step(self)

    def push(self, value: Any = _VALUE) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise Broken("it takes more from its stack than there is")
        return self.stack.pop()

    def pop_to_mark(self) -> list[Any]:
        values: list[Any] = []
        while self.stack:
            value = self.stack.pop()
            if value is _MARK:
                return values[::-1]
            values.append(value)
        raise Broken("it looks for a mark that is not there")

    def call(self, function: Any) -> None:
        self.calls += 1
        if not isinstance(function, _Imported):
            self.fault("it calls something that it computed")
        self.push()

    def change(self, target: Any) -> None:
        if isinstance(target, _Imported):
            self.fault(f"it changes {target.module}.{target.name} itself")

    def fault(self, words: str) -> None:
        if len(self.faults) < 20:
            self.faults.append(words)

    def bring(self, module: Any, name: Any) -> None:
        """An import, by two texts; anything else cannot be known."""
        if not isinstance(module, str) or not isinstance(name, str):
            self.fault("it computes the name of what it imports")
            self.push()
            return
        self.imports.append(Import(module, name))
        self.push(_Imported(module, name))

    def decoded(self, raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise Broken("a name is no text") from None

    def text(self, size: int) -> Any:
        """A text of so many bytes, if it is short enough to be a name."""
        if size > _MAX_TEXT:
            self._source.skip(size)
            return _VALUE
        raw = self._source.take(size)
        try:
            return raw.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return _VALUE

    def skip(self, size: int) -> None:
        self._source.skip(size)
        self.push()

    def ignore(self, size: int) -> None:
        self._source.skip(size)

    def line(self) -> bytes:
        return self._source.line()

    def read(self, size: int) -> int:
        return self._source.number(size)

    def bytes(self, size: int) -> bytes:
        return self._source.take(size)

    def index(self) -> int:
        try:
            value = int(self.line())
        except ValueError:
            raise Broken("a place in the memo is no number") from None
        if value < 0:
            raise Broken("a place in the memo is negative")
        return value


def _proto(m: Machine) -> None:
    if m.read(1) > 5:
        raise Broken("its protocol is not known")


def _global(m: Machine) -> None:
    module, name = m.decoded(m.line()), m.decoded(m.line())
    m.bring(module, name)


def _stack_global(m: Machine) -> None:
    name, module = m.pop(), m.pop()
    m.bring(module, name)


def _inst(m: Machine) -> None:
    module, name = m.decoded(m.line()), m.decoded(m.line())
    m.pop_to_mark()
    m.bring(module, name)
    m.call(m.pop())


def _obj(m: Machine) -> None:
    values = m.pop_to_mark()
    if not values:
        raise Broken("it makes an object of nothing")
    m.call(values[0])


def _reduce(m: Machine) -> None:
    m.pop()
    m.call(m.pop())


def _new_object_with_names(m: Machine) -> None:
    m.pop()
    _reduce(m)


def _build(m: Machine) -> None:
    m.pop()
    target = m.pop()
    m.change(target)
    m.push(target)


def _extension(size: int) -> Callable[[Machine], None]:
    def step(m: Machine) -> None:
        m.read(size)
        m.fault("it imports from the registry of extensions")
        m.push()

    return step


def _put(read: Callable[[Machine], int]) -> Callable[[Machine], None]:
    def step(m: Machine) -> None:
        place = read(m)
        if not m.stack or m.stack[-1] is _MARK:
            raise Broken("it remembers what is not there")
        m.memo[place] = m.stack[-1]

    return step


def _get(read: Callable[[Machine], int]) -> Callable[[Machine], None]:
    def step(m: Machine) -> None:
        place = read(m)
        if place not in m.memo:
            raise Broken("it recalls what it never kept")
        m.push(m.memo[place])

    return step


def _pop(m: Machine) -> None:
    if not m.stack:
        raise Broken("it takes more from its stack than there is")
    m.stack.pop()


def _pop_mark(m: Machine) -> None:
    m.pop_to_mark()


def _dup(m: Machine) -> None:
    value = m.pop()
    m.stack += [value, value]


def _string(m: Machine) -> None:
    """An old text in quotes; one with an escape in it is not worth following."""
    raw = m.line().strip()
    quoted = len(raw) >= 2 and raw[:1] == raw[-1:] and raw[:1] in (b"'", b'"')
    if not quoted:
        raise Broken("a text has no quotes")
    m.push(raw[1:-1].decode() if raw.isascii() and b"\\" not in raw and len(raw) <= _MAX_TEXT else _VALUE)


def _unicode_line(m: Machine) -> None:
    raw = m.line()
    try:
        m.push(raw.decode("raw-unicode-escape") if len(raw) <= _MAX_TEXT else _VALUE)
    except UnicodeDecodeError:
        raise Broken("a text cannot be read") from None


def _skipping(size_bytes: int, *, signed: bool = False) -> Callable[[Machine], None]:
    def step(m: Machine) -> None:
        size = int.from_bytes(m.bytes(size_bytes), "little", signed=signed)
        if size < 0:
            raise Broken("a length is negative")
        m.skip(size)

    return step


def _texts(size_bytes: int, *, signed: bool = False) -> Callable[[Machine], None]:
    def step(m: Machine) -> None:
        size = int.from_bytes(m.bytes(size_bytes), "little", signed=signed)
        if size < 0:
            raise Broken("a length is negative")
        m.push(m.text(size))

    return step


def _small_number(m: Machine) -> None:
    size = m.read(1)
    m.number = m.bytes(size)
    m.push()


def _fixed(size: int) -> Callable[[Machine], None]:
    return lambda m: m.skip(size)


def _line_value(m: Machine) -> None:
    m.line()
    m.push()


def _taking(count: int) -> Callable[[Machine], None]:
    """Take so many values, leave one."""

    def step(m: Machine) -> None:
        for _number in range(count):
            m.pop()
        m.push()

    return step


def _gather(m: Machine) -> None:
    m.pop_to_mark()
    m.push()


def _filling(m: Machine) -> None:
    """APPENDS, SETITEMS, ADDITEMS: into what lies below the mark."""
    m.pop_to_mark()
    _into(m)


def _adding(count: int) -> Callable[[Machine], None]:
    def step(m: Machine) -> None:
        for _number in range(count):
            m.pop()
        _into(m)

    return step


def _into(m: Machine) -> None:
    target = m.pop()
    m.change(target)
    m.push(target)


def _read_only(m: Machine) -> None:
    m.push(m.pop())


STEPS: dict[bytes, Callable[[Machine], None]] = {
    b"\x80": _proto,
    b"\x95": lambda m: m.ignore(8),  # a frame is only a hint for buffering
    b"(": lambda m: m.push(_MARK),
    b"0": _pop,
    b"1": _pop_mark,
    b"2": _dup,
    **dict.fromkeys((b"F", b"I", b"L", b"P"), _line_value),
    b"J": _fixed(4),
    b"K": _fixed(1),
    b"M": _fixed(2),
    b"G": _fixed(8),
    b"\x8a": _small_number,
    b"\x8b": _skipping(4, signed=True),
    **dict.fromkeys((b"N", b"\x88", b"\x89", b"]", b"}", b")", b"\x8f", b"\x97"), lambda m: m.push()),
    b"Q": _taking(1),
    b"S": _string,
    b"T": _texts(4, signed=True),
    b"U": _texts(1),
    b"V": _unicode_line,
    b"X": _texts(4),
    b"\x8c": _texts(1),
    b"\x8d": _texts(8),
    b"B": _skipping(4),
    b"C": _skipping(1),
    b"\x8e": _skipping(8),
    b"\x96": _skipping(8),
    b"c": _global,
    b"\x93": _stack_global,
    b"i": _inst,
    b"o": _obj,
    b"R": _reduce,
    b"\x81": _reduce,
    b"\x92": _new_object_with_names,
    b"b": _build,
    b"\x82": _extension(1),
    b"\x83": _extension(2),
    b"\x84": _extension(4),
    b"p": _put(lambda m: m.index()),
    b"q": _put(lambda m: m.read(1)),
    b"r": _put(lambda m: m.read(4)),
    b"\x94": _put(lambda m: len(m.memo)),
    b"g": _get(lambda m: m.index()),
    b"h": _get(lambda m: m.read(1)),
    b"j": _get(lambda m: m.read(4)),
    **dict.fromkeys((b"l", b"d", b"t", b"\x91"), _gather),
    b"\x85": _taking(1),
    b"\x86": _taking(2),
    b"\x87": _taking(3),
    **dict.fromkeys((b"e", b"u", b"\x90"), _filling),
    b"a": _adding(1),
    b"s": _adding(2),
    b"\x98": _read_only,
}
