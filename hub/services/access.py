"""Requests for access to gated repositories: asking, deciding, appealing, taking away."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NoReturn

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid, Unauthenticated
from common.services import audit, outbox
from hub import rules
from hub.algorithms import gate_forms
from hub.enums import ACCESS_MOVES, AccessState, AccessVerb, GateMode, OverduePolicy
from hub.models import AccessEvent, AccessRequest, Gate, Repository, Terms
from hub.selectors.access import form_of, gate_of, overdue_requests, terms_of
from hub.services.locks import lock_access

MAX_REASON = 5000
_AGAINST = {AccessVerb.REJECTED, AccessVerb.REVOKED, AccessVerb.PUT_BACK}
_FOR = {AccessVerb.ACCEPTED, AccessVerb.GRANTED}


@transaction.atomic
def ask(repository: Repository, *, by: Principal, answers: Mapping[str, Any], agrees: bool = False) -> AccessRequest:
    """Ask to be let in, for the first time or again. Where the gate is automatic this is enough,
    unless somebody decided against this person before: then a person decides.

    Raises Unauthenticated, Forbidden, Invalid, Conflict.
    """
    if by.user is None:
        raise Unauthenticated(_("Log in to ask for access."))
    lock_access(repository, by.user)
    if not rules.may_ask(by, repository):
        raise Forbidden(
            _("This credential may not ask for access."), hint=_("Ask in the browser, or with a write token.")
        )
    _require_gate(repository)
    gate, terms = gate_of(repository), terms_of(repository)
    given = _checked(repository, gate, answers)
    if terms is not None and not agrees:
        raise Invalid(_("Agree to the terms first."), code="terms")
    request = AccessRequest.objects.filter(repository=repository, user=by.user).first()
    is_new = request is None
    request = request or AccessRequest(repository=repository, user=by.user, state=AccessState.WITHDRAWN)
    _require_turn(request, gate, given)
    is_automatic = repository.gated == GateMode.AUTO and (is_new or not _is_decided_against(request))
    now = timezone.now()
    request.answers, request.terms, request.terms_accepted_at = given, terms, now if terms is not None else None
    request.asked_at, request.due_at = now, now + timedelta(days=gate.deadline_days)
    request.is_appeal_spent = False
    verb = AccessVerb.ASKED if is_new else AccessVerb.ASKED_AGAIN
    _move(request, AccessState.PENDING, verb, by=by.user, facts=_facts(given, terms))
    if is_automatic:
        _decide(request, AccessState.ACCEPTED, AccessVerb.ACCEPTED, by=None, reason="")
    return request


@transaction.atomic
def accept(request: AccessRequest, *, by: Principal, reason: str = "") -> AccessRequest:
    """Let somebody in. Raises Forbidden, Invalid, Conflict."""
    request = _locked(request)
    _require_decider(request, by)
    if request.state == AccessState.WITHDRAWN:
        _refuse_move(AccessState.WITHDRAWN)
    return _decide(request, AccessState.ACCEPTED, AccessVerb.ACCEPTED, by=by.user, reason=_reason(reason, needed=False))


@transaction.atomic
def reject(request: AccessRequest, *, by: Principal, reason: str) -> AccessRequest:
    """Turn a request down, or take access away, and say why. Raises Forbidden, Invalid, Conflict."""
    request = _locked(request)
    _require_decider(request, by)
    verb = AccessVerb.REVOKED if request.state == AccessState.ACCEPTED else AccessVerb.REJECTED
    return _decide(request, AccessState.REJECTED, verb, by=by.user, reason=_reason(reason))


@transaction.atomic
def put_back(request: AccessRequest, *, by: Principal) -> AccessRequest:
    """Undo a decision: the request waits again, without a deadline. Raises Forbidden, Invalid, Conflict."""
    request = _locked(request)
    _require_decider(request, by)
    if request.state not in {AccessState.ACCEPTED, AccessState.REJECTED}:
        _refuse_move(AccessState(request.state))
    request.decided_at = request.due_at = None
    request.reason = ""
    return _move(request, AccessState.PENDING, AccessVerb.PUT_BACK, by=by.user)


@transaction.atomic
def grant(repository: Repository, user: User, *, by: Principal) -> AccessRequest:
    """Let somebody in who has not asked, or whose request waits. Raises Forbidden, Invalid, Conflict."""
    lock_access(repository, user)
    if not rules.may_decide(by, repository, gate_of(repository)):
        raise Forbidden(_("You may not decide who gets access to this repository."))
    _require_gate(repository)
    request = AccessRequest.objects.filter(repository=repository, user=user).first()
    request = request or AccessRequest(repository=repository, user=user, state=AccessState.WITHDRAWN)
    if request.state == AccessState.APPEALED:
        raise Conflict(_("An appeal of this person is being decided."), hint=_("Wait for that decision."))
    return _decide(request, AccessState.ACCEPTED, AccessVerb.GRANTED, by=by.user, reason="")


@transaction.atomic
def withdraw(request: AccessRequest, *, by: Principal) -> AccessRequest:
    """Take one's own request back, or give access up. Raises Forbidden, Conflict."""
    request = _locked(request)
    _require_own(request, by)
    request.due_at = None
    return _move(request, AccessState.WITHDRAWN, AccessVerb.WITHDRAWN, by=by.user)


