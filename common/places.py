"""Requests that take minutes each occupy a thread of the web process; only so many may do so at a time."""

from collections.abc import Generator, Iterator
from threading import BoundedSemaphore
from typing import Generic, TypeVar

from common.errors import Refusal

Part = TypeVar("Part")


class Places:
    """A number of places per process. `refusal` is raised when all are taken."""

    def __init__(self, number: int) -> None:
        self._free = BoundedSemaphore(number)

    def take(self, refusal: Refusal) -> None:
        if not self._free.acquire(blocking=False):
            raise refusal

    def give_back(self) -> None:
        self._free.release()


class HeldStream(Generic[Part]):
    """An iterator that holds a place until it is closed, also when it was never begun."""

    def __init__(self, parts: Iterator[Part], places: Places, refusal: Refusal) -> None:
        places.take(refusal)
        self._parts = parts
        self._places: Places | None = places

    def __iter__(self) -> Iterator[Part]:
        return self

    def __next__(self) -> Part:
        return next(self._parts)

    def close(self) -> None:
        """Also ends the iterator at once, when it is a generator with something left to do."""
        if isinstance(self._parts, Generator):
            self._parts.close()
        if self._places is not None:
            self._places.give_back()
            self._places = None
