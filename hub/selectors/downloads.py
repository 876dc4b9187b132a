"""How often something was downloaded, day by day."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count, Q
from django.utils import timezone

from hub.enums import DownloadKind
from hub.models import Download, Repository


@dataclass(frozen=True)
class Day:
    """Distinct clients on one day; `others` and `own` are what the number of downloads adds up."""

    day: date
    others: int = 0
    own: int = 0
    ci: int = 0


def by_day(repository: Repository, days: int = 30) -> list[Day]:
    """The last days, oldest first, each of them also when nobody came."""
    first = timezone.now().date() - timedelta(days=days - 1)
    counted = {
        kind: Count("pk", filter=Q(kind=kind)) for kind in (DownloadKind.CLIENT, DownloadKind.OWN, DownloadKind.CI)
    }
    rows = (
        Download.objects.filter(repository=repository, day__gte=first)
        .values("day")
        .annotate(
            others=counted[DownloadKind.CLIENT], own_people=counted[DownloadKind.OWN], ci=counted[DownloadKind.CI]
        )
    )
    known = {row["day"]: Day(row["day"], row["others"], row["own_people"], row["ci"]) for row in rows}
    return [known.get(day) or Day(day) for day in (first + timedelta(days=number) for number in range(days))]
