"""May this principal act under this name?

Each rule asks two things: whether the person may, by their role, and whether the credential reaches
so far. A `repository` is a reference such as "model:ada/tiny", for tokens that reach only some.
"""

from accounts.enums import Permission, Role
from accounts.models import Namespace
from accounts.principal import Principal
from accounts.selectors import role_in


def may_read_namespace(
    principal: Principal,
    namespace: Namespace,
    permission: Permission = Permission.REPO_READ,
    *,
    repository: str = "",
) -> bool:
    """See what is private under this name."""
    if principal.is_staff:
        return True
    return principal.allows(permission, namespace, repository) and role_in(principal.user, namespace) is not None


def may_write_namespace(
    principal: Principal,
    namespace: Namespace,
    permission: Permission = Permission.REPO_WRITE,
    *,
    repository: str = "",
) -> bool:
    """Change what is kept under this name: repositories and their files."""
    if not principal.allows(permission, namespace, repository):
        return False
    role = role_in(principal.user, namespace)
    return role is not None and role.rank >= Role.WRITE.rank


def may_spend_for(principal: Principal, namespace: Namespace, permission: Permission | None = None) -> bool:
    """Use what this name pays for, its allocations and credits. A job may not submit further jobs.

    Tokens of chosen permissions need the one that is named; without one, they never may.
    """
    if permission is None:
        return principal.may_manage and may_write_namespace(principal, namespace)
    return may_write_namespace(principal, namespace, permission)


def may_administer_namespace(
    principal: Principal, namespace: Namespace, permission: Permission | None = None, *, repository: str = ""
) -> bool:
    """Members, settings, purchases, deletion.

    Tokens of chosen permissions need the one that is named; without one, they never may.
    """
    if permission is None:
        reaches = principal.may_manage and principal.allows(Permission.REPO_MANAGE, namespace)
    else:
        reaches = principal.allows(permission, namespace, repository)
    return reaches and role_in(principal.user, namespace) == Role.ADMIN
