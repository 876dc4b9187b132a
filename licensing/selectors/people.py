"""In whose name somebody may look at purchases."""

from accounts.enums import Role, TokenScope
from accounts.models import Namespace
from accounts.principal import Principal
from accounts.selectors import namespaces_of, role_in


def sees_purchases_of(principal: Principal, namespace: Namespace) -> bool:
    """Its administrators, by session or a token of their own, and staff. Never a job."""
    if principal.is_staff:
        return True
    return _is_a_person(principal) and role_in(principal.user, namespace) == Role.ADMIN


def administered(principal: Principal) -> list[int]:
    """Ids of the names whose purchases and sales this person may see."""
    if principal.user is None or not _is_a_person(principal):
        return []
    return list(namespaces_of(principal.user, at_least=Role.ADMIN).values_list("pk", flat=True))


def belongs_to(principal: Principal) -> list[int]:
    """Ids of the names this person acts under in any role."""
    if principal.user is None or not _is_a_person(principal):
        return []
    return list(namespaces_of(principal.user).values_list("pk", flat=True))


def _is_a_person(principal: Principal) -> bool:
    return principal.user is not None and (principal.token is None or principal.token.scope != TokenScope.JOB)
