"""What owners are told; a key makes it once."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Namespace
from accounts.principal import Principal
from accounts.rules import may_write_namespace
from common.errors import Forbidden
from hub.enums import NoticeKind
from hub.models import Notice, Repository


def tell(
    namespace: Namespace,
    kind: NoticeKind,
    *,
    key: str,
    facts: dict[str, Any],
    repository: Repository | None = None,
    address: str = "",
) -> None:
    """Leave word for the people of a name; the same key tells them once."""
    row = Notice(
        namespace=namespace,
        repository=repository,
        kind=kind,
        key=f"{kind}:{key}"[:200],
        facts=facts,
        address=address[:300],
    )
    Notice.objects.bulk_create([row], ignore_conflicts=True)


@transaction.atomic
def mark_read(notice: Notice, *, by: Principal) -> None:
    """It is not shown on the page of the name any more."""
    if not may_write_namespace(by, notice.namespace):
        raise Forbidden("Only the people of this name may do that.")
    Notice.objects.filter(pk=notice.pk, read_at=None).update(read_at=timezone.now())
