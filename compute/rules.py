"""May this principal see or use this?"""

from accounts.enums import Permission
from accounts.models import Namespace, User
from accounts.principal import Principal
from accounts.rules import may_read_namespace, may_spend_for
from compute.models import Allocation, Job


def may_see_jobs_of(principal: Principal, namespace: Namespace) -> bool:
    """Jobs, logs and allocations are seen by the people of the namespace and by staff."""
    return may_read_namespace(principal, namespace, Permission.JOB_READ)


def may_submit_for(principal: Principal, namespace: Namespace) -> bool:
    """Members who may write spend the namespace's GPU-seconds; a job's own token never does."""
    return may_spend_for(principal, namespace, Permission.JOB_WRITE)


def may_take_off(principal: Principal, allocation: Allocation, user: User) -> bool:
    """Who may act for the holder takes others off; everybody leaves by themselves."""
    leaves = principal.may_manage and principal.user == user
    return leaves or may_spend_for(principal, allocation.holder)


def may_change(principal: Principal, job: Job) -> bool:
    """Cancel and label: whoever may submit for the namespace; staff, to protect the cluster."""
    return principal.is_staff or may_submit_for(principal, job.namespace)
