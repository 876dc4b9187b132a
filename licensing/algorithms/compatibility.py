"""Does the licence on a card promise more than those of the works that it was made of allow?"""

from collections.abc import Mapping
from dataclasses import dataclass

from licensing.algorithms.licences import Commercial, Duty, Licence, facts_of
from licensing.algorithms.upstream import Work, descent
from licensing.enums import Clash

_LIGHT = {Duty.NOTHING, Duty.NOTICE}


@dataclass(frozen=True)
class Conflict:
    """One work upstream whose licence the work's own contradicts."""

    key: str
    title: str
    licence: str
    clash: Clash


def conflicts_of(root: str, works: Mapping[str, Work], *, granted: frozenset[str] = frozenset()) -> list[Conflict]:
    """In the order of keys. What is not known is no conflict, and neither is a work of the same owner."""
    own = facts_of(works[root].licence)
    if not own.is_known:
        return []
    found = []
    for key, paths in sorted(descent(root, works).items()):
        work = works.get(key)
        if work is None or key in granted or work.owner == works[root].owner:
            continue
        licence = facts_of(work.licence)
        reaches = any(path <= licence.reach for path in paths)
        as_data = all("dataset" in path for path in paths)
        if not reaches or not licence.is_known or (as_data and not licence.data_settled):
            continue
        clash = _clash(own, licence)
        if clash is not None:
            found.append(Conflict(key, work.title, work.licence, clash))
    return found


def _clash(own: Licence, upstream: Licence) -> Clash | None:
    if not upstream.changes:
        return Clash.CHANGES
    if upstream.commercial == Commercial.NO and own.commercial != Commercial.NO:
        return Clash.COMMERCIAL
    if upstream.duty == Duty.SHARE_ALIKE and own.id != upstream.id and own.duty != Duty.SHARE_ALIKE:
        return Clash.SHARE_ALIKE
    if upstream.duty in {Duty.RESTRICTIONS, Duty.AGREEMENT} and own.duty in _LIGHT:
        return Clash.CONDITIONS
    return None
