"""Who may publish to a repository without a secret."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.forms import PublisherForm
from accounts.selectors import publishers_of
from accounts.services import publishers
from common.errors import Conflict, Forbidden, Invalid
from hub import rules
from hub.views.frame import context_of, find


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def publisher_list(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    repository = find(request, prefix, namespace, name)
    if not rules.may_administer(request.principal, repository):
        raise Forbidden(_("Only its administrators see the settings of a repository."))
    known = publishers_of(repository.reference)
    if "distrust" in request.POST:
        publishers.distrust(get_object_or_404(known, pk=_number(request.POST["distrust"])), by=request.principal)
        messages.success(request, _("It can no longer publish here."))
        return redirect(request.path)
    form = PublisherForm(request.POST or None)
    if form.is_valid():
        try:
            publishers.trust(repository.reference, repository.namespace, by=request.principal, **form.cleaned_data)
        except (Invalid, Conflict) as refusal:
            form.add_error("claims", str(refusal))
        else:
            messages.success(request, _("Its builds can publish here from now on."))
            return redirect(request.path)
    context = context_of(request, repository, "settings", publishers=known, form=form)
    return render(request, "hub/publishers.html", context)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 18 else 0
