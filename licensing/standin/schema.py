"""What Stripe's own Python package says requests and answers look like.

The installed `stripe` package carries the types of the whole API: parameters as TypedDicts under
`stripe/params`, operations in the service classes, objects as annotated classes. This module reads
them, so raising the pin of `stripe` re-checks every request and every answer of the stand-in.

It is the one module besides `licensing/gateway.py` that may import `stripe`, and it imports types
only: it never talks to anybody.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any, ForwardRef, Literal, get_args, get_origin

import stripe
import typing_extensions
from stripe._api_version import _ApiVersion
from stripe._object_classes import OBJECT_CLASSES
from stripe._request_options import RequestOptions
from stripe._stripe_object import StripeObject, UntypedStripeObject

from .errors import RequestRefused, WrongAnswer

API_VERSION: str = _ApiVersion.CURRENT
_OPTIONS = frozenset(RequestOptions.__annotations__)


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of the API: `checkout.Session.create` is POST /v1/checkout/sessions."""

    name: str
    method: str
    path: str
    module: str
    params: str | None
    answer: str

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The ids in the path when this operation is meant, else None."""
        if method != self.method:
            return None
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path)
        found = re.fullmatch(pattern, path)
        return found.groupdict() if found else None


def operations(modules: tuple[str, ...]) -> list[Operation]:
    """The operations of these service modules, plain paths before paths with ids."""
    found = [operation for module in modules for operation in _operations_of(module)]
    return sorted(found, key=lambda operation: operation.path.count("{"))


@cache
def all_operations() -> list[Operation]:
    """Every operation of the v1 API that the package knows (about two seconds, once)."""
    root = Path(stripe.__file__).parent
    names = (
        "stripe." + ".".join(path.relative_to(root).with_suffix("").parts)
        for path in sorted(root.rglob("_*_service.py"))
    )
    return operations(tuple(names))


@cache
def _operations_of(module: str) -> list[Operation]:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    prefix = ".".join(module.split(".")[1:-1])
    found = []
    for service in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        owner = ".".join(filter(None, [prefix, service.name.removesuffix("Service")]))
        for verb in (node for node in service.body if isinstance(node, ast.FunctionDef)):
            request = _request_in(verb)
            if request is not None and verb.returns is not None:
                method, path = request
                found.append(
                    Operation(
                        name=f"{owner}.{verb.name}",
                        method=method,
                        path=path,
                        module=module,
                        params=_params_of(verb),
                        answer=str(ast.literal_eval(verb.returns)),
                    )
                )
    return found


def _request_in(verb: ast.FunctionDef) -> tuple[str, str] | None:
    for node in ast.walk(verb):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "_request":
            method, path = node.args[:2]
            if isinstance(path, ast.Call) and isinstance(path.func, ast.Attribute):
                path = path.func.value  # "/v1/…/{id}".format(id=…)
            return str(ast.literal_eval(method)), str(ast.literal_eval(path))
    return None


def _params_of(verb: ast.FunctionDef) -> str | None:
    for argument in verb.args.args:
        if argument.arg == "params" and argument.annotation is not None:
            named = re.search(r"\w+Params\b", ast.unparse(argument.annotation))
            return named[0] if named else None
    return None


class _Names(dict[str, Any]):
    """The names of a module, with those under `if TYPE_CHECKING` imported when first asked for."""

    def __init__(self, module: str) -> None:
        loaded = importlib.import_module(module)
        super().__init__(vars(loaded))
        assert loaded.__file__ is not None
        tree = ast.parse(Path(loaded.__file__).read_text(encoding="utf-8"))
        self._later: dict[str, tuple[str, str]] = {}
        for block in (node for node in tree.body if isinstance(node, ast.If)):
            for line in (node for node in block.body if isinstance(node, ast.ImportFrom)):
                for alias in line.names:
                    assert line.module is not None
                    self._later[alias.asname or alias.name] = (line.module, alias.name)

    def __missing__(self, name: str) -> Any:
        module, original = self._later[name]
        self[name] = getattr(importlib.import_module(module), original)
        return self[name]


@cache
def _names(module: str) -> _Names:
    return _Names(module)


@cache
def _evaluated(source: str, module: str) -> Any:
    # The source is an annotation in the installed package, never anything from outside.
    return eval(source, {}, _names(module))  # noqa: S307


def _resolved(kind: Any, module: str) -> Any:
    """The type itself, out of quotes and out of `NotRequired[…]`."""
    while True:
        if isinstance(kind, ForwardRef):
            kind = kind.__forward_arg__
        if isinstance(kind, str):
            kind = _evaluated(kind, module)
        elif get_origin(kind) in (typing_extensions.NotRequired, typing_extensions.Required):
            kind = get_args(kind)[0]
        else:
            return kind


def _alternatives(kind: Any, module: str) -> Iterator[Any]:
    """The members of a union, flattened; a type that is no union is its own only member."""
    kind = _resolved(kind, module)
    if get_origin(kind) in (typing.Union, types.UnionType):
        for member in get_args(kind):
            yield from _alternatives(member, module)
    else:
        yield kind


def _literals(kinds: list[Any]) -> set[Any]:
    return {value for kind in kinds if get_origin(kind) is Literal for value in get_args(kind)}


def read_params(operation: Operation, raw: dict[str, Any]) -> dict[str, Any]:
    """The decoded form as typed values; raises RequestRefused naming the parameter."""
    if operation.params is None:
        for name in raw:
            raise _unknown(name)
        return {}
    kind = _names(operation.module)[operation.params]
    return _read_fields(kind, raw, "")


def _read_fields(kind: Any, raw: dict[str, Any], within: str) -> dict[str, Any]:
    fields = {name: hint for name, hint in kind.__annotations__.items() if name not in _OPTIONS}
    for name in raw:
        if name not in fields:
            raise _unknown(_join(within, name))
    for name in sorted(kind.__required_keys__ & fields.keys()):
        if name not in raw:
            param = _join(within, name)
            raise RequestRefused(f"Missing required param: {param}. Send it.", code="parameter_missing", param=param)
    return {name: _read(fields[name], value, _join(within, name), kind.__module__) for name, value in raw.items()}


def _read(kind: Any, raw: Any, param: str, module: str) -> Any:
    kinds = list(_alternatives(kind, module))
    known = _literals(kinds)
    if isinstance(raw, dict):
        return _read_nested(kinds, raw, param, module)
    if raw in known:
        return raw
    for plain in kinds:
        if plain in _PLAIN:
            try:
                return _PLAIN[plain](raw)
            except (ValueError, InvalidOperation):
                continue
    # Unions written `Literal[…] | str` are open for answers of a later API version; in a request
    # a value outside them is a mistake. `Literal[''] | str` only says that '' clears the field.
    if str in kinds and not known - {""}:
        return raw
    raise _wrong(kinds, known, raw, param)


def _read_nested(kinds: list[Any], raw: dict[str, Any], param: str, module: str) -> Any:
    for kind in kinds:
        if typing_extensions.is_typeddict(kind):
            return _read_fields(kind, raw, param)
        if get_origin(kind) is list and sorted(raw) == sorted(str(i) for i in range(len(raw))):
            member = get_args(kind)[0]
            return [_read(member, raw[str(i)], f"{param}[{i}]", module) for i in range(len(raw))]
        if get_origin(kind) is dict or get_origin(kind) is UntypedStripeObject:
            return {name: _read(str, value, f"{param}[{name}]", module) for name, value in raw.items()}
    raise _wrong(kinds, _literals(kinds), raw, param)


def _truth(raw: str) -> bool:
    if raw not in ("true", "false"):
        raise ValueError(raw)
    return raw == "true"


def _whole(raw: str) -> int:
    if not re.fullmatch(r"-?\d{1,18}", raw):
        raise ValueError(raw)
    return int(raw)


_PLAIN: dict[Any, Any] = {bool: _truth, int: _whole, float: float, Decimal: Decimal}
_PLAIN_WORDS = {bool: "boolean", int: "integer", float: "number", Decimal: "decimal", str: "string"}


def _join(within: str, name: str) -> str:
    return f"{within}[{name}]" if within else name


def _unknown(param: str) -> RequestRefused:
    return RequestRefused(
        f"Received unknown parameter: {param}. API version {API_VERSION} has no such parameter here: "
        "correct the spelling or leave it out.",
        code="parameter_unknown",
        param=param,
    )


def _wrong(kinds: list[Any], known: set[Any], raw: Any, param: str) -> RequestRefused:
    if known:
        wanted = "one of " + ", ".join(sorted(str(value) for value in known))
        code = "parameter_invalid_enum"
    else:
        words = [_PLAIN_WORDS.get(kind) or ("list" if get_origin(kind) is list else "object") for kind in kinds]
        wanted, code = " or ".join(sorted(set(words))), f"parameter_invalid_{words[0]}"
    return RequestRefused(f"Invalid {param}: {str(raw)[:100]!r}. It must be {wanted}.", code=code, param=param)


def check_answer(operation: Operation, answer: Any) -> None:
    """Raises WrongAnswer, naming the field, unless the answer fits the operation's class."""
    _check(operation.answer, answer, operation.name, operation.module)


