"""Tracks, states and outcomes; the moves a proposal may make; the sentences behind a rule's reasons."""

from collections.abc import Mapping
from typing import Any

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override, pgettext_lazy

from common.quantities import format_gpu_seconds


class Track(TextChoices):
    """How a call decides."""

    INSTANT = "instant", _("instant")
    STANDARD = "standard", _("standard")


class ProposalState(TextChoices):
    DRAFT = "draft", _("draft")
    SIGNING = "signing", _("signing")
    SUBMITTED = "submitted", _("submitted")
    SCREENING = "screening", _("screening")
    IN_REVIEW = "in_review", _("in review")
    DISCUSSION = "discussion", _("discussion")
    DECIDED = "decided", _("decided")
    ANNOUNCED = "announced", _("announced")
    WITHDRAWN = "withdrawn", _("withdrawn")
    RETURNED = "returned", _("returned for changes")


_S = ProposalState

# The only moves there are. Those from `announced` are the waiting list's: a new decision, or taken back.
MOVES: dict[ProposalState, frozenset[ProposalState]] = {
    _S.DRAFT: frozenset({_S.SIGNING, _S.SUBMITTED, _S.WITHDRAWN}),
    _S.SIGNING: frozenset({_S.SUBMITTED, _S.DRAFT, _S.WITHDRAWN}),
    _S.SUBMITTED: frozenset({_S.SCREENING, _S.DECIDED, _S.WITHDRAWN}),
    _S.SCREENING: frozenset({_S.IN_REVIEW, _S.RETURNED, _S.DECIDED, _S.WITHDRAWN}),
    _S.IN_REVIEW: frozenset({_S.DISCUSSION, _S.WITHDRAWN}),
    _S.DISCUSSION: frozenset({_S.IN_REVIEW, _S.DECIDED, _S.WITHDRAWN}),
    _S.DECIDED: frozenset({_S.ANNOUNCED}),
    _S.ANNOUNCED: frozenset({_S.DECIDED, _S.WITHDRAWN}),
    _S.WITHDRAWN: frozenset(),
    _S.RETURNED: frozenset({_S.SIGNING, _S.SUBMITTED, _S.WITHDRAWN}),
}

# The text may change only here; afterwards reviewers and the rule read what was handed in.
EDITABLE = frozenset({_S.DRAFT, _S.RETURNED})
WITH_REVIEWERS = frozenset({_S.IN_REVIEW, _S.DISCUSSION, _S.DECIDED, _S.ANNOUNCED})

STEPS: dict[Track, list[ProposalState]] = {
    Track.INSTANT: [_S.DRAFT, _S.SUBMITTED, _S.DECIDED, _S.ANNOUNCED],
    Track.STANDARD: [_S.DRAFT, _S.SUBMITTED, _S.SCREENING, _S.IN_REVIEW, _S.DISCUSSION, _S.DECIDED, _S.ANNOUNCED],
}


class TeamState(TextChoices):
    """Where somebody stands who was named as a team member."""

    INVITED = "invited", _("invited")
    MEMBER = "member", _("on the team")
    DECLINED = "declined", pgettext_lazy("an invitation", "declined")
    LEFT = "left", _("left")


# Whose signature is waited for.
ON_THE_TEAM = frozenset({TeamState.INVITED, TeamState.MEMBER})


class Outcome(TextChoices):
    """The values are those of grants.algorithms.verdicts."""

    AWARDED = "awarded", _("awarded")
    PARTLY_AWARDED = "partly_awarded", _("partly awarded")
    WAITING_LIST = "waiting_list", _("waiting list")
    DECLINED = "declined", _("declined")

    @property
    def gives(self) -> bool:
        return self in {Outcome.AWARDED, Outcome.PARTLY_AWARDED}


class DecidedBy(TextChoices):
    RULE = "rule", _("a rule")
    PERSON = "person", _("a person")


class ReviewState(TextChoices):
    ASKED = "asked", _("asked")
    ACCEPTED = "accepted", _("accepted")
    SUBMITTED = "submitted", _("handed in")
    RECUSED = "recused", _("recused")
    DECLINED = "declined", pgettext_lazy("a review", "declined")
    RELEASED = "released", _("taken back")


