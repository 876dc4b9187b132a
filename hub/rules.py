"""May this principal do this to this repository or bucket?"""

from accounts.models import Namespace
from accounts.principal import Principal
from accounts.rules import may_administer_namespace, may_read_namespace, may_write_namespace
from hub.models import Bucket, Repository


def may_read(principal: Principal, home: Repository | Bucket) -> bool:
    return not home.is_private or may_read_namespace(principal, home.namespace)


def may_write(principal: Principal, home: Repository | Bucket) -> bool:
    """Commit, push, make branches and tags; change the files of a bucket."""
    return may_write_namespace(principal, home.namespace)


def may_create(principal: Principal, namespace: Namespace) -> bool:
    return may_write_namespace(principal, namespace)


def may_administer(principal: Principal, home: Repository | Bucket) -> bool:
    """Delete, move, change who may see it."""
    return may_administer_namespace(principal, home.namespace)
