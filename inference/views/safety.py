"""The safety policy for everybody to read, the age one says one has, and staff's way to another policy."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from common.errors import Forbidden, NotFound, Refusal
from inference.algorithms.policy import Policy, default_policy, default_text, read_policy
from inference.forms.safety import AgeForm, PolicyForm
from inference.selectors.safety import age_of, policies, policy_in_force
from inference.services import safety


@require_safe
@never_cache
def policy_page(request: HttpRequest, version: str = "") -> HttpResponse:
    """The policy in force, or an earlier one by its version, with what it changed and why."""
    known = list(policies())
    row = next((one for one in known if one.version == version), None) if version else next(iter(known), None)
    if row is None and version and version != default_policy().version:
        raise NotFound(_("There was never such a policy here."), hint=_("Open /policy for the one in force."))
    text = row.text if row else default_text()
    older = known[known.index(row) + 1].text if row and row is not known[-1] else default_text()
    context = {
        "policy": read_policy(text),
        "row": row,
        "is_in_force": not version or text == (known[0].text if known else default_text()),
        "policies": known,
        "changes": safety.changes(older, text) if row else [],
        "default": default_policy(),
        "age": age_of(request.principal),
        "next": request.GET.get("next", ""),
    }
    return render(request, "inference/policy.html", context)


@require_safe
def policy_json(request: HttpRequest) -> HttpResponse:
    """The policy in force, for programs: what `policy` in a generation refers to."""
    return JsonResponse(shown(policy_in_force()))


@login_required
@require_POST
def policy_age(request: HttpRequest) -> HttpResponse:
    form = AgeForm(request.POST)
    years = form.cleaned_data["years"] if form.is_valid() else -1
    if years and years not in policy_in_force().ages:
        messages.error(request, _("Choose one of the ages of the policy."))
        return redirect("policy")
    safety.state_age(years, by=request.principal)
    messages.success(request, _("Noted. You can take it back here at any time.") if years else _("It is taken back."))
    wanted = request.POST.get("next", "")
    is_here = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()})
    return redirect(wanted if wanted and is_here else "policy")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def policy_desk(request: HttpRequest) -> HttpResponse:
    """For staff: write a new one, beginning with that in force."""
    if not request.principal.is_staff:
        raise Forbidden(_("Only staff put a policy in force."))
    newest = policies().first()
    form = PolicyForm(request.POST or None, initial={"text": newest.text if newest else default_text()})
    status = 200
    if form.is_valid():
        try:
            row = safety.adopt(form.cleaned_data["text"], reason=form.cleaned_data["reason"], by=request.principal)
        except Refusal as refusal:
            field = refusal.context.get("field", "text")
            form.add_error(str(field), str(refusal))
            status = refusal.status
        else:
            messages.success(request, _("Policy %(version)s is in force.") % {"version": row.version})
            return redirect("policy")
    return render(request, "inference/policy_desk.html", {"form": form}, status=status)


def shown(policy: Policy) -> dict[str, object]:
    return {
        "version": policy.version,
        "title": policy.titles,
        "about": policy.abouts,
        "ages": policy.ages,
        "categories": [{"code": one.code, "title": one.titles, "age": one.age} for one in policy.categories],
        "classifier": {"model": policy.classifier.model, "commit": policy.classifier.commit}
        if policy.classifier
        else None,
        "pictures": [
            {"code": one.code, "title": one.titles, "labels": one.labels, "age": one.age} for one in policy.seen
        ],
    }
