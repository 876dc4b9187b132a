"""Calls, proposals, reviews and rounds for tests, made through the services that users reach."""

import itertools
from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from accounts.principal import Principal
from grants.enums import ProposalState, SubjectKind, Track
from grants.models import Call, Nomination, Proposal, Review, Round, RoundDecision
from grants.services import calls, nominations, proposals, reviews, rounds
from revenue.services.months import close_month
from tests.factories import revenue
from tests.factories.accounts import StaffFactory, UserFactory
from tests.factories.compute import flavor
from tests.factories.hub import repository

ABSTRACT = "We train a small text-to-image model on coloured shapes, and publish weights, data and code for everybody."
_numbers = itertools.count(1)


def call(track: Track = Track.INSTANT, **changes) -> Call:
    values = {
        "by": None,
        "programme": "open-compute",
        "title": "Small grants",
        "track": track,
        "flavor_class": "cpu-demo",
        "budget_gpu_seconds": 10_000,
    }
    flavor(flavor_class=changes.get("flavor_class", "cpu-demo"))
    budget = changes.get("budget_gpu_seconds", 10_000)
    changes.setdefault("largest_gpu_seconds", min(3_600, budget))
    changes.setdefault("smallest_gpu_seconds", min(60, changes["largest_gpu_seconds"]))
    slug = changes.pop("slug", f"call-{next(_numbers)}")
    if changes.get("closes_at") is not None:
        changes.setdefault("opens_at", min(timezone.now(), changes["closes_at"]) - timedelta(days=1))
    return calls.open_call(slug, **(values | changes))


def text(**changes) -> proposals.Text:
    values = {"title": "Shapes", "abstract": ABSTRACT, "asked_gpu_seconds": 600, "publishes_openly": True}
    return proposals.Text(**(values | changes))


def draft(in_call: Call | None = None, *, applicant: User | None = None, holder=None, **changes) -> Proposal:
    applicant = applicant or UserFactory()
    return proposals.create_draft(
        in_call or call(), text(**changes), holder=holder or applicant.namespace, by=Principal(user=applicant)
    )


def submitted(in_call: Call | None = None, **changes) -> Proposal:
    proposal = draft(in_call, **changes)
    return proposals.submit(proposal, by=Principal(user=proposal.applicant))


def standard_call(**changes) -> Call:
    return call(Track.STANDARD, **changes)


def sign(proposal: Proposal, *members: User) -> Proposal:
    for member in members:
        proposals.sign(proposal, by=Principal(user=member))
    proposal.refresh_from_db()
    return proposal


def send(proposal: Proposal) -> Proposal:
    reviews.send_to_reviewers(proposal, by=staff())
    proposal.refresh_from_db()
    return proposal


def in_review(**changes) -> Proposal:
    return send(submitted(standard_call(), **changes))


def review(proposal: Proposal, *, reviewer: User | None = None, score: int | None = None, words="") -> Review:
    """Asked for, and handed in when there is a score."""
    reviewer = reviewer or UserFactory()
    row = reviews.assign_reviewer(proposal, reviewer, by=staff())
    if score is not None:
        row = reviews.submit_review(
            row, score=score, text=words or "Sound plan, clear data.", by=Principal(user=reviewer)
        )
    return row


def staff() -> Principal:
    return Principal(user=StaffFactory())


def move_to(proposal: Proposal, state: ProposalState, **facts) -> Proposal:
    """Put a proposal into a state without the way there (for tests of single moves)."""
    Proposal.objects.filter(pk=proposal.pk).update(state=state, **facts)
    proposal.refresh_from_db()
    return proposal


def fill_pool(amount: int, currency: str = "usd") -> None:
    """Sell licences until the community pool holds at least `amount` micros, exactly that from an empty pool."""
    revenue.sale(revenue.customer(), graph=revenue.model_graph(revenue.person()), gross=amount * 20, currency=currency)
    now = timezone.now()
    close_month(now.year, now.month, by=staff(), through=now)


def community_round(
    *, panel: tuple[User, ...] = (), budget: int = 1_000_000, pool: int | None = None, **changes
) -> Round:
    """A round on 1 USD; the flavor costs 20 micros a GPU-second, so that buys 50,000 of them."""
    flavor()
    if len(panel) == 1:
        panel = (*panel, UserFactory())
    if pool is None:
        pool = budget
    if pool:
        fill_pool(pool)
    values = {
        "by": None,
        "title": "Community round",
        "currency": "usd",
        "budget": budget,
        "flavor": "cpu-demo",
        "closes_at": timezone.now() + timedelta(days=1),
        "cap_permille": 500,
        "least_scores": 1,
        "panel": panel,
    }
    return rounds.open_round(f"round-{next(_numbers)}", **(values | changes))


def nomination(
    in_round: Round, *, by: User | None = None, owner: User | None = None, asked: int = 10_000, confirmed: bool = True
) -> Nomination:
    """Of a model of somebody, who agrees to it."""
    owner = owner or UserFactory()
    made = repository(owner)
    row = nominations.nominate(
        in_round,
        kind=SubjectKind.MODEL,
        name=made.full_name,
        why="It draws shapes that others build on.",
        asked_gpu_seconds=asked,
        by=Principal(user=by or UserFactory()),
    )
    return nominations.confirm(row, by=Principal(user=owner)) if confirmed else row


def score(row: Nomination, value: int, *, by: User) -> None:
    rounds.score(row, value, by=Principal(user=by))


def close(in_round: Round) -> None:
    """Let the time of the round pass."""
    now = timezone.now()
    Round.objects.filter(pk=in_round.pk).update(opens_at=now - timedelta(days=2), closes_at=now - timedelta(seconds=1))


def decide(in_round: Round, *, by: Principal | None = None) -> RoundDecision:
    """Let the time of the round pass, then decide it."""
    close(in_round)
    return rounds.decide_round(in_round, by=by)
