"""Copying everything from one store to another, verified, as often as need be.

What is there already is passed over, so that a copy that was broken off goes on where
it stopped. Xorbs come before their indexes, and both before the recipes that need them:
a reader finds everything in one of the stores at any moment.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hub.storage.errors import DigestMismatch, ObjectMissing, XetError
from hub.storage.objects import ObjectStore
from hub.storage.records import Records
from hub.storage.xet import hashing
from hub.storage.xet.recipes import Recipes
from hub.storage.xet.xorb import XorbIndex, parse


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where one kind of things lies: plain objects and xorbs in stores, indexes and recipes as records."""

    plain: ObjectStore
    xorbs: ObjectStore
    indexes: Records
    recipes: Records


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was looked at: its kind, name, bytes copied (0 when it was there), and what was wrong with it."""

    kind: str
    name: str
    copied: int = 0
    fault: str = ""


def copy_all(source: Shelf, target: Shelf, *, remove: bool = False) -> Iterator[Step]:
    """Copy what the target lacks, and with ``remove`` take from the source what the target has.

    Damaged objects stay where they are and are told.
    """
    for name in _names(source.plain):
        yield _object("object", source.plain, target.plain, name)
    for name in _names(source.xorbs):
        yield _object("xorb", source.xorbs, target.xorbs, name)
    for kind, old, new in _records(source, target):
        for found in old.items():
            yield _record(kind, old, new, found.name)
    if remove:
        _remove(source, target)


def _object(kind: str, source: ObjectStore, target: ObjectStore, name: str) -> Step:
    size = source.size(name)
    if size is None or target.exists(name):
        return Step(kind, name)
    try:
        with source.open(name) as file, target.stage(file) as staged:
            if kind == "object" and staged.sha256 != name:
                raise DigestMismatch(f"the object {name} is damaged: its sha256 is {staged.sha256}")
            if kind == "xorb" and parse(memoryview(staged.path.read_bytes())).hash() != hashing.from_hex(name):
                raise DigestMismatch(f"the xorb {name} is damaged")
            target.adopt(staged, name)
    except (DigestMismatch, XetError) as error:
        return Step(kind, name, fault=str(error))
    except ObjectMissing:
        return Step(kind, name)  # deleted meanwhile
    return Step(kind, name, copied=size)


def _record(kind: str, source: Records, target: Records, name: str) -> Step:
    data = source.get(name)
    if data is None or target.version(name) is not None:
        return Step(kind, name)
    try:
        if kind == "index" and XorbIndex(data).hash() != hashing.from_hex(name):
            raise XetError(f"the index of the xorb {name} is damaged")
        if kind == "recipe":
            Recipes(source).get(name)
    except XetError as error:
        return Step(kind, name, fault=str(error))
    target.put(name, data)
    return Step(kind, name, copied=len(data))


def _remove(source: Shelf, target: Shelf) -> None:
    """Recipes first: nothing that is left names what is gone."""
    for _kind, old, new in reversed(_records(source, target)):
        for found in list(old.items()):
            if new.version(found.name) is not None:
                old.delete(found.name)
    for store, copy in ((source.xorbs, target.xorbs), (source.plain, target.plain)):
        for name in list(_names(store)):
            if copy.exists(name):
                store.delete(name)


def _records(source: Shelf, target: Shelf) -> list[tuple[str, Records, Records]]:
    return [("index", source.indexes, target.indexes), ("recipe", source.recipes, target.recipes)]


def _names(store: ObjectStore) -> Iterator[str]:
    return (found.name for found in store.names())
