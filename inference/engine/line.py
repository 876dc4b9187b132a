"""Who waits, and who is next: tenants take turns, and each tenant's requests keep their order."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass

from inference.engine.loading import Loaded
from inference.engine.requests import EngineError, Handle


@dataclass(eq=False)
class Place:
    """A request in the line; `loaded` is None as long as its model is on its way."""

    handle: Handle
    loaded: Loaded | None = None


class Line:
    """Used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # The tenant whose turn is next comes first.
        self._tenants: OrderedDict[str, deque[Place]] = OrderedDict()

    def __len__(self) -> int:
        with self._lock:
            return sum(map(len, self._tenants.values()))

    def join(self, handle: Handle) -> Place:
        place = Place(handle)
        with self._lock:
            self._tenants.setdefault(handle.request.tenant, deque()).append(place)
        return place

    def leave(self, place: Place) -> bool:
        """False when somebody took it out before."""
        with self._lock:
            return self._remove(place)

    def has_next(self) -> bool:
        with self._lock:
            return any(place.loaded is not None for places in self._tenants.values() for place in places)

    def next(self) -> Place | None:
        """The next whose model is there; its tenant's turn is over."""
        with self._lock:
            for tenant, places in self._tenants.items():
                place = next((place for place in places if place.loaded is not None), None)
                if place is not None:
                    self._remove(place)
                    if tenant in self._tenants:
                        self._tenants.move_to_end(tenant)
                    return place
            return None

    def ended(self) -> list[tuple[Place, EngineError]]:
        """Takes out and returns whose deadline passed or who cancelled; not those whose model is being loaded."""
        found = []
        with self._lock:
            for place in [place for places in self._tenants.values() for place in places if place.loaded is not None]:
                try:
                    place.handle.check()
                except EngineError as error:
                    self._remove(place)
                    found.append((place, error))
        return found

    def before(self, handle: Handle) -> list[Handle] | None:
        """Those whose turn comes earlier, in no order; None when this one waits no longer."""
        with self._lock:
            own = self._tenants.get(handle.request.tenant, deque())
            index = next((index for index, place in enumerate(own) if place.handle is handle), None)
            if index is None:
                return None
            earlier, is_before = [], True
            for tenant, places in self._tenants.items():
                is_before = is_before and tenant != handle.request.tenant
                # Each round takes one of every tenant: those ahead in the round take one more.
                earlier += [place.handle for place in list(places)[: index + is_before]]
            return earlier

    def empty(self) -> list[Place]:
        """Takes out and returns everybody."""
        with self._lock:
            places = [place for places in self._tenants.values() for place in places]
            self._tenants.clear()
            return places

    def _remove(self, place: Place) -> bool:
        tenant = place.handle.request.tenant
        places = self._tenants.get(tenant)
        if places is None or place not in places:
            return False
        places.remove(place)
        if not places:
            del self._tenants[tenant]
        return True
