"""Community rounds: opening, naming the panel, scoring, deciding."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from common.money import format_money
from common.services import audit, outbox
from compute.models import Flavor
from compute.selectors import price_of
from grants.algorithms import community
from grants.algorithms.rules import RULES
from grants.enums import ChangeKind, recorded
from grants.models import Award, Nomination, NominationScore, Round, RoundDecision
from grants.rules import may_run_calls, may_score, stake_in_round
from grants.selectors.rounds import confirmed, nomination_conflict, promised
from grants.services.awards import open_award_for_nomination
from grants.services.changes import trace
from revenue.selectors import pool_balance

# One person alone is no panel.
LEAST_PANEL = 2
# Two rounds must not promise the same money; the number only has to be ours.
_POOL_LOCK = 0x6772616E74


@transaction.atomic
def open_round(
    slug: str,
    *,
    by: Principal | None,
    title: str,
    currency: str,
    budget: int,
    flavor: str,
    closes_at: datetime,
    opens_at: datetime | None = None,
    cap_permille: int = 125,
    seats: int = 5,
    least_scores: int = 2,
    least_mean: int = 3,
    award_days: int = 90,
    summary: str = "",
    panel: Sequence[User] = (),
) -> Round:
    """Open a round on a part of the pool (micros); the second time under the same slug, return the first one.

    Raises Conflict when the pool, less what other open rounds may draw, does not hold the budget.
    """
    if not may_run_calls(by):
        raise Forbidden(_("Only staff may open a round."))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_POOL_LOCK])
    currency = currency.lower()
    existing = Round.objects.filter(slug=slug).first()
    if existing is not None:
        if existing.currency != currency:
            raise Conflict(_("Another round has this name."), hint=_("Choose another slug."))
        return existing
    opens_at = opens_at or timezone.now()
    buys = _flavor(flavor, currency)
    if not (budget > 0 and 1 <= cap_permille <= 1000 and seats >= 1 and award_days >= 1):
        raise Invalid(_("Budget, cap, seats or days are out of range."))
    if least_scores < 1 or not 1 <= least_mean <= 5:
        raise Invalid(_("A round needs at least one score for each award, and a least mean of 1 to 5."))
    if budget * cap_permille // 1000 < price_of(buys):
        raise Invalid(_("The cap buys less than one GPU-second."), hint=_("Raise the budget or the cap."))
    if closes_at <= max(opens_at, timezone.now()):
        raise Invalid(_("The round must close after it opens, and in time to come."), field="closes_at")
    free = pool_balance(currency) - promised(currency)
    if budget > free:
        raise Conflict(
            _("The pool can promise %(free)s, not %(budget)s.")
            % {"free": format_money(free, currency), "budget": format_money(budget, currency)},
            hint=_("Choose a smaller budget, or wait until the next month is closed."),
            code="pool_too_small",
        )
    round_ = Round.objects.create(
        slug=slug,
        title=title,
        summary=summary,
        currency=currency,
        budget=budget,
        cap_permille=cap_permille,
        seats=seats,
        least_scores=least_scores,
        least_mean=least_mean,
        flavor=buys,
        award_days=award_days,
        opens_at=opens_at,
        closes_at=closes_at,
        rule_version=community.RULE_VERSION,
    )
    round_.panel.set(panel)
    audit.record("round.opened", f"round:{slug}", actor=by, budget=budget, currency=currency)
    return round_


@transaction.atomic
def add_to_panel(round_: Round, user: User, *, by: Principal | None) -> None:
    """Let somebody score, until the first score is given. Adding twice adds once."""
    round_ = lock_round(round_)
    if not may_run_calls(by):
        raise Forbidden(_("Only staff may name the panel."))
    stake = stake_in_round(by, round_)
    if stake:
        raise Forbidden(_("You have a stake in this round. %(why)s") % {"why": stake})
    if round_.panel.filter(pk=user.pk).exists():
        return
    if round_.is_decided or round_.is_over() or NominationScore.objects.filter(nomination__round=round_).exists():
        raise Conflict(
            _("The panel stands since the first score was given."),
            hint=_("Open another round with another panel."),
            code="panel_stands",
        )
    round_.panel.add(user)
    trace(round_, ChangeKind.PANEL_ADDED, by=by, user=user.username)
    audit.record("round.panel_added", f"round:{round_.slug}", actor=by, member=user.username)


@transaction.atomic
def score(nomination: Nomination, value: int, *, by: Principal) -> NominationScore:
    """A panel member's score, 1 to 5; it may be changed until the decision."""
    round_ = lock_round(nomination.round)
    if by.user is None or not may_score(by, nomination):
        on_panel = by.user is not None and round_.panel.filter(pk=by.user.pk).exists()
        reason = nomination_conflict(by.user, nomination) if by.user and on_panel else ""
        raise Forbidden(reason or _("Only members of the panel score nominations."))
    require_open(round_)
    least = max(LEAST_PANEL, round_.least_scores)
    if round_.panel.count() < least:
        raise Conflict(
            _("The panel has too few members: at least %(least)d are needed.") % {"least": least},
            hint=_("Staff add members before the first score."),
            code="panel_too_small",
        )
    if value not in range(1, 6):
        raise Invalid(_("The score is a whole number from 1 to 5."), field="score")
    row, _created = NominationScore.objects.update_or_create(
        nomination=nomination, reviewer=by.user, defaults={"score": value}
    )
    audit.record("round.scored", f"round:{round_.slug}", actor=by, subject=nomination.subject)
    return row


