"""Reports, the public register, tombstones, and what is not given out because of them."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.principal import Principal
from accounts.rules import may_write_namespace
from common.errors import NotFound
from hub.enums import ReportKind, ReportState
from hub.errors import ContentRemoved
from hub.models import Block, Report, Repository, Tombstone, TreeEntry

# What strangers sent is in the register once somebody has looked at it.
_PUBLIC = [state for state in ReportState if state != ReportState.RECEIVED]
OPEN = (ReportState.RECEIVED, ReportState.UNDER_REVIEW, ReportState.COUNTER_NOTICED)


def queue(*, state: str = "") -> QuerySet[Report]:
    """For the desk: what waits longest comes first; with a state only those."""
    states = [state] if state in ReportState.values else list(OPEN)
    rows = Report.objects.filter(state__in=states).select_related("repository__namespace", "reporter")
    return rows.order_by("deadline", "id")


def register(*, kind: str = "", state: str = "") -> QuerySet[Report]:
    """The public register, newest first."""
    rows = Report.objects.filter(state__in=_PUBLIC).prefetch_related("blocks")
    if kind in ReportKind.values:
        rows = rows.filter(kind=kind)
    if state in _PUBLIC:
        rows = rows.filter(state=state)
    return rows.order_by("-id")


def report_by_key(key: str) -> Report | None:
    return Report.objects.filter(key=key).first()


def report_numbered(number: int) -> Report:
    """For staff. Raises NotFound."""
    found = Report.objects.select_related("repository__namespace", "reporter").filter(pk=number).first()
    if found is None:
        raise _missing()
    return found


def report_for(principal: Principal, number: int) -> Report:
    """For staff, and once it is decided for those whom it concerns. Raises NotFound."""
    found = report_numbered(number)
    decided = found.state not in {ReportState.RECEIVED, ReportState.UNDER_REVIEW, ReportState.REJECTED}
    if not principal.is_staff and not (decided and is_concerned(principal, found)):
        raise _missing()
    return found


def _missing() -> NotFound:
    return NotFound(_("There is no such report."))


def is_concerned(principal: Principal, report: Report) -> bool:
    """Whether a report is about something of this person's: they may read the complaint and object."""
    home = report.repository
    if home is not None:
        return may_write_namespace(principal, home.namespace, repository=home.reference)
    return report.namespace is not None and may_write_namespace(principal, report.namespace)


def reports_about(repository: Repository) -> QuerySet[Report]:
    """Decisions that are in force."""
    in_force = [ReportState.UPHELD, ReportState.COUNTER_NOTICED, ReportState.FINAL]
    return repository.reports.filter(state__in=in_force).order_by("-id")


def tombstone_of(kind: str, full_name: str) -> Tombstone | None:
    """The newest one at an address where no repository is."""
    rows = Tombstone.objects.filter(kind=kind, full_name__iexact=full_name)
    return rows.order_by("-id").first()


def blocks_of(repository: Repository, contents: Iterable[str]) -> dict[str, Block]:
    """Those of the contents (sha256 or git ids) that are not given out here."""
    rows = Block.objects.filter(lifted_at=None, content__in=list(contents))
    rows = rows.filter(Q(is_everywhere=True) | Q(repository=repository))
    return {row.content: row for row in rows}


def refuse_blocked(principal: Principal, repository: Repository, content: str, *, commit: str = "") -> None:
    """Raises ContentRemoved. Staff see what they decide about."""
    if principal.is_staff:
        return
    block = blocks_of(repository, [content]).get(content)
    if block is not None:
        raise ContentRemoved(block.report_id, commit=commit)


def require_whole(principal: Principal, repository: Repository) -> None:
    """Raises ContentRemoved when a file of it is not given out: no copy of the whole may carry it along."""
    block = Block.objects.filter(repository=repository, lifted_at=None).first()
    if block is not None and not principal.is_staff:
        raise ContentRemoved(block.report_id)


def blocked_everywhere() -> QuerySet[Block]:
    return Block.objects.filter(lifted_at=None, is_everywhere=True)


def is_blocked_everywhere(content: str) -> bool:
    return blocked_everywhere().filter(content=content).exists()


def refuse_blocked_everywhere(principal: Principal, *contents: str) -> None:
    """Raises ContentRemoved where one of them is not given out. Staff see what they decide about."""
    block = blocked_everywhere().filter(content__in=contents).first()
    if block is not None and not principal.is_staff:
        raise ContentRemoved(block.report_id)


def is_reported(content: str) -> bool:
    """Whether a report that was not rejected is about these bytes: staff may look at them."""
    return Report.objects.filter(contents__contains=[content]).exclude(state=ReportState.REJECTED).exists()


def blocks_small_files(repository: Repository) -> bool:
    """Whether a file that lies in git itself is not given out: then git cannot give out its packs either."""
    rows = Block.objects.filter(lifted_at=None, content__regex=r"^[0-9a-f]{40}$")
    if not rows.exists():
        return False
    inside = TreeEntry.objects.filter(
        branch__repository=repository, oid__in=rows.filter(is_everywhere=True).values("content")
    )
    return rows.filter(repository=repository).exists() or inside.exists()