@transaction.atomic
def appeal(request: AccessRequest, text: str, *, by: Principal) -> AccessRequest:
    """Ask somebody else to look at a rejection, once. Raises Forbidden, Invalid, Conflict."""
    request = _locked(request)
    _require_own(request, by)
    _require_gate(request.repository)
    text = _reason(text)
    if request.state == AccessState.REJECTED and request.is_appeal_spent:
        raise Conflict(_("An appeal against this decision was decided."), hint=_("You may ask again later."))
    request.is_appeal_spent = True
    request.due_at = timezone.now() + timedelta(days=gate_of(request.repository).deadline_days)
    return _move(request, AccessState.APPEALED, AccessVerb.APPEALED, by=by.user, text=text)


def settle_overdue(*, limit: int = 500) -> int:
    """Apply the rule of each gate to what nobody answered in time; returns how many it decided."""
    waiting = list(overdue_requests().values_list("pk", flat=True)[:limit])
    return sum(_settle(pk) for pk in waiting)


@transaction.atomic
def _settle(pk: int) -> bool:
    request = AccessRequest.objects.select_for_update(of=("self",), skip_locked=True).filter(pk=pk).first()
    if request is None or not overdue_requests().filter(pk=pk).exists():
        return False
    gate = gate_of(request.repository)
    reason = _("Nobody answered within %(days)s days.") % {"days": gate.deadline_days}
    if gate.overdue == OverduePolicy.ACCEPT:
        _decide(request, AccessState.ACCEPTED, AccessVerb.ACCEPTED, by=None, reason=reason)
    else:
        _decide(request, AccessState.REJECTED, AccessVerb.REJECTED, by=None, reason=reason)
    return True


def _decide(
    request: AccessRequest, state: AccessState, verb: AccessVerb, *, by: User | None, reason: str
) -> AccessRequest:
    request.decided_at, request.decided_by, request.reason, request.due_at = timezone.now(), by, reason, None
    return _move(request, state, verb, by=by, text=reason)


