"""Reads a YAML file into nested dataclasses and refuses what they do not know."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from compute.recipes.refusal import Refused

T = TypeVar("T")


def load_config(kind: type[T], path: Path, overrides: Sequence[str] = ()) -> T:
    """The dataclass `kind` filled from the file, then from `overrides` such as "training.steps=500".

    Raises Refused, naming the key, for an unknown key, a wrong type or an unreadable file.
    """
    return build(kind, settings_of(path, overrides))


def settings_of(path: Path | None, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """What file and overrides say, as plain data that nobody has checked yet. Raises Refused."""
    data: Any = {}
    if path is not None:
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (OSError, yaml.YAMLError) as error:
            raise Refused(f"The configuration {path} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise Refused(f"The configuration {path} must be a mapping of keys to values.")
    for override in overrides:
        _apply(data, override)
    return data


def build(kind: type[T], data: Mapping[str, Any], place: str = "") -> T:
    """An instance of the dataclass `kind` from plain data; see `load_config`."""
    hints = typing.get_type_hints(kind)
    known = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(str(key) for key in data if key not in known)
    if unknown:
        raise Refused(f"Unknown configuration key {place + unknown[0]!r}. Known keys here: {', '.join(sorted(known))}.")
    values = {key: _value(hints[key], value, place + key) for key, value in data.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise Refused(f"The configuration is incomplete: {error}") from error


def as_plain(config: Any) -> dict[str, Any]:
    """The configuration as plain data, the inverse of `build`."""
    plain: dict[str, Any] = _untupled(dataclasses.asdict(config))
    return plain


def _apply(data: dict[str, Any], override: str) -> None:
    name, equals, text = override.partition("=")
    if not equals or not name:
        raise Refused(f"Write --set as key=value, for example training.steps=500; got {override!r}.")
    *parents, last = name.split(".")
    for parent in parents:
        data = data.setdefault(parent, {})
        if not isinstance(data, dict):
            raise Refused(f"{name!r} cannot be set: {parent!r} is a value, not a section.")
    try:
        data[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Refused(f"The value of {name!r} is not valid YAML: {error}") from error


def _value(kind: Any, value: Any, place: str) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if value is None:
            value = {}
        if not isinstance(value, Mapping):
            raise Refused(f"{place!r} must be a section with keys, not {value!r}.")
        return build(kind, value, place + ".")
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise Refused(f"{place!r} must be a list, not {value!r}.")
        return tuple(_value(arguments[0], v, f"{place}[{i}]") for i, v in enumerate(value))
    if origin is typing.Literal:
        value = "" if value is None and "" in arguments else value
        if value not in arguments:
            raise Refused(f"{place!r} must be one of {', '.join(map(repr, arguments))}, not {value!r}.")
        return value
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        return _value(next(a for a in arguments if a is not type(None)), value, place)
    return _scalar(kind, value, place)


def _scalar(kind: type, value: Any, place: str) -> Any:
    if kind is float and isinstance(value, str):
        # YAML 1.1 reads 1e-3 as text: it wants 1.0e-3, which nobody remembers.
        try:
            return float(value)
        except ValueError:
            pass
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is str and value is None:
        return ""
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        quoted = " Put it in quotes." if kind is str and isinstance(value, int | float) else ""
        raise Refused(f"{place!r} must be of type {kind.__name__}, not {value!r}.{quoted}")
    return value


def _untupled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _untupled(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_untupled(each) for each in value]
    return value
