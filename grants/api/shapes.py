"""What the API answers. Amounts of compute in GPU-seconds, of money in micros; times in ISO 8601."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from accounts.principal import Principal
from accounts.selectors import namespaces_of
from common.addresses import absolute
from compute.selectors import price_of
from grants.models import Award, Call, Decision, Proposal, Review, ReviewRevision, Round
from grants.rules import may_see_allocation
from grants.selectors import awards as award_selectors
from grants.selectors import proposals as proposal_selectors
from grants.selectors.calls import rule_of
from grants.selectors.changes import changes_of
from grants.selectors.proposals import reader
from grants.selectors.reviews import reviews_shown
from grants.selectors.rounds import ShownNomination, nominations_for, recompute_round


def _at(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def call(request: HttpRequest, row: Call) -> dict[str, Any]:
    rule = rule_of(row)
    return {
        "slug": row.slug,
        "title": row.title,
        "summary": row.summary,
        "programme": row.programme.name,
        "track": row.track,
        "open": row.is_open(),
        "opens_at": _at(row.opens_at),
        "closes_at": _at(row.closes_at),
        "flavor_class": row.flavor_class,
        "largest_gpu_seconds": row.largest_gpu_seconds,
        "smallest_gpu_seconds": row.smallest_gpu_seconds,
        "budget_gpu_seconds": row.budget_gpu_seconds,
        "remaining_gpu_seconds": row.announced_remaining,  # type: ignore[attr-defined]
        "award_days": row.award_days,
        "most_open_awards": row.most_open_awards,
        "least_abstract_characters": row.least_abstract_characters,
        "needs_email": row.needs_email,
        "questions": row.questions,
        "rule": {"name": rule.name, "version": rule.version, "sha256": rule.text_sha256} if rule else None,
        "url": absolute(row.get_absolute_url()),
    }


def whole_call(request: HttpRequest, row: Call) -> dict[str, Any]:
    """With what was announced in it so far, and what was changed since it was opened."""
    return {**call(request, row), "outcomes": _numbers(row), "changes": changes(row)}


def _numbers(row: Call) -> dict[str, Any]:
    """Announced decisions only."""
    numbers = award_selectors.numbers_of(row)
    return {
        "awarded": numbers.awarded,
        "waiting_list": numbers.waiting,
        "declined": numbers.declined,
        "success_percent": numbers.success_percent,
        "asked_gpu_seconds": numbers.asked_gpu_seconds,
        "given_gpu_seconds": numbers.given_gpu_seconds,
        "returned_gpu_seconds": numbers.returned_gpu_seconds,
    }


def proposal_line(request: HttpRequest, row: Proposal) -> dict[str, Any]:
    """A row of a list: without decision and reviews."""
    return {
        "id": row.pk,
        "call": row.call.slug,
        "track": row.call.track,
        "title": row.title,
        "applicant": row.applicant.username,
        "namespace": row.holder.name,
        "gpu_seconds": row.asked_gpu_seconds,
        "state": row.state,
        "created_at": _at(row.created_at),
        "submitted_at": _at(row.submitted_at),
        "url": absolute(row.get_absolute_url()),
    }


def proposal(request: HttpRequest, row: Proposal) -> dict[str, Any]:
    principal: Principal = request.principal
    decisions = proposal_selectors.decisions_shown(principal, row)
    award_row = Award.objects.filter(proposal=row).select_related(*_AWARD).first() if decisions else None
    version = row.versions.order_by("-number").first()
    return {
        **proposal_line(request, row),
        "abstract": row.abstract,
        "answers": row.answers,
        "publishes_openly": row.publishes_openly,
        "team": [
            {"user": member.user.username, "state": member.state, "signed": member.signed_at is not None}
            for member in _team(row)
        ],
        "hand_in_until": _at(row.hand_in_until),
        "sign_until": _at(row.sign_until),
        "note": row.note,
        "version": {"number": version.number, "sha256": version.digest} if version else None,
        "outcome": decisions[0].outcome if decisions else None,
        "decided_at": _at(row.decided_at) if decisions else None,
        "announced_at": _at(row.announced_at) if decisions else None,
        "waiting_list_place": proposal_selectors.place_on_waiting_list(row) or None if decisions else None,
        "decision": decision(decisions[0]) if decisions else None,
        "award": award(request, award_row, own=True) if award_row else None,
        "reviews": [
            {
                "number": shown.number,
                "version": shown.version,
                "state": shown.state,
                "score": shown.score,
                "text": shown.text,
                "revisions": _revisions(shown.revisions),
                **({"reviewer": shown.reviewer, "due_on": shown.due_on} if shown.reviewer else {}),
            }
            for shown in reviews_shown(principal, row)
        ],
    }


def decision(row: Decision) -> dict[str, Any]:
    return {
        "id": row.pk,
        "number": row.number,
        "outcome": row.outcome,
        "gpu_seconds": row.gpu_seconds,
        "decided_by": row.decided_by,
        "rule": {"name": row.rule_name, "version": row.rule_version, "sha256": row.rule_sha256}
        if row.is_by_rule
        else None,
        "inputs": row.inputs,
        "reasons": row.reasons,
        "at": _at(row.at),
    }


_AWARD = ["holder", "proposal__call", "nomination__round", "report"]


def award(request: HttpRequest, row: Award, *, own: bool) -> dict[str, Any]:
    """`allocation` is for those who hold it; everything else is public."""
    source = (
        {"kind": "proposal", "call": row.proposal.call.slug}
        if row.proposal
        else {"kind": "round", "round": row.nomination.round.slug, "subject": row.nomination.subject}
    )
    public = {
        "id": row.pk,
        "reference": row.reference,
        "namespace": row.holder.name,
        "title": row.title,
        "purpose": row.purpose,
        "gpu_seconds": row.gpu_seconds,
        "flavor_class": row.flavor_class,
        "starts_at": _at(row.starts_at),
        "ends_at": _at(row.ends_at),
        "amount": row.amount,
        "currency": row.currency or None,
        "source": source,
        "report": row.report.text if hasattr(row, "report") else None,
        "url": absolute(row.get_absolute_url()),
    }
    if own:
        public["allocation"] = row.allocation_id
        public["allocation_url"] = absolute(f"/compute/allocations/{row.allocation_id}")
    return public


def whole_award(request: HttpRequest, row: Award) -> dict[str, Any]:
    """With its decision, its use, and what was published from it. Public."""
    made, usage = award_selectors.decision_shown(row), award_selectors.usage_of(row)
    published = award_selectors.published_from(row)[: award_selectors.VERSIONS_SHOWN]
    return {
        **award(request, row, own=may_see_allocation(request.principal, row)),
        "decision": {
            "rule": {"name": made.rule.name, "version": made.rule.version, "sha256": made.rule.text_sha256}
            if made.rule
            else None,
            "inputs": dict(made.inputs),
            "reasons": made.reasons,
            "recomputes": made.recomputed,
            "decided_by": made.person or None,
            "at": _at(made.at),
        },
        "used_gpu_seconds": usage.used,
        "expired_gpu_seconds": usage.expired,
        "published": [
            {
                "repository": sponsor.version.repository.full_name,
                "type": sponsor.version.repository.kind,
                "version": sponsor.version.number,
                "gpu_seconds": sponsor.gpu_seconds,
            }
            for sponsor in published
        ],
    }


def own_names(principal: Principal) -> set[int]:
    """The names whose allocations this person may see."""
    user = reader(principal)
    return set(namespaces_of(user).values_list("pk", flat=True)) if user else set()


def review(request: HttpRequest, row: Review) -> dict[str, Any]:
    """The reviewer's own review, with the text as handed in."""
    return {
        "id": row.pk,
        "proposal": row.proposal_id,
        "version": {"number": row.version.number, "sha256": row.version.digest},
        "state": row.state,
        "score": row.score,
        "text": row.text,
        "revisions": _revisions(row.revisions.all()),
        "due_on": row.due_on,
        "content": row.version.content,
        "others": [
            {
                "number": shown.number,
                "score": shown.score,
                "text": shown.text,
                "revisions": _revisions(shown.revisions),
            }
            for shown in reviews_shown(request.principal, row.proposal)
            if not shown.own
        ],
        "url": absolute(row.get_absolute_url()),
    }


