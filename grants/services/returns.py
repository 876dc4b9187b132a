"""What of an award was not used goes back to where it came from: the budget of its call, or the pool."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Conflict, Forbidden
from common.services import audit
from compute.services.allocations import close_allocation
from grants.models import Award, AwardReturn, Call
from grants.rules import may_hand_back
from grants.services.decisions import decide_waiting, lock_call
from revenue.services.pools import return_to_pool


@transaction.atomic
def take_back(reference: str, *, gpu_seconds: int, key: str) -> AwardReturn | None:
    """Give `gpu_seconds` of an award back; once per `key`. None when no award goes by this reference.

    To the budget of the call, whose waiting list is decided again, or to the pool at the price that was paid.
    """
    award = Award.objects.filter(allocation__reference=reference).select_related("proposal", "nomination").first()
    if award is None:
        return None
    # Calls are locked before anything else, everywhere.
    call = lock_call(award.proposal.call_id) if award.proposal else None
    award = Award.objects.select_for_update(of=("self",)).get(pk=award.pk)
    existing = AwardReturn.objects.filter(key=key).first()
    if existing is not None:
        return existing
    row = AwardReturn(award=award, gpu_seconds=gpu_seconds, key=key)
    if call is None:
        assert award.amount is not None, "the pool paid for it"
        row.amount = gpu_seconds * (award.amount // award.gpu_seconds)
        row.journal = return_to_pool(
            amount=row.amount, currency=award.currency, reference=award.reference, key=f"{award.reference}:{key}"
        )
    row.save()
    audit.record("award.returned", award.reference, gpu_seconds=gpu_seconds, key=key)
    if call is not None:
        _refill(call, gpu_seconds)
    return row


@transaction.atomic
def hand_back(award: Award, *, by: Principal) -> Award:
    """Its holder ends an award early. What is not reserved goes back at once, the rest as jobs end.

    The award counts as over from now on, so its report is due. Raises Forbidden, and Conflict when it is over.
    """
    award = Award.objects.select_for_update(of=("self",)).select_related("holder", "allocation").get(pk=award.pk)
    if not may_hand_back(by, award):
        raise Forbidden(_("Only those who may act for its holder may hand an award back."))
    if not award.is_open():
        raise Conflict(_("This award is over."), code="wrong_state")
    assert award.allocation is not None, "every award has its allocation"
    close_allocation(award.allocation, by=by, reason="handed back")
    award.ends_at = award.returned_at = timezone.now()
    award.save(update_fields=["ends_at", "returned_at"])
    audit.record("award.handed_back", award.reference, actor=by)
    return award


def _refill(call: Call, gpu_seconds: int) -> None:
    call.remaining_gpu_seconds += gpu_seconds
    call.save(update_fields=["remaining_gpu_seconds"])
    audit.record("call.budget_returned", f"call:{call.slug}", gpu_seconds=gpu_seconds)
    decide_waiting(call, by=None)
