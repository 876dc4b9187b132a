"""Community rounds: nominations, scores, results."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from common.errors import Invalid
from common.quantities import format_gpu_seconds
from compute.selectors import price_of
from grants import rules
from grants.enums import SubjectKind
from grants.forms import ClosingForm, NominationForm
from grants.models import Round
from grants.selectors import rounds as selectors
from grants.selectors.changes import changes_of
from grants.services import nominations, rounds
from grants.services.nominations import most_to_ask
from grants.views.calls import community_rule, rule_html, rule_translation


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
        made = nominations.nominate(
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
    if made.is_confirmed:
        messages.success(request, _("Thank you. The nomination is in the list."))
    else:
        messages.success(request, _("Thank you. %(holder)s is asked to confirm it.") % {"holder": made.holder.name})
    return redirect(round_)


@login_required
@require_POST
def score(request: HttpRequest, nomination_id: int) -> HttpResponse:
    nomination = selectors.nomination_for(request.principal, nomination_id)
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
    form.fields["gpu_seconds"].help_text = _("3600 are one GPU-hour. The cap of this round buys %(most)s.") % {
        "most": f"{most_to_ask(round_)} ({format_gpu_seconds(most_to_ask(round_))})"
    }
    context = {
        "round": round_,
        "price": price_of(round_.flavor),
        "nominations": selectors.nominations_for(request.principal, round_),
        "panel": list(round_.panel.order_by("username").values_list("username", flat=True)),
        "changes": changes_of(round_),
        "stake": rules.stake_in_round(request.principal, round_) if request.principal.is_staff else "",
        "rule": rule,
        "rule_html": rule_html(rule),
        "rule_translation": rule_translation(rule),
        "recomputed": selectors.recompute_round(round_.decision) if round_.is_decided else None,
        "form": form,
        "closing_form": ClosingForm(),
        "scores": [5, 4, 3, 2, 1],
    }
    return render(request, "grants/round.html", context)
