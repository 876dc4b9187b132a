"""Calls, awards and the texts of rules: all of it public."""

from datetime import datetime

from django.conf import settings
from django.db.models import BigIntegerField, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Namespace, User
from common.errors import NotFound
from grants.algorithms.rules import RULES, Rule
from grants.enums import Outcome, ProposalState, SubjectKind, Track
from grants.models import Award, Call, Decision, Proposal, TeamMember


def calls() -> QuerySet[Call]:
    """With `announced_remaining`: what the public budget says. A decision takes its amount at once, and shows it
    only when it is announced; else one subtraction would tell the verdict."""
    decided = Decision.objects.filter(proposal__call=OuterRef("pk"), proposal__state=ProposalState.DECIDED)
    total = decided.order_by().values("proposal__call").annotate(total=Sum("gpu_seconds")).values("total")
    unannounced = Coalesce(Subquery(total, output_field=BigIntegerField()), 0, output_field=BigIntegerField())
    return Call.objects.select_related("programme").annotate(
        announced_remaining=F("remaining_gpu_seconds") + unannounced
    )


def open_calls(at: datetime | None = None) -> QuerySet[Call]:
    at = at or timezone.now()
    return calls().filter(opens_at__lte=at).exclude(closes_at__lte=at)


def coming_calls(at: datetime | None = None) -> QuerySet[Call]:
    return calls().filter(opens_at__gt=at or timezone.now()).order_by("opens_at", "id")


def call_named(slug: str) -> Call:
    """Raises NotFound."""
    call = calls().filter(slug=slug).first()
    if call is None:
        raise NotFound(_("There is no call of this name."), hint=_("All calls are listed at /grants/calls."))
    return call


def rule_of(call: Call) -> Rule | None:
    """The rule that decides in this call; None where people decide."""
    return RULES.get((call.rule_name, call.rule_version))


def rule_text(rule: Rule) -> str:
    """The rule in words, in Markdown: the very bytes whose hash stands in the decisions."""
    return (settings.PROJECT / "docs" / "reference" / rule.text).read_text(encoding="utf-8")


def rule_translation(rule: Rule, language: str) -> str:
    """The same in another language, empty where there is none. Our own names of files only."""
    if language not in dict(settings.LANGUAGES):
        return ""
    file = settings.PROJECT / "docs" / "reference" / rule.text.replace(".md", f".{language}.md")
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def awards() -> QuerySet[Award]:
    return Award.objects.select_related("holder", "proposal__call", "nomination__round", "report")


def awards_of(holder: Namespace) -> QuerySet[Award]:
    return awards().filter(holder=holder)


def _awards_behind(applicant: User, holder: Namespace) -> QuerySet[Award]:
    """What the applicant asked for under any name, and what this name holds by anybody's asking."""
    return Award.objects.filter(Q(proposal__applicant=applicant) | Q(holder=holder))


def awards_without_report(holder: Namespace) -> QuerySet[Award]:
    """Of this name, ended, and agreed to: the report is owed."""
    return _owing(Award.objects.filter(holder=holder), timezone.now()).order_by("ends_at")


def team_of(award: Award) -> QuerySet[User]:
    """Who signed the proposal behind an award, also where the award came by a nomination of the proposal."""
    number = award.proposal_id
    if award.nomination is not None and award.nomination.kind == SubjectKind.PROPOSAL:
        number = int(award.nomination.name)
    signed = TeamMember.objects.filter(proposal=number, signed_at__isnull=False)
    return User.objects.filter(pk__in=signed.values("user")).order_by("username")


def open_instant_awards(applicant: User, holder: Namespace, at: datetime) -> int:
    return (
        _awards_behind(applicant, holder).filter(proposal__call__track=Track.INSTANT, ends_at__gt=at).distinct().count()
    )


def open_standard_awards(applicant: User, holder: Namespace, at: datetime) -> QuerySet[Award]:
    behind = _awards_behind(applicant, holder)
    return behind.filter(proposal__call__track=Track.STANDARD, ends_at__gt=at).distinct()


def promised_standard_awards(proposal: Proposal, at: datetime) -> int:
    """Open awards of the same applicant or name, and those decided and not yet announced."""
    same = Q(applicant=proposal.applicant_id) | Q(holder=proposal.holder_id)
    decided = Proposal.objects.filter(
        same,
        call__track=Track.STANDARD,
        state=ProposalState.DECIDED,
        outcome__in=[Outcome.AWARDED, Outcome.PARTLY_AWARDED],
    ).exclude(pk=proposal.pk)
    return open_standard_awards(proposal.applicant, proposal.holder, at).count() + decided.count()


def reports_due(applicant: User, holder: Namespace, at: datetime) -> int:
    """Awards that ended without a report."""
    return _owing(_awards_behind(applicant, holder), at).distinct().count()


def _owing(rows: QuerySet[Award], at: datetime) -> QuerySet[Award]:
    """Ended without a report; those that came by a nomination only where the holder agreed to it."""
    agreed = Q(nomination__isnull=True) | Q(nomination__answered_at__isnull=False)
    return rows.filter(agreed, ends_at__lte=at, report__isnull=True)
