"""Community rounds: opening, nominating, scoring, deciding."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Namespace, User
from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from common.money import format_money
from common.services import audit, outbox
from compute.models import Flavor
from compute.selectors import price_of
from grants.algorithms import community
from grants.algorithms.rules import RULES
from grants.enums import SubjectKind, recorded
from grants.models import Award, Nomination, NominationScore, Proposal, Round, RoundDecision
from grants.rules import may_nominate, may_run_calls, may_score
from grants.selectors.rounds import nomination_conflict, promised
from grants.services.awards import open_award_for_nomination
from hub.selectors import repository_for
from revenue.selectors import pool_balance

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
    if not (budget > 0 and 1 <= cap_permille <= 1000 and seats >= 1 and 0 <= least_mean <= 5 and award_days >= 1):
        raise Invalid(_("Budget, cap, seats, least mean or days are out of range."))
    if closes_at <= opens_at:
        raise Invalid(_("The round must close after it opens."))
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
    """Let somebody score. Adding twice adds once."""
    if not may_run_calls(by):
        raise Forbidden(_("Only staff may name the panel."))
    round_.panel.add(user)
    audit.record("round.panel_added", f"round:{round_.slug}", actor=by, member=user.username)


@transaction.atomic
def nominate(
    round_: Round, *, kind: SubjectKind, name: str, why: str, asked_gpu_seconds: int, by: Principal
) -> Nomination:
    """Propose a public repository (`ns/name`) or an announced proposal (its number) for an award.

    Nominating the same subject again returns the first nomination. Raises Forbidden, Conflict, Invalid, NotFound.
    """
    round_ = _locked(round_)
    if by.user is None or not may_nominate(by):
        raise Forbidden(_("Log in to nominate."), hint=_("A token needs the scope “write”."))
    _require_open(round_)
    why = why.strip()
    if not why or len(why) > 280 or "\n" in why or "\x00" in why:
        raise Invalid(_("Say why in one line of at most 280 characters."), field="why")
    if not 0 < asked_gpu_seconds < 2**62:
        raise Invalid(_("Say how many GPU-seconds it needs."), field="gpu_seconds")
    subject, holder = _subject(kind, name, by)
    nomination, created = Nomination.objects.get_or_create(
        round=round_,
        subject=subject,
        defaults={
            "kind": kind,
            "holder": holder,
            "nominator": by.user,
            "why": why,
            "asked_gpu_seconds": asked_gpu_seconds,
        },
    )
    if created:
        audit.record("round.nominated", f"round:{round_.slug}", actor=by, subject=subject)
    return nomination


@transaction.atomic
def score(nomination: Nomination, value: int, *, by: Principal) -> NominationScore:
    """A panel member's score, 1 to 5; it may be changed until the decision."""
    round_ = _locked(nomination.round)
    if by.user is None or not may_score(by, nomination):
        reason = nomination_conflict(by.user, nomination) if by.user else ""
        raise Forbidden(reason or _("Only members of the panel score nominations."))
    _require_open(round_)
    if value not in range(1, 6):
        raise Invalid(_("The score is a whole number from 1 to 5."), field="score")
    row, _created = NominationScore.objects.update_or_create(
        nomination=nomination, reviewer=by.user, defaults={"score": value}
    )
    audit.record("round.scored", f"round:{round_.slug}", actor=by, subject=nomination.subject)
    return row


@transaction.atomic
def decide_round(round_: Round, *, by: Principal | None) -> RoundDecision:
    """Apply the community rule, draw each award from the pool, and open its allocation. Closes the round.

    All of it is one transaction; deciding again returns the first decision. Raises Forbidden.
    """
    round_ = _locked(round_)
    if not may_run_calls(by):
        raise Forbidden(_("Only staff may decide a round."))
    existing = RoundDecision.objects.filter(round=round_).first()
    if existing is not None:
        return existing
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
        for row in round_.nominations.prefetch_related("scores").order_by("pk")
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


def _locked(round_: Round) -> Round:
    return Round.objects.select_for_update(of=("self",)).select_related("flavor__cluster").get(pk=round_.pk)


def _require_open(round_: Round) -> None:
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


def _subject(kind: SubjectKind, name: str, by: Principal) -> tuple[str, Namespace]:
    """Only what everybody can see may be nominated: the list of nominations is public."""
    if kind == SubjectKind.PROPOSAL:
        proposal = (
            Proposal.objects.select_related("holder").filter(pk=int(name), state="announced").first()
            if name.isdecimal()
            else None
        )
        if proposal is None:
            raise Invalid(_("There is no announced proposal with this number."), field="name")
        return f"proposal:{proposal.pk}", proposal.holder
    repository = repository_for(by, kind.value, name)
    if repository.visibility != "public":
        raise Invalid(_("Only public repositories can be nominated."), hint=_("Publish it first."), field="name")
    return f"{kind}:{repository.full_name}", repository.namespace
