"""The audit log's only writer."""

from typing import Any

from common.logs import current_request_id
from common.models import AuditEntry


def record(action: str, target: str, *, actor: object = None, **details: Any) -> None:
    """Write one line: `record("repository.deleted", "model:ada/x", actor=user, reason=…)`.

    Called inside the transaction of the change it reports, so both stand or fall together.
    """
    AuditEntry.objects.create(
        action=action,
        target=target[:200],
        actor="" if actor is None else str(actor)[:200],
        details=details,
        request_id=current_request_id(),
    )
