"""In whose name somebody may look at purchases."""

from accounts.enums import Permission, Role
from accounts.models import Namespace
from accounts.principal import Principal
from accounts.selectors import namespaces_of, reachable_namespaces, role_in


def sees_purchases_of(principal: Principal, namespace: Namespace) -> bool:
    """Its administrators, by session or a token that may read purchases, and staff. Never a job."""
    if principal.is_staff:
        return True
    return principal.allows(Permission.BILLING_READ, namespace) and role_in(principal.user, namespace) == Role.ADMIN


def administered(principal: Principal) -> list[int]:
    """Ids of the names whose purchases and sales this person may see."""
    if principal.user is None:
        return []
    own = namespaces_of(principal.user, at_least=Role.ADMIN)
    return list(
        own.filter(pk__in=reachable_namespaces(principal, Permission.BILLING_READ)).values_list("pk", flat=True)
    )


def belongs_to(principal: Principal) -> list[int]:
    """Ids of the names this person acts under in any role."""
    return list(reachable_namespaces(principal, Permission.BILLING_READ).values_list("pk", flat=True))
