"""May this principal act under this name?"""

from accounts.enums import Role, TokenScope
from accounts.models import Namespace
from accounts.principal import Principal
from accounts.selectors import role_in


def _token_reaches(principal: Principal, namespace: Namespace) -> bool:
    token = principal.token
    return token is None or token.namespace_id is None or token.namespace_id == namespace.pk


def may_read_namespace(principal: Principal, namespace: Namespace) -> bool:
    """See what is private under this name."""
    if principal.is_staff:
        return True
    return _token_reaches(principal, namespace) and role_in(principal.user, namespace) is not None


def may_write_namespace(principal: Principal, namespace: Namespace) -> bool:
    """Change what is kept under this name: repositories and their files."""
    if not principal.may_write or not _token_reaches(principal, namespace):
        return False
    role = role_in(principal.user, namespace)
    return role is not None and role.rank >= Role.WRITE.rank


def may_spend_for(principal: Principal, namespace: Namespace) -> bool:
    """Submit jobs and use allocations of this name. A job may not submit further jobs."""
    return principal.may_manage and may_write_namespace(principal, namespace)


def may_administer_namespace(principal: Principal, namespace: Namespace) -> bool:
    """Members, settings, purchases, deletion."""
    if principal.token is not None and principal.token.scope != TokenScope.WRITE:
        return False
    return _token_reaches(principal, namespace) and role_in(principal.user, namespace) == Role.ADMIN
