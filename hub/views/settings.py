"""What the administrators of a repository can change about it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.selectors import namespace_named
from common.errors import Forbidden, Refusal
from hub import rules
from hub.forms import DeleteForm, DuplicateForm, GateSettingsForm, SettingsForm
from hub.models import Repository
from hub.selectors import access
from hub.services import duplicates, gates
from hub.services import repositories as services
from hub.views.frame import context_of, find


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def repository_settings(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    """Three forms; each is known by a field that only it has."""
    repository = find(request, prefix, namespace, name, even_disabled=True)
    if not rules.may_administer(request.principal, repository):
        raise Forbidden(_("Only its administrators see the settings of a repository."))
    form = SettingsForm(request.POST if "visibility" in request.POST else None, initial=_initial(repository))
    gate = GateSettingsForm(request.POST if "gated" in request.POST else None, initial=_gate_initial(repository))
    deletion = DeleteForm(request.POST if "full_name" in request.POST else None)
    if form.is_bound and form.is_valid():
        services.update_settings(repository, by=request.principal, **form.changes)
        messages.success(request, _("The settings are saved."))
        return redirect(request.path)
    if gate.is_bound and gate.is_valid() and _save_gate(request, repository, gate):
        messages.success(request, _("The settings are saved."))
        return redirect(request.path)
    if deletion.is_bound and deletion.is_valid():
        if deletion.cleaned_data["full_name"] == repository.full_name:
            services.delete(repository, by=request.principal)
            messages.success(request, _("The repository is deleted."))
            return redirect(repository.namespace)
        deletion.add_error("full_name", _("This is not its full name."))
    context = context_of(request, repository, "settings", form=form, gate_form=gate, deletion=deletion)
    return render(request, "hub/settings.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def repository_duplicate(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    repository = find(request, prefix, namespace, name)
    access.require_contents(request.principal, repository)
    form = DuplicateForm(request.POST or None, user=request.user, initial={"name": repository.name})
    if form.is_valid():
        chosen = form.cleaned_data
        into = namespace_named(chosen["namespace"])
        assert into is not None
        try:
            made = duplicates.duplicate(
                repository, into, chosen["name"], by=request.principal, visibility=chosen["visibility"] or None
            )
        except Refusal as refusal:
            form.add_error("name", str(refusal))
        else:
            return redirect(made)
    return render(request, "hub/duplicate.html", context_of(request, repository, "card", form=form))


def _save_gate(request: HttpRequest, repository: Repository, form: GateSettingsForm) -> bool:
    try:
        gates.set_gate(repository, form.wish, by=request.principal)
        services.update_settings(repository, by=request.principal, gated=form.cleaned_data["gated"])
    except Refusal as refusal:
        form.add_error("form" if refusal.code == "form" else None, str(refusal))
        return False
    return True


def _initial(repository: Repository) -> dict[str, str]:
    return {
        "visibility": repository.visibility,
        "discussions": "open" if repository.has_discussions else "closed",
    }


def _gate_initial(repository: Repository) -> dict[str, object]:
    gate = access.gate_of(repository)
    terms = access.terms_of(repository)
    names = ("heading", "prompt", "button", "form", "deadline_days", "overdue", "reapply_days", "writers_decide")
    facts: dict[str, object] = {name: getattr(gate, name) for name in names}
    return facts | {"gated": repository.gated, "terms": terms.text if terms is not None else ""}
