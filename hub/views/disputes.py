"""Naming who made the next version, and disputing who made one."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from common.errors import Forbidden, Refusal
from common.pagination import page_of
from hub import rules
from hub.algorithms import provenance
from hub.enums import Matter
from hub.forms import CreditFormSet, DisputeAnswerForm, DisputeForm
from hub.models import Credit, Dispute, LineageEdge, Repository, Version
from hub.selectors import credits as selectors
from hub.selectors import head_commit, lineage, read_text, revision_of
from hub.services import crediting
from hub.services import disputes as services
from hub.views.frame import context_of, find


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def credits_edit(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    """A form instead of wellspring.json by hand."""
    repository = find(request, prefix, namespace, name)
    if not rules.may_write(request.principal, repository):
        raise Forbidden(_("Only those who may write to this repository can name who made it."))
    forms = CreditFormSet(request.POST or None, initial=_named_next(repository))
    problem = ""
    if forms.is_bound and forms.is_valid():
        rows = [form for form in forms.ordered_forms if form.has_changed() or form.cleaned_data.get("points")]
        try:
            crediting.write_list(repository, [form.claim for form in rows if form.cleaned_data], by=request.principal)
        except Refusal as refusal:
            problem = str(refusal)
        else:
            messages.success(request, _("Written. Everybody who is new is asked as soon as the version is recorded."))
            return redirect(f"{repository.get_absolute_url()}/lineage")
    context = context_of(request, repository, "lineage", forms=forms, problem=problem)
    return render(request, "hub/credits_edit.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def dispute_create(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    repository = find(request, prefix, namespace, name)
    asked = request.GET.get("matter", "")
    matter = Matter(asked if asked in Matter.values else Matter.MISSING)
    version, credit, edge = _subject(request, repository)
    if not rules.may_dispute(request.principal, version, matter, edge):
        raise Forbidden(
            _("Only those who are concerned can dispute this."),
            hint=_("Anybody may say that they themselves are missing from the credits."),
        )
    form = DisputeForm(request.POST or None)
    if form.is_valid():
        try:
            dispute = services.open_dispute(
                version, matter, reason=form.cleaned_data["reason"], by=request.principal, credit=credit, edge=edge
            )
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect(dispute)
    more = {"form": form, "matter": matter, "disputed": version, "credit": credit, "edge": edge}
    return render(request, "hub/dispute_new.html", context_of(request, repository, "lineage", **more))


@login_required
@never_cache
@require_safe
def dispute_list(request: HttpRequest) -> HttpResponse:
    """What concerns me; for staff what waits for a decision, too."""
    context = {
        "to_decide": list(selectors.disputes_to_decide()[:100]) if request.principal.is_staff else [],
        "page": page_of(request, selectors.disputes_concerning(request.user), size=50),
    }
    return render(request, "hub/disputes.html", context)


@require_safe
def dispute_moved(request: HttpRequest, prefix: str, namespace: str, name: str, number: int) -> HttpResponse:
    """Where disputes lay while they were below their repository."""
    return redirect("dispute", number=number, permanent=True)


@require_http_methods(["GET", "HEAD", "POST"])
def dispute_page(request: HttpRequest, number: int) -> HttpResponse:
    dispute = selectors.dispute_for(request.principal, number)
    form = DisputeAnswerForm(request.POST if request.POST.get("act") == "answer" else None)
    problem = ""
    if request.method == "POST":
        try:
            if _act(request, dispute, form):
                return redirect(request.path)
        except Refusal as refusal:
            problem = str(refusal)
    context = _around(request, dispute) | {"form": form, "problem": problem} | _standing(request, dispute)
    return render(request, "hub/dispute.html", context)


def _around(request: HttpRequest, dispute: Dispute) -> dict[str, Any]:
    """The head of the repository for who sees it, else the name that the version was published under."""
    repository = dispute.version.repository
    if repository is not None and rules.may_read(request.principal, repository):
        return {"frame": "hub/frame.html"} | context_of(request, repository, "lineage")
    return {"frame": "hub/frame_gone.html", "asset": dispute.version.asset.partition(":")[2]}


def _act(request: HttpRequest, dispute: Dispute, form: DisputeAnswerForm) -> bool:
    """Do what the button says; False when the form has to be shown again."""
    by, act = request.principal, request.POST.get("act")
    if act == "answer":
        if form.is_valid():
            services.answer(dispute, text=form.cleaned_data["text"], proposal=form.cleaned_data["proposal"], by=by)
        return form.is_valid()
    if act == "agree":
        services.agree(dispute, by=by)
    elif act == "withdraw":
        services.withdraw(dispute, by=by)
    elif act in {"uphold", "reject"}:
        services.decide(dispute, uphold=act == "uphold", reason=request.POST.get("reason", ""), by=by)
    return True


def _standing(request: HttpRequest, dispute: Dispute) -> dict[str, Any]:
    principal, parties = request.principal, selectors.parties_of(dispute)
    is_party = request.user.pk in parties
    agreed = services.agreed_with(dispute)
    people = selectors.people_by_id({line["user"] for line in dispute.proposal} | parties)
    alive = dispute.is_alive
    return {
        "dispute": dispute,
        "events": list(selectors.events_of(dispute)),
        "proposal": [line | {"user": people[line["user"]]} for line in dispute.proposal],
        "waiting_for": [people[pk] for pk in sorted(parties - agreed)] if dispute.proposal else [],
        "may_answer": alive and (is_party or rules.may_answer_dispute(principal, dispute)),
        "may_agree": alive and bool(dispute.proposal) and is_party and request.user.pk not in agreed,
        "may_withdraw": alive and request.user.pk == dispute.opened_by_id,
        "may_decide": alive and principal.is_staff and not is_party,
    }


def _subject(request: HttpRequest, repository: Repository) -> tuple[Version, Credit | None, LineageEdge | None]:
    """The version, credit or line of descent that the address names."""
    given = {key: request.GET[key] for key in ("credit", "edge", "version") if request.GET.get(key, "").isdecimal()}
    if "credit" in given:
        credit = selectors.credit_in(repository, int(given["credit"]))
        return credit.version, credit, None
    if "edge" in given:
        version, edge = lineage.newest_edge(repository, request.principal, int(given["edge"]))
        return version, None, edge
    number = int(given["version"]) if "version" in given else None
    return lineage.version_for(repository, number), None, None


def _named_next(repository: Repository) -> list[dict[str, Any]]:
    """Whom wellspring.json names; without a list, whom the last version credits."""
    head = head_commit(repository, repository.default_branch)
    text = read_text(revision_of(repository, head), crediting.PROVENANCE_FILE) if head else None
    written = provenance.parse(text)
    claims = list(written.credits) if written is not None else []
    if not claims and (version := lineage.latest_version(repository)) is not None:
        rows = list(selectors.credits_of(version))
        claims = [provenance.CreditClaim(row.user.username, tuple(row.roles), row.points) for row in rows]
    return [
        {"user": one.user, "name": one.name, "orcid": one.orcid, "roles": list(one.roles), "points": one.points}
        for one in claims
    ]