def round_line(request: HttpRequest, row: Round) -> dict[str, Any]:
    return {
        "slug": row.slug,
        "title": row.title,
        "summary": row.summary,
        "open": row.is_open(),
        "decided": row.is_decided,
        "opens_at": _at(row.opens_at),
        "closes_at": _at(row.closes_at),
        "currency": row.currency,
        "budget": row.budget,
        "cap": row.cap,
        "seats": row.seats,
        "least_scores": row.least_scores,
        "least_mean": row.least_mean,
        "flavor": row.flavor.name,
        "price": price_of(row.flavor),
        "award_days": row.award_days,
        "url": absolute(row.get_absolute_url()),
    }


def round_(request: HttpRequest, row: Round) -> dict[str, Any]:
    made = row.decision if row.is_decided else None
    own = own_names(request.principal)
    return {
        **round_line(request, row),
        "panel": list(row.panel.order_by("username").values_list("username", flat=True)),
        "changes": changes(row),
        "nominations": [_nomination(request, shown, own) for shown in nominations_for(request.principal, row)],
        "decision": {
            "rule": {"name": made.rule_name, "version": made.rule_version, "sha256": made.rule_sha256},
            "inputs": made.inputs,
            "results": made.results,
            "recomputes": recompute_round(made),
            "decided_by": made.decided_by.username if made.decided_by else None,
            "at": _at(made.at),
        }
        if made
        else None,
    }


def changes(row: Call | Round) -> list[dict[str, Any]]:
    """What was changed since it was opened, newest first."""
    return [
        {"what": change.words, "reason": change.reason, "by": change.person or None, "at": _at(change.at)}
        for change in changes_of(row)
    ]


def _nomination(request: HttpRequest, shown: ShownNomination, own: set[int]) -> dict[str, Any]:
    row = shown.nomination
    given = row.award if hasattr(row, "award") else None
    mine = row.holder_id in own or request.principal.is_staff
    return {
        "id": row.pk,
        "kind": row.kind,
        "subject": row.subject,
        "namespace": row.holder.name,
        "nominator": row.nominator.username,
        "title": shown.title or None,
        "state": row.state,
        "why": row.why,
        "gpu_seconds": row.asked_gpu_seconds,
        "may_score": shown.may_score,
        "own_score": shown.own_score,
        "outcome": shown.result["outcome"] if shown.result else None,
        "award": {
            "id": given.pk,
            "reference": given.reference,
            "gpu_seconds": given.gpu_seconds,
            "amount": given.amount,
            **({"allocation": given.allocation_id} if mine else {}),
        }
        if given
        else None,
    }


def _revisions(rows: Iterable[ReviewRevision]) -> list[dict[str, Any]]:
    """What a reviewer changed after reading the others, beside the first judgement."""
    return [{"number": row.number, "score": row.score, "text": row.text, "at": _at(row.at)} for row in rows]


def _team(row: Proposal) -> Any:
    return row.team.select_related("user")
