"""From a decision to GPU-seconds that can be used, and the report at the end."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from common.services import audit, outbox
from compute.services.allocations import open_allocation
from compute.services.members import add_member
from grants.algorithms.community import Result
from grants.enums import SubjectKind
from grants.models import Award, Decision, Nomination, Proposal, Report, Round
from grants.rules import may_report
from grants.selectors.calls import team_of
from revenue.enums import PoolPurpose
from revenue.services.pools import grant_from_pool


def open_award_for_proposal(decision: Decision, *, by: Principal | None) -> Award:
    """The award of a decision that gives something; once per proposal. The caller holds the proposal's lock."""
    proposal = decision.proposal
    existing = Award.objects.filter(proposal=proposal).first()
    if existing is not None:
        return existing
    now = timezone.now()
    award = Award.objects.create(
        proposal=proposal,
        holder=proposal.holder,
        title=proposal.title,
        purpose=proposal.abstract,
        gpu_seconds=decision.gpu_seconds,
        flavor_class=proposal.call.flavor_class,
        starts_at=now,
        ends_at=now + timedelta(days=proposal.call.award_days),
    )
    return _open(award, by=by)


def open_award_for_nomination(nomination: Nomination, result: Result, *, round_: Round, by: Principal | None) -> Award:
    """Draw the amount from the community pool and turn it into GPU-seconds; once per nomination."""
    existing = Award.objects.filter(nomination=nomination).first()
    if existing is not None:
        return existing
    now = timezone.now()
    award = Award.objects.create(
        nomination=nomination,
        holder=nomination.holder,
        title=_title_of(nomination),
        purpose=nomination.why,
        gpu_seconds=result.gpu_seconds,
        flavor_class=round_.flavor.flavor_class,
        starts_at=now,
        ends_at=now + timedelta(days=round_.award_days),
        amount=result.amount,
        currency=round_.currency,
    )
    award.journal = grant_from_pool(
        amount=result.amount,
        currency=round_.currency,
        purpose=PoolPurpose.COMPUTE,
        reference=award.reference,
        by=by,
    )
    return _open(award, by=by)


def _title_of(nomination: Nomination) -> str:
    """Repositories go by their name; a proposal by its title, for its number says nothing."""
    if nomination.kind != SubjectKind.PROPOSAL:
        return nomination.name
    return Proposal.objects.get(pk=nomination.name).title


def _open(award: Award, *, by: Principal | None) -> Award:
    award.allocation = open_allocation(
        holder=award.holder,
        gpu_seconds=award.gpu_seconds,
        flavor_class=award.flavor_class,
        starts_at=award.starts_at,
        ends_at=award.ends_at,
        reference=award.reference,
        by=by,
    )
    award.save(update_fields=["allocation", "journal"])
    for member in team_of(award):
        add_member(award.allocation, member, by=by)
    audit.record("award.opened", award.reference, actor=by, holder=award.holder.name, gpu_seconds=award.gpu_seconds)
    outbox.emit("award.opened", f"award.opened:{award.pk}", {"award": award.pk, "allocation": award.allocation_id})
    return award


@transaction.atomic
def submit_report(award: Award, text: str, *, by: Principal) -> Report:
    """Say what came of an award; once, public. Raises Forbidden, Conflict, Invalid."""
    award = Award.objects.select_for_update(of=("self",)).select_related("holder").get(pk=award.pk)
    if by.user is None or not may_report(by, award):
        raise Forbidden(_("Only those who hold the award may report on it."))
    if Report.objects.filter(award=award).exists():
        raise Conflict(_("The report has been handed in already."))
    text = text.strip()
    if not text or len(text) > 10_000 or "\x00" in text:
        raise Invalid(
            _("A report has 1 to 10,000 characters."),
            hint=_("Say what was made and where it is published."),
            field="text",
        )
    report = Report.objects.create(award=award, text=text, author=by.user)
    audit.record("award.reported", award.reference, actor=by)
    return report