def check_snapshot(value: dict[str, Any]) -> None:
    """The same for an object on its own, by the class that its `object` field names (for events)."""
    module, name = OBJECT_CLASSES[value["object"]]
    _check_fields(_names(module)[name], value, value["object"])


def expandable(operation: Operation) -> Any:
    """The class of the operation's answer (of the list's members for a list)."""
    kind = _resolved(operation.answer, operation.module)
    return _resolved(get_args(kind)[0], operation.module) if get_args(kind) else kind


def expansion_of(kind: Any, field: str) -> list[Any]:
    """The object classes that `expand[]=field` may put there; empty when it cannot be expanded."""
    if not isinstance(kind, type) or field not in inspect.get_annotations(kind):
        return []
    kinds = list(_alternatives(kind.__annotations__[field], kind.__module__))
    members = [m for k in kinds for m in (get_args(k) if get_origin(k) else [k])]
    resolved = [_resolved(member, kind.__module__) for member in members]
    return [k for k in resolved if isinstance(k, type) and hasattr(k, "OBJECT_NAME")]


@cache
def _fields(kind: type) -> dict[str, Any]:
    return {
        name: hint
        for name, hint in inspect.get_annotations(kind).items()
        if name != "OBJECT_NAME" and not name.startswith("_")
    }


