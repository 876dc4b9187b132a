"""Gated repositories as pages: asking, deciding, appealing."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.principal import Principal
from accounts.selectors import user_named
from common.errors import Forbidden, NotFound, Refusal
from common.pagination import page_of
from hub import rules
from hub.algorithms.rendering import render_card
from hub.enums import AccessState
from hub.forms import AnswersForm, GrantForm, ReasonForm
from hub.models import AccessRequest, Repository
from hub.selectors import access as selectors
from hub.selectors import has_contents
from hub.services import access as services
from hub.views.frame import context_of, find

_LISTS = {
    "waiting": (AccessState.PENDING, AccessState.APPEALED),
    "accepted": (AccessState.ACCEPTED,),
    "rejected": (AccessState.REJECTED,),
    "withdrawn": (AccessState.WITHDRAWN,),
}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    """The form by itself; the page of the repository shows the same one."""
    repository = find(request, prefix, namespace, name)
    form = _form(repository, request)
    if form.is_bound and form.is_valid():
        try:
            row = services.ask(repository, by=request.principal, answers=form.answers, agrees=form.agrees)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            is_in = row.state == AccessState.ACCEPTED
            messages.success(request, _("You have access now.") if is_in else _("Your request is sent."))
            return redirect(repository)
    context = context_of(request, repository, "card") | gate_context(request, repository, form)
    return render(request, "hub/ask.html", context)


def gate_context(request: HttpRequest, repository: Repository, form: AnswersForm | None = None) -> dict[str, Any]:
    """What the page of a gated repository shows to this visitor; nothing for open ones."""
    if not repository.is_gated:
        return {}
    row = selectors.request_of(request.principal.user, repository)
    gate = selectors.gate_of(repository)
    asked = selectors.form_of(repository, gate)
    address = repository.get_absolute_url()
    prompt = render_card(asked.prompt, base=f"{address}/resolve/main/", files=f"{address}/blob/main/")
    terms = selectors.terms_of(repository)
    return {
        "access": row,
        "gate_form": asked,
        "gate_prompt": mark_safe(prompt),  # noqa: S308 - cleaned by allow-list
        "gate": gate,
        "terms": terms,
        "answers_form": form or _form(repository),
        "may_ask": _may_ask(request.principal, repository, row),
    }


@login_required
@never_cache
@require_safe
def request_list(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    """Who has access, who waits, who was turned down."""
    repository = find(request, prefix, namespace, name)
    _require_decider(request, repository)
    chosen = request.GET.get("state", "waiting")
    chosen = chosen if chosen in _LISTS else "waiting"
    context = context_of(
        request,
        repository,
        "access",
        lists=[("waiting", _("Waiting")), ("accepted", _("With access")), ("rejected", _("Rejected")),
               ("withdrawn", _("Withdrawn"))],
        chosen=chosen,
        page=page_of(request, selectors.requests_for(repository, _LISTS[chosen]), size=50),
        form=GrantForm(),
    )  # fmt: skip
    return render(request, "hub/access_list.html", context)


@login_required
@require_POST
def grant(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    repository = find(request, prefix, namespace, name)
    _require_decider(request, repository)
    form = GrantForm(request.POST)
    wanted = form.cleaned_data["username"] if form.is_valid() else ""
    user = user_named(wanted)
    try:
        if user is None:
            raise NotFound(_("There is nobody of that name."))
        services.grant(repository, user, by=request.principal)
    except Refusal as refusal:
        if refusal.status not in {400, 404, 409}:
            raise
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("%(name)s has access now.") % {"name": user.username})
    return redirect(f"{repository.get_absolute_url()}/access?state=accepted")


@login_required
@never_cache
@require_safe
def request_page(request: HttpRequest, prefix: str, namespace: str, name: str, number: int) -> HttpResponse:
    """One request with its story, for the one who asked and those who decide."""
    repository = find(request, prefix, namespace, name)
    row = _visible(request, repository, number)
    is_own = request.principal.user is not None and row.user_id == request.principal.user.pk
    state = AccessState(row.state)
    decides = _may_decide(request, row)
    context = context_of(
        request,
        repository,
        "access",
        access=row,
        events=list(selectors.events_of(row)),
        form=ReasonForm(),
        is_own=is_own,
        may_accept=decides and state in {AccessState.PENDING, AccessState.REJECTED, AccessState.APPEALED},
        may_reject=decides and state in {AccessState.PENDING, AccessState.ACCEPTED, AccessState.APPEALED},
        may_put_back=decides and state in {AccessState.ACCEPTED, AccessState.REJECTED},
        may_appeal=is_own and state == AccessState.REJECTED and not row.is_appeal_spent and repository.is_gated,
        may_withdraw=is_own and state in {AccessState.PENDING, AccessState.ACCEPTED},
        may_ask=is_own and _may_ask(request.principal, repository, row),
        again=row.may_ask_again_at(selectors.gate_of(repository).reapply_days),
    )
    return render(request, "hub/access_request.html", context)


@login_required
@require_POST
def act(request: HttpRequest, prefix: str, namespace: str, name: str, number: int) -> HttpResponse:
    """One form, several buttons."""
    repository = find(request, prefix, namespace, name)
    row = _visible(request, repository, number)
    text, by = request.POST.get("text", ""), request.principal
    try:
        match request.POST.get("act"):
            case "accept":
                services.accept(row, by=by, reason=text)
            case "reject":
                services.reject(row, by=by, reason=text)
            case "put-back":
                services.put_back(row, by=by)
            case "withdraw":
                services.withdraw(row, by=by)
            case "appeal":
                services.appeal(row, text, by=by)
            case _:
                raise NotFound(_("There is no such button."))
    except Refusal as refusal:
        if refusal.status not in {400, 409}:
            raise
        messages.error(request, str(refusal))
    return redirect(row)


@login_required
@never_cache
@require_safe
def own_requests(request: HttpRequest) -> HttpResponse:
    """What I asked for, and what waits for me."""
    waiting = list(selectors.requests_to_decide(request.principal)[:100])
    context = {"waiting": waiting, "page": page_of(request, selectors.requests_of(request.user), size=50)}
    return render(request, "hub/access_own.html", context)


def _form(repository: Repository, request: HttpRequest | None = None) -> AnswersForm:
    data = request.POST if request is not None and request.method == "POST" else None
    questions = selectors.form_of(repository).questions
    return AnswersForm(data, questions=questions, terms=selectors.terms_of(repository))


def _may_ask(principal: Principal, repository: Repository, row: AccessRequest | None) -> bool:
    if not repository.is_gated or has_contents(principal, repository) or not rules.may_ask(principal, repository):
        return False
    return row is None or row.state in {AccessState.REJECTED, AccessState.WITHDRAWN}


def _visible(request: HttpRequest, repository: Repository, number: int) -> AccessRequest:
    """Raises NotFound: who asked for what is nobody else's business."""
    row = selectors.request_numbered(repository, number)
    principal = request.principal
    is_own = principal.user is not None and principal.user.pk == row.user_id
    if not (is_own or principal.is_staff or rules.may_decide(principal, repository, selectors.gate_of(repository))):
        raise NotFound(_("There is no such request."), hint=_("Look for it in the list of requests."))
    return row


def _may_decide(request: HttpRequest, row: AccessRequest) -> bool:
    if not row.repository.is_gated:
        return False
    if row.state == AccessState.APPEALED:
        return rules.may_decide_appeal(request.principal, row)
    return rules.may_decide(request.principal, row.repository, selectors.gate_of(row.repository))


def _require_decider(request: HttpRequest, repository: Repository) -> None:
    if not rules.may_decide(request.principal, repository, selectors.gate_of(repository)):
        raise Forbidden(_("You may not decide who gets access to this repository."))
