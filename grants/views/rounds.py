"""Community rounds: nominations, scores, results."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from common.errors import Invalid
from compute.selectors import price_of
from grants.enums import SubjectKind
from grants.forms import NominationForm
from grants.models import Round
from grants.selectors import rounds as selectors
from grants.services import rounds
from grants.views.calls import community_rule, rule_html


@require_safe
def round_page(request: HttpRequest, slug: str) -> HttpResponse:
    return _page(request, selectors.round_named(slug), NominationForm())


@login_required
@require_POST
def nominate(request: HttpRequest, slug: str) -> HttpResponse:
    round_ = selectors.round_named(slug)
    form = NominationForm(request.POST)
    if not form.is_valid():
        return _page(request, round_, form)
    try:
        rounds.nominate(
            round_,
            kind=SubjectKind(form.cleaned_data["kind"]),
            name=form.cleaned_data["name"],
            why=form.cleaned_data["why"],
            asked_gpu_seconds=form.cleaned_data["gpu_seconds"],
            by=request.principal,
        )
    except Invalid as refusal:
        field = str(refusal.context.get("field", ""))
        form.add_error(field if field in form.fields else None, str(refusal))
        return _page(request, round_, form)
    messages.success(request, _("Thank you. The nomination is in the list."))
    return redirect(round_)


@login_required
@require_POST
def score(request: HttpRequest, nomination_id: int) -> HttpResponse:
    nomination = selectors.nomination_for(nomination_id)
    given = request.POST.get("score", "")
    rounds.score(nomination, int(given) if given in {"1", "2", "3", "4", "5"} else 0, by=request.principal)
    messages.success(request, _("Your score is saved."))
    return redirect(nomination.round)


@login_required
@require_POST
def decide(request: HttpRequest, slug: str) -> HttpResponse:
    round_ = selectors.round_named(slug)
    rounds.decide_round(round_, by=request.principal)
    messages.success(request, _("The round is decided."))
    return redirect(round_)


def _page(request: HttpRequest, round_: Round, form: NominationForm) -> HttpResponse:
    rule = community_rule(round_.rule_version)
    context = {
        "round": round_,
        "price": price_of(round_.flavor),
        "nominations": selectors.nominations_for(request.principal, round_),
        "panel": round_.panel.count(),
        "rule": rule,
        "rule_html": rule_html(rule),
        "recomputed": selectors.recompute_round(round_.decision) if round_.is_decided else None,
        "form": form,
        "scores": [5, 4, 3, 2, 1],
    }
    return render(request, "grants/round.html", context)
