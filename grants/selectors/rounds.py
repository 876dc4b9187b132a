"""Community rounds: what is nominated, and the scores, which stay hidden until the decision."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.enums import Role
from accounts.models import Namespace, User
from accounts.principal import Principal
from accounts.selectors import namespaces_of
from common.errors import NotFound
from grants.algorithms.rules import RULES
from grants.enums import NominationState, sentence
from grants.models import Nomination, NominationScore, Proposal, ProposalVersion, Round, RoundDecision
from grants.selectors.proposals import is_own_side, reader
from grants.selectors.ties import proposal_of, ties_of


@dataclass(frozen=True)
class ShownNomination:
    """A nomination as one reader sees it; `result` is None before the decision.

    `title` is that of a proposal. `conflict` says to a member of the panel why they may not score it.
    """

    nomination: Nomination
    title: str
    may_score: bool
    conflict: str
    own_score: int | None
    result: dict[str, Any] | None
    result_words: str
    may_answer: bool
    may_withdraw: bool


def rounds() -> QuerySet[Round]:
    return Round.objects.select_related("decision__decided_by", "flavor__cluster")


def round_named(slug: str) -> Round:
    """Raises NotFound."""
    row = rounds().filter(slug=slug).first()
    if row is None:
        raise NotFound(_("There is no round of this name."), hint=_("All rounds are listed at /grants."))
    return row


def promised(currency: str) -> int:
    """What undecided rounds may still draw from the pool, in micros."""
    total = Round.objects.filter(currency=currency, decision__isnull=True).aggregate(total=Sum("budget"))["total"]
    return int(total or 0)


def confirmed(round_: Round) -> QuerySet[Nomination]:
    """What its holders agreed to: only this is scored and decided."""
    return round_.nominations.filter(state=NominationState.CONFIRMED).select_related("holder").order_by("pk")


def nomination_conflict(user: User, nomination: Nomination) -> str:
    """Why this person must not score the nomination; empty when nothing is known against it."""
    return ties_of(user, [nomination]).conflict(nomination)


def nominations_for(principal: Principal, round_: Round) -> list[ShownNomination]:
    """After the decision best first, before it in order of arrival.

    What its holder has not confirmed is shown to the nominator and to those who may answer, nobody else.
    """
    user = reader(principal)
    shown_rows = _shown_to(principal, user).filter(round=round_)
    nominations = list(shown_rows.select_related("holder", "nominator", "award"))
    on_panel = user is not None and round_.is_open() and round_.panel.filter(pk=user.pk).exists()
    ties = ties_of(user, nominations) if on_panel and user is not None else None
    mine = _answerable(principal, user)
    own = dict(
        NominationScore.objects.filter(nomination__round=round_, reviewer=user).values_list("nomination_id", "score")
        if user is not None
        else []
    )
    results = {row["nomination"]: row for row in round_.decision.results} if round_.is_decided else {}
    titles = titles_of(nominations)
    open_now = round_.is_open()
    shown = []
    for row in nominations:
        result = results.get(row.pk)
        conflict = ties.conflict(row) if ties else ""
        shown.append(
            ShownNomination(
                nomination=row,
                title=titles.get(row.pk, ""),
                may_score=ties is not None and row.is_confirmed and not conflict,
                conflict=conflict,
                own_score=own.get(row.pk),
                result=result,
                result_words=sentence(result["reason"]["code"], result["reason"]["values"]) if result else "",
                may_answer=open_now and row.holder_id in mine,
                may_withdraw=open_now and user is not None and row.nominator_id == user.pk,
            )
        )
    return sorted(shown, key=lambda row: (row.result["rank"] or len(shown) + 1) if row.result else 0)


def nomination_for(principal: Principal, nomination_id: int) -> Nomination:
    """Confirmed ones are public. Raises NotFound, also for what waits for somebody else's answer."""
    visible = _shown_to(principal, reader(principal))
    nomination = visible.select_related("round__decision", "holder", "nominator").filter(pk=nomination_id).first()
    if nomination is None:
        raise NotFound(_("There is no such nomination."), hint=_("The page of the round lists them."))
    return nomination


def nominations_awaiting(holder: Namespace) -> QuerySet[Nomination]:
    """What somebody nominated of this name in rounds that are open still, and waits for an answer."""
    now = timezone.now()
    waiting = holder.nominations.filter(state=NominationState.ASKED, round__decision__isnull=True)
    return waiting.filter(round__opens_at__lte=now, round__closes_at__gt=now).select_related("round", "nominator")


def titles_of(nominations: Iterable[Nomination]) -> dict[int, str]:
    """The titles of nominated proposals, by nomination: public once the holder has confirmed."""
    numbers = {row.pk: proposal_of(row) for row in nominations if row.is_confirmed}
    titles = dict(Proposal.objects.filter(pk__in=set(numbers.values()) - {0}).values_list("pk", "title"))
    return {pk: titles[number] for pk, number in numbers.items() if number in titles}


def text_of(principal: Principal, nomination: Nomination) -> ProposalVersion | None:
    """The text of a nominated proposal as handed in, for the panel that scores it and for its own side."""
    user = reader(principal)
    if user is None or not proposal_of(nomination):
        return None
    proposal = Proposal.objects.select_related("call").get(pk=proposal_of(nomination))
    on_panel = nomination.round.panel.filter(pk=user.pk).exists() and not nomination_conflict(user, nomination)
    if not (on_panel and nomination.is_confirmed) and not is_own_side(principal, proposal):
        return None
    return proposal.versions.order_by("-number").first()


def _shown_to(principal: Principal, user: User | None) -> QuerySet[Nomination]:
    seen = Q(state=NominationState.CONFIRMED)
    if user is not None:
        party = Q(nominator=user) | Q(holder_id__in=_answerable(principal, user))
        seen |= Q(state=NominationState.ASKED) & party
    return Nomination.objects.filter(seen)


def _answerable(principal: Principal, user: User | None) -> set[int]:
    """The names for which this person may confirm or decline."""
    if user is None or not principal.may_manage:
        return set()
    return set(namespaces_of(user, at_least=Role.WRITE).values_list("pk", flat=True))


def recompute_round(decision: RoundDecision) -> bool:
    """Whether the stored rule, run on the stored inputs, gives the stored results."""
    rule = RULES[decision.rule_name, decision.rule_version]
    stored = [{**row, "reason": {k: row["reason"][k] for k in ("code", "values")}} for row in decision.results]
    return rule.text_sha256 == decision.rule_sha256 and bool(rule.recompute(decision.inputs) == stored)
