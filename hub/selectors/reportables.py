"""What else than a repository can be reported: rooms further right say what they publish at which address."""

from collections.abc import Callable
from dataclasses import dataclass

from accounts.models import Namespace
from accounts.principal import Principal


@dataclass(frozen=True)
class Subject:
    """Something published: `asset` names it for the register, `contents` are the sha256 that are its bytes."""

    asset: str
    namespace: Namespace
    address: str
    contents: tuple[str, ...]
    is_private: bool = False


# The path of an address, and who asks: what is there, if it is this room's and the person may see it.
Finder = Callable[[Principal, str], Subject | None]
_finders: list[Finder] = []


def offer(finder: Finder) -> None:
    if finder not in _finders:
        _finders.append(finder)


def subject_at(principal: Principal, path: str) -> Subject | None:
    return next((found for finder in _finders if (found := finder(principal, path)) is not None), None)
