"""May this principal do this to this repository?"""

from accounts.models import Namespace
from accounts.principal import Principal
from accounts.rules import may_administer_namespace, may_read_namespace, may_write_namespace
from hub.models import Repository


def may_read(principal: Principal, repository: Repository) -> bool:
    return not repository.is_private or may_read_namespace(principal, repository.namespace)


def may_write(principal: Principal, repository: Repository) -> bool:
    """Commit, push, make branches and tags."""
    return may_write_namespace(principal, repository.namespace)


def may_create(principal: Principal, namespace: Namespace) -> bool:
    return may_write_namespace(principal, namespace)


def may_administer(principal: Principal, repository: Repository) -> bool:
    """Delete, move, change who may see it."""
    return may_administer_namespace(principal, repository.namespace)