def _move(
    request: AccessRequest,
    state: AccessState,
    verb: AccessVerb,
    *,
    by: User | None,
    text: str = "",
    facts: dict[str, Any] | None = None,
) -> AccessRequest:
    """The only function that changes a state. Raises Conflict for a move that the table does not have."""
    before = AccessState(request.state)
    if state not in ACCESS_MOVES[before]:
        _refuse_move(before)
    request.state = state
    request.save()
    event = AccessEvent.objects.create(request=request, verb=verb, by=by, text=text, facts=facts or {})
    target = f"{request.repository}#access-{request.pk}"
    audit.record(f"access.{verb.value}", target, actor=by, user=request.user.username, before=before.value, text=text)
    payload = {
        "request": request.pk,
        "repository": request.repository_id,
        "user": request.user_id,
        "state": state.value,
        "by": by.pk if by is not None else None,
    }
    outbox.emit(f"access.{verb.value}", f"access:{event.pk}", payload)
    return request


def _refuse_move(state: AccessState) -> NoReturn:
    raise Conflict(
        _("This request is %(state)s.") % {"state": state.label}, hint=_("Reload the page to see what changed.")
    )


def _locked(request: AccessRequest) -> AccessRequest:
    rows = AccessRequest.objects.select_for_update(of=("self",)).select_related("user", "repository__namespace")
    return rows.get(pk=request.pk)


def _require_decider(request: AccessRequest, by: Principal) -> None:
    """Who decides depends on what is to be decided. Raises Forbidden, Invalid."""
    if request.state == AccessState.APPEALED:
        if not rules.may_decide_appeal(by, request):
            raise Forbidden(
                _("An appeal is decided by somebody else than who rejected the request."),
                hint=_("Another administrator of the organisation, or staff of this site, may do it."),
            )
    elif not rules.may_decide(by, request.repository, gate_of(request.repository)):
        raise Forbidden(_("You may not decide who gets access to this repository."))
    _require_gate(request.repository)


def _require_own(request: AccessRequest, by: Principal) -> None:
    if by.user is None or by.user.pk != request.user_id or not by.may_manage:
        raise Forbidden(_("Only the person who asked may do this."))


def _require_gate(repository: Repository) -> None:
    if not repository.is_gated:
        raise Invalid(_("This repository is not gated."), hint=_("Its contents are open to whoever sees it."))


def _require_turn(request: AccessRequest, gate: Gate, answers: dict[str, str | bool]) -> None:
    """After a rejection one may ask again at once with other answers, with the same only after a while."""
    if request.state not in {AccessState.REJECTED, AccessState.WITHDRAWN}:
        _refuse_move(AccessState(request.state))
    if request.state == AccessState.WITHDRAWN or answers != request.answers:
        return
    again = request.may_ask_again_at(gate.reapply_days)
    if again > timezone.now():
        raise Conflict(
            _("Your request was rejected: %(reason)s") % {"reason": request.reason},
            hint=_("You may ask again from %(date)s on, or now if you answer differently.")
            % {"date": f"{again:%Y-%m-%d}"},
        )


def _is_decided_against(request: AccessRequest) -> bool:
    last = request.events.filter(verb__in=[*_FOR, *_AGAINST]).order_by("-pk").first()
    return last is not None and last.verb in _AGAINST


def _checked(repository: Repository, gate: Gate, answers: Mapping[str, Any]) -> dict[str, str | bool]:
    try:
        return gate_forms.checked(form_of(repository, gate).questions, answers)
    except gate_forms.AnswersInvalid as error:
        raise Invalid(_("Some questions are not answered."), hint=str(error), code="answers") from error


def _reason(text: str, *, needed: bool = True) -> str:
    text = text.strip()
    if needed and not text:
        raise Invalid(_("Say why."), hint=_("Whoever reads the decision should understand it."), code="reason")
    if len(text) > MAX_REASON:
        raise Invalid(_("A reason has up to %(most)s characters.") % {"most": MAX_REASON})
    return text


def _facts(answers: dict[str, str | bool], terms: Terms | None) -> dict[str, Any]:
    """What the person agreed to when they asked, kept as it was."""
    facts: dict[str, Any] = {"answers": answers}
    if terms is not None:
        facts |= {"terms": terms.version, "terms_sha256": terms.sha256}
    return facts
