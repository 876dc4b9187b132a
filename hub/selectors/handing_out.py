"""Whether a file is handed out, and with which warning: asked before every download, so in one question."""

from django.db.models import OuterRef, Q, Subquery

from accounts.principal import Principal
from common.compiled import Compiled
from hub.algorithms.scanning import RULES, ending_of
from hub.errors import ContentRemoved
from hub.models import Block, Repository, ScanResult
from hub.selectors.reports import refuse_blocked
from hub.selectors.revisions import File

_inspected = Compiled(
    lambda content, ending, repository: ScanResult.objects.filter(content=content, ending=ending, rules=RULES).annotate(
        report=Subquery(
            Block.objects.filter(lifted_at=None, content=OuterRef("content"))
            .filter(Q(is_everywhere=True) | Q(repository=repository))
            .values("report")[:1]
        )
    ),
    str,
    str,
    int,
)


def verdict_on(principal: Principal, repository: Repository, file: File, *, commit: str) -> ScanResult | None:
    """What the inspection of a file found; None while nobody has looked. Raises ContentRemoved, but for staff."""
    result = next(iter(_inspected(file.etag, ending_of(file.path), repository.pk)), None)
    if result is None:
        refuse_blocked(principal, repository, file.etag, commit=commit)
    elif result.report is not None and not principal.is_staff:  # type: ignore[attr-defined]
        raise ContentRemoved(result.report, commit=commit)  # type: ignore[attr-defined]
    return result