def _check(kind: Any, value: Any, path: str, module: str) -> None:
    kinds = list(_alternatives(kind, module))
    if value is None:
        if type(None) not in kinds and Any not in kinds:
            raise WrongAnswer(f"{path} may not be null")
        return
    if Any in kinds:
        return
    if isinstance(value, dict):
        _check_object(kinds, value, path, module)
    elif isinstance(value, list):
        lists = [k for k in kinds if get_origin(k) is list]
        if not lists:
            raise WrongAnswer(f"{path} may not be a list")
        for i, member in enumerate(value):
            _check(get_args(lists[0])[0], member, f"{path}[{i}]", module)
    else:
        _check_plain(kinds, value, path)


def _check_plain(kinds: list[Any], value: Any, path: str) -> None:
    known = _literals(kinds)
    if known and isinstance(value, str):
        # Open enumerations are closed for the stand-in: it may say only what the pin knows.
        if value not in known:
            raise WrongAnswer(f"{path} = {value!r} is none of {sorted(map(str, known))}")
        return
    if value in known or type(value) in kinds:
        return
    if float in kinds and type(value) is int:
        return
    if Decimal in kinds and isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return
    raise WrongAnswer(f"{path} = {value!r} has the wrong type")


def _check_object(kinds: list[Any], value: dict[str, Any], path: str, module: str) -> None:
    for kind in kinds:
        origin = get_origin(kind)
        if origin is UntypedStripeObject or origin is dict:
            for name, member in value.items():
                _check(get_args(kind)[-1], member, f"{path}.{name}", module)
            return
        if origin is not None and isinstance(origin, type) and issubclass(origin, StripeObject):
            _check_list(kind, origin, value, path, module)
            return
    classes = [k for k in kinds if isinstance(k, type) and issubclass(k, StripeObject)]
    named = [k for k in classes if getattr(k, "OBJECT_NAME", None) == value.get("object")]
    if not (named or classes):
        raise WrongAnswer(f"{path} may not be an object")
    _check_fields((named or classes)[0], value, path)


def _check_list(kind: Any, origin: type, value: dict[str, Any], path: str, module: str) -> None:
    if value.get("object") != "list":
        raise WrongAnswer(f"{path}.object must be 'list'")
    _check_fields(origin, {**value, "data": []}, path, also={"object"})
    for i, member in enumerate(value["data"]):
        _check(get_args(kind)[0], member, f"{path}.data[{i}]", module)


def _check_fields(kind: type, value: dict[str, Any], path: str, also: set[str] | None = None) -> None:
    fields = _fields(kind)
    for name in value.keys() - fields.keys() - (also or set()):
        raise WrongAnswer(f"{path}.{name} is not a field of {kind.__qualname__}")
    for name, hint in fields.items():
        if name in value:
            _check(hint, value[name], f"{path}.{name}", kind.__module__)
        elif type(None) not in _alternatives(hint, kind.__module__):
            raise WrongAnswer(f"{path}.{name} is missing")
