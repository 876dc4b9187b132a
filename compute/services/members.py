"""Who may spend an allocation beside its holder."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.principal import Principal
from common.errors import Forbidden, NotFound
from common.services import audit
from compute.models import Allocation, AllocationMember
from compute.rules import may_take_off


@transaction.atomic
def add_member(allocation: Allocation, user: User, *, by: object) -> AllocationMember:
    """Let somebody spend it; whether they may is decided by the room that opened it. Who was taken off stays off."""
    allocation = _lock(allocation)
    member, created = AllocationMember.objects.get_or_create(allocation=allocation, user=user)
    if created:
        audit.record("allocation.member_added", f"allocation:{allocation.pk}", actor=by, member=user.username)
    return member


@transaction.atomic
def remove_member(allocation: Allocation, user: User, *, by: Principal) -> None:
    """Take somebody off, or leave. Jobs that were submitted run to their end; new ones are not paid.

    Raises Forbidden, and NotFound for people who are no members.
    """
    allocation = _lock(allocation)
    if not may_take_off(by, allocation, user):
        raise Forbidden(_("Only those who may act for its holder may take somebody off."))
    member = allocation.members.filter(user=user, removed_at__isnull=True).first()
    if member is None:
        raise NotFound(_("This person does not share the allocation."))
    member.removed_at = timezone.now()
    member.save(update_fields=["removed_at"])
    audit.record("allocation.member_removed", f"allocation:{allocation.pk}", actor=by, member=user.username)


def _lock(allocation: Allocation) -> Allocation:
    return Allocation.objects.select_for_update(of=("self",)).select_related("holder").get(pk=allocation.pk)
