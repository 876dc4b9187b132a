"""Community rounds: what is nominated, and the scores, which stay hidden until the decision."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet, Sum
from django.utils.translation import gettext as _

from accounts.models import Membership, User
from accounts.principal import Principal
from common.errors import NotFound
from grants.algorithms.rules import RULES
from grants.enums import sentence
from grants.models import Nomination, NominationScore, Round, RoundDecision
from grants.selectors.proposals import reader


@dataclass(frozen=True)
class ShownNomination:
    """A nomination as one reader sees it; `result` is None before the decision."""

    nomination: Nomination
    may_score: bool
    own_score: int | None
    result: dict[str, Any] | None
    result_words: str


def rounds() -> QuerySet[Round]:
    return Round.objects.select_related("decision", "flavor__cluster")


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


def nomination_conflict(user: User, nomination: Nomination) -> str:
    """Why this person must not score the nomination; empty when nothing is known against it."""
    return _conflict(user, _organisations(user), nomination)


def nominations_for(principal: Principal, round_: Round) -> list[ShownNomination]:
    """After the decision best first, before it in order of arrival."""
    user = reader(principal)
    nominations = list(round_.nominations.select_related("holder", "nominator", "award"))
    on_panel = user is not None and round_.is_open() and round_.panel.filter(pk=user.pk).exists()
    organisations = _organisations(user) if user is not None else set()
    own = dict(
        NominationScore.objects.filter(nomination__round=round_, reviewer=user).values_list("nomination_id", "score")
        if user is not None
        else []
    )
    results = {row["nomination"]: row for row in round_.decision.results} if round_.is_decided else {}
    shown = []
    for nomination in nominations:
        may_score = on_panel and user is not None and not _conflict(user, organisations, nomination)
        result = results.get(nomination.pk)
        words = sentence(result["reason"]["code"], result["reason"]["values"]) if result else ""
        shown.append(ShownNomination(nomination, may_score, own.get(nomination.pk), result, words))
    return sorted(shown, key=lambda row: (row.result["rank"] or len(shown) + 1) if row.result else 0)


def nomination_for(nomination_id: int) -> Nomination:
    """Nominations are public. Raises NotFound."""
    nomination = Nomination.objects.select_related("round", "holder").filter(pk=nomination_id).first()
    if nomination is None:
        raise NotFound(_("There is no such nomination."), hint=_("The page of the round lists them."))
    return nomination


def recompute_round(decision: RoundDecision) -> bool:
    """Whether the stored rule, run on the stored inputs, gives the stored results."""
    rule = RULES[decision.rule_name, decision.rule_version]
    stored = [{**row, "reason": {k: row["reason"][k] for k in ("code", "values")}} for row in decision.results]
    return rule.text_sha256 == decision.rule_sha256 and bool(rule.recompute(decision.inputs) == stored)


def _organisations(user: User) -> set[int]:
    return set(Membership.objects.filter(user=user).values_list("organisation_id", flat=True))


def _conflict(user: User, organisations: set[int], nomination: Nomination) -> str:
    if nomination.nominator_id == user.pk:
        return _("You nominated it yourself.")
    if nomination.holder.user_id == user.pk:
        return _("It is your own.")
    if nomination.holder.organisation_id in organisations:
        return _("It belongs to an organisation of yours.")
    return ""
