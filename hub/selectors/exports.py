"""What anybody may have of everything: the public rows, and a stamp that tells whether they changed."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, QuerySet

from accounts.principal import ANONYMOUS
from hub.enums import CreditState
from hub.models import Credit, LineageEdge, Repository
from hub.selectors.repositories import repositories_visible_to


@dataclass(frozen=True)
class Stamp:
    """When the newest of the rows changed, and an entity tag that also notices those that went."""

    etag: str
    changed_at: datetime | None


def repositories(since: datetime | None = None) -> QuerySet[Repository]:
    """Public ones; with `since` those whose files changed then or later."""
    rows = repositories_visible_to(ANONYMOUS)
    return rows.filter(updated_at__gte=since) if since else rows


def lineage(since: datetime | None = None) -> QuerySet[LineageEdge]:
    """What versions of public repositories were made of; with `since` of versions published then or later."""
    rows = LineageEdge.objects.filter(version__repository__in=repositories_visible_to(ANONYMOUS)).select_related(
        "version__repository__namespace", "parent"
    )
    return rows.filter(version__published_at__gte=since) if since else rows


def credits(since: datetime | None = None) -> QuerySet[Credit]:  # noqa: A001 - the word for them
    """Accepted credits for versions of public repositories; with `since` accepted then or later."""
    rows = Credit.objects.filter(
        state=CreditState.ACCEPTED, version__repository__in=repositories_visible_to(ANONYMOUS)
    ).select_related("version__repository__namespace", "user")
    return rows.filter(answered_at__gte=since) if since else rows


def stamp(rows: QuerySet, changed: str) -> Stamp:
    facts = rows.order_by().aggregate(number=Count("pk"), last=Max("pk"), changed=Max(changed))
    changed_at = facts["changed"]
    moment = int(changed_at.timestamp() * 1_000_000) if changed_at else 0
    return Stamp(f'"{facts["number"]}-{facts["last"] or 0}-{moment}"', changed_at)