# Whoever is in one of these is no reviewer any more, and no longer reads the proposal.
REVIEW_ENDED = frozenset({ReviewState.RECUSED, ReviewState.DECLINED, ReviewState.RELEASED})


class SubjectKind(TextChoices):
    """What a community round may be asked to fund."""

    MODEL = "model", _("model")
    DATASET = "dataset", _("data set")
    PROPOSAL = "proposal", _("proposal")


class NominationState(TextChoices):
    """Only what its holder confirmed is public, scored and decided."""

    ASKED = "asked", _("waits for its holder")
    CONFIRMED = "confirmed", _("confirmed")
    DECLINED = "declined", _("declined by its holder")
    WITHDRAWN = "withdrawn", _("withdrawn")


LIVE_NOMINATIONS = frozenset({NominationState.ASKED, NominationState.CONFIRMED})


class ChangeKind(TextChoices):
    """What the public trace of a call or round tells."""

    PANEL_ADDED = "panel_added", _("panel")
    BUDGET_RAISED = "budget_raised", _("budget")
    CLOSING_MOVED = "closing_moved", _("closing")


CHANGES: dict[ChangeKind, Promise] = {
    ChangeKind.PANEL_ADDED: _("%(user)s joined the panel."),
    ChangeKind.BUDGET_RAISED: _("The budget was raised by %(gpu_seconds)s to %(budget_gpu_seconds)s."),
    ChangeKind.CLOSING_MOVED: _("The closing moved from %(before)s to %(after)s."),
}


REASONS: dict[str, Promise] = {
    "all_conditions_met": _(
        "All conditions of the rule are met, and the budget of the call covers what you asked for."
    ),
    "budget_short": _(
        "All conditions are met, but less remains in the budget than you asked for: "
        "you asked for %(asked_gpu_seconds)s and get %(given_gpu_seconds)s."
    ),
    "budget_spent": _(
        "All conditions are met, but the budget of the call is spent: %(remaining_gpu_seconds)s remain. "
        "You are on the waiting list and need do nothing."
    ),
    "asked_nothing": _("The proposal asks for no compute. Ask for at least one GPU-second."),
    "asked_too_much": _(
        "You asked for %(asked_gpu_seconds)s; this call gives at most %(largest_gpu_seconds)s. "
        "Ask for less, or apply to a call with reviewers."
    ),
    "abstract_too_short": _(
        "The abstract has %(characters)s characters; the call wants at least %(least)s. Say more about the plan."
    ),
    "not_published_openly": _(
        "The proposal does not promise to publish the result openly. This call funds open work only."
    ),
    "no_email": _("Your account has no e-mail address. Add one, so that you can be reached about the award."),
    "too_many_open_awards": _(
        "You or the name you apply for hold %(open)s open awards; at most %(most)s are allowed at a time. "
        "Wait until one ends."
    ),
    "reports_due": _(
        "Reports on earlier awards are missing: %(reports)s. Hand them in on the pages of those awards, "
        "then apply again."
    ),
    "score_too_low": _("The mean score is below %(least)s."),
    "no_seat": _("All %(seats)s awards of this round went to nominations with a higher score."),
    "round_spent": _("The budget of the round was used by nominations with a higher score."),
    "capped": _(
        "The cap per project reduced the award: %(asked_gpu_seconds)s were asked for, %(given_gpu_seconds)s are given."
    ),
    "round_short": _(
        "Less was left in the budget of the round: %(asked_gpu_seconds)s were asked for, "
        "%(given_gpu_seconds)s are given."
    ),
    "ranked": _("Rank %(rank)s by mean score, within the budget and the number of awards."),
    "too_few_scores": _("The panel gave %(scores)s scores; at least %(least)s are needed."),
    "person": _("%(text)s"),
}


def sentence(code: str, values: Mapping[str, Any]) -> str:
    """A reason in words, in the reader's language; durations are spelled out."""
    shown = {
        name: format_gpu_seconds(value) if name.endswith("gpu_seconds") else value for name, value in values.items()
    }
    return str(REASONS[code]) % shown


def recorded(code: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """A reason as a decision keeps it: code, values, and the English words of the day."""
    with override("en"):
        return {"code": code, "values": dict(values), "text": sentence(code, values)}
