"""The public trace of what staff change in calls and rounds."""

from typing import Any

from accounts.principal import Principal
from grants.enums import ChangeKind
from grants.models import Call, Change, Round


def trace(of: Call | Round, kind: ChangeKind, *, by: Principal | None, reason: str = "", **values: Any) -> Change:
    """Write it down within the caller's transaction."""
    owner = {"call": of} if isinstance(of, Call) else {"round": of}
    return Change.objects.create(**owner, kind=kind, values=values, reason=reason, by=by.user if by else None)