@transaction.atomic
def decide_round(round_: Round, *, by: Principal | None) -> RoundDecision:
    """Apply the community rule, draw each award from the pool, and open its allocation, once the round is over.

    All of it is one transaction; deciding again returns the first decision. Raises Forbidden for those with a
    stake in a nomination, Conflict before the time is over.
    """
    round_ = lock_round(round_)
    if not may_run_calls(by):
        raise Forbidden(_("Only staff may decide a round."))
    stake = stake_in_round(by, round_)
    if stake:
        raise Forbidden(
            _("You have a stake in this round. %(why)s") % {"why": stake},
            hint=_("Ask staff without a stake in it to decide."),
        )
    existing = RoundDecision.objects.filter(round=round_).first()
    if existing is not None:
        return existing
    if not round_.is_over():
        raise Conflict(
            _("This round is open until %(when)s UTC.") % {"when": round_.closes_at.strftime("%Y-%m-%d %H:%M")},
            hint=_("It is decided after that."),
            code="round_open",
        )
    inputs = _inputs(round_)
    results = community.decide(inputs)
    rule = RULES[community.RULE_NAME, round_.rule_version]
    rows = [
        {**result.to_json(), "reason": recorded(result.reason.code, dict(result.reason.values))} for result in results
    ]
    decision = RoundDecision.objects.create(
        round=round_,
        rule_name=rule.name,
        rule_version=rule.version,
        rule_sha256=rule.text_sha256,
        inputs=inputs.to_json(),
        results=rows,
        decided_by=by.user if by else None,
    )
    _open_awards(round_, results, by=by)
    spent = sum(result.amount for result in results)
    audit.record("round.decided", f"round:{round_.slug}", actor=by, spent=spent, currency=round_.currency)
    outbox.emit("round.decided", f"round.decided:{round_.pk}", {"round": round_.slug, "spent": spent})
    return decision


def _open_awards(round_: Round, results: Sequence[community.Result], *, by: Principal | None) -> list[Award]:
    nominations = {row.pk: row for row in round_.nominations.select_related("holder")}
    return [
        open_award_for_nomination(nominations[result.nomination], result, round_=round_, by=by)
        for result in results
        if result.amount
    ]


def _inputs(round_: Round) -> community.CommunityInputs:
    candidates = tuple(
        community.Candidate(
            nomination=row.pk,
            asked_gpu_seconds=row.asked_gpu_seconds,
            scores=tuple(sorted(score.score for score in row.scores.all())),
        )
        for row in confirmed(round_).prefetch_related("scores")
    )
    return community.CommunityInputs(
        budget=max(0, min(round_.budget, pool_balance(round_.currency))),
        price=price_of(round_.flavor),
        cap_permille=round_.cap_permille,
        seats=round_.seats,
        least_scores=round_.least_scores,
        least_mean=round_.least_mean,
        candidates=candidates,
    )


def lock_round(round_: Round) -> Round:
    return Round.objects.select_for_update(of=("self",)).select_related("flavor__cluster").get(pk=round_.pk)


def require_open(round_: Round) -> None:
    if not round_.is_open():
        raise Conflict(_("This round is not open."), hint=_("Open rounds are listed at /grants."), code="round_closed")


def _flavor(name: str, currency: str) -> Flavor:
    flavor = Flavor.objects.select_related("cluster").filter(name=name).first()
    if flavor is None:
        raise Invalid(_("There is no flavor of this name."), field="flavor")
    if flavor.cluster.currency.lower() != currency or price_of(flavor) <= 0:
        raise Invalid(
            _("This flavor has no price in the currency of the pool."),
            hint=_("Choose a flavor whose cluster is priced in that currency."),
            field="flavor",
        )
    return flavor
