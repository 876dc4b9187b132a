"""How the refs of a copy follow those of its source without taking anything that was made here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hub.enums import RefChange


@dataclass(frozen=True)
class Step:
    """What becomes of a ref here: where it is, where the source has it, and how it gets there."""

    ref: str
    how: RefChange
    before: str | None
    after: str | None

    @property
    def moves(self) -> bool:
        return self.how not in {RefChange.KEPT, RefChange.DIVERGED}


def steps(
    source: Mapping[str, str],
    brought: Mapping[str, str],
    here: Mapping[str, str],
    *,
    default: str,
    is_ancestor: Callable[[str, str], bool],
) -> list[Step]:
    """What is to do for each ref that changed at the source since `brought` was copied, by name.

    A ref that did not change there is left alone, whatever became of it here. The default branch
    is never deleted.
    """
    found = []
    for ref in sorted({*source, *brought}):
        there, last, now = source.get(ref), brought.get(ref), here.get(ref)
        if there in {last, now}:
            continue
        how = _how(there, last, now, is_ancestor)
        if how == RefChange.GONE and ref == default:
            how = RefChange.KEPT
        if how is not None:
            found.append(Step(ref, how, now, there))
    return found


def _how(
    there: str | None, last: str | None, now: str | None, is_ancestor: Callable[[str, str], bool]
) -> RefChange | None:
    """None when all of the source is here already."""
    if there is None:
        return RefChange.GONE if now == last else RefChange.KEPT
    if now is None:
        return RefChange.NEW
    if is_ancestor(now, there):
        return RefChange.FORWARD
    if now == last:
        return RefChange.FORCED
    return None if is_ancestor(there, now) else RefChange.DIVERGED
