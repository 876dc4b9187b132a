"""Models in memory: least recently used out first, by measured bytes, never one that is in use."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from inference.engine.requests import EngineStopped, ModelKey, ModelRefused


class Measured(Protocol):
    """Anything that knows how many bytes of memory it holds."""

    @property
    def nbytes(self) -> int: ...


Model = TypeVar("Model", bound=Measured)


class ModelCache(Generic[Model]):
    """`acquire` and `release` bracket each use; what nobody uses may be dropped to make room."""

    def __init__(self, max_bytes: int, *, dropped: Callable[[], None] = lambda: None) -> None:
        self.max_bytes = max_bytes
        self._dropped = dropped
        self._models: OrderedDict[ModelKey, Model] = OrderedDict()
        self._users: Counter[ModelKey] = Counter()
        self._changed = threading.Condition()
        self._waiting_for_room = False
        self._closed = False

    @property
    def loaded(self) -> list[ModelKey]:
        """Least recently used first."""
        with self._changed:
            return list(self._models)

    @property
    def nbytes(self) -> int:
        with self._changed:
            return self._held()

    def acquire_loaded(self, key: ModelKey) -> Model | None:
        """The model if it is in memory, at once. None as well while another model waits for
        room: then its users queue behind that one, so that a busy model cannot starve others."""
        with self._changed:
            if key not in self._models or self._waiting_for_room:
                return None
            return self._use(key)

    def acquire(self, key: ModelKey, load: Callable[[], Model], *, expected: int) -> Model:
        """The model, loaded by `load` when it is not in memory. Called by one thread at a time.

        Waits until `expected` bytes fit beside what is in use; drops idle models for that.
        Raises ModelRefused("too_large") when the model alone is larger than the whole cache.
        """
        with self._changed:
            if key in self._models:
                return self._use(key)
            if expected > self.max_bytes:
                raise ModelRefused("too_large", f"{expected} > {self.max_bytes} bytes")
            self._wait_for_room(expected)
        model = load()
        with self._changed:
            self._models[key] = model
            self._users[key] += 1
            # Measured now: weights can be larger in memory than on disk.
            self._drop_idle(0)
            return model

    def release(self, key: ModelKey) -> None:
        with self._changed:
            self._users[key] -= 1
            self._changed.notify_all()

    def close(self) -> None:
        """Drop everything; whoever waits for room gets EngineStopped."""
        with self._changed:
            self._closed = True
            self._models.clear()
            self._changed.notify_all()

    def _use(self, key: ModelKey) -> Model:
        self._models.move_to_end(key)
        self._users[key] += 1
        return self._models[key]

    def _held(self) -> int:
        return sum(model.nbytes for model in self._models.values())

    def _wait_for_room(self, expected: int) -> None:
        self._waiting_for_room = True
        try:
            while not self._drop_idle(expected):
                self._changed.wait()
                if self._closed:
                    raise EngineStopped
        finally:
            self._waiting_for_room = False

    def _drop_idle(self, expected: int) -> bool:
        """Drop idle models, oldest first, until `expected` more bytes fit; False when they cannot yet."""
        for key in [key for key in self._models if self._users[key] == 0]:
            if self._held() + expected <= self.max_bytes:
                break
            del self._models[key]
            self._dropped()
        return self._held() + expected <= self.max_bytes
