"""One nomination: what is asked, the text that the panel reads, and the holder's answer."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from common.errors import Invalid
from grants.selectors import rounds as selectors
from grants.services import nominations

ANSWERS = {
    "confirm": (nominations.confirm, gettext_lazy("The nomination is confirmed. The panel can judge it now.")),
    "decline": (nominations.decline, gettext_lazy("The nomination is declined.")),
    "withdraw": (nominations.withdraw, gettext_lazy("The nomination is withdrawn.")),
}


@never_cache
@require_safe
def nomination(request: HttpRequest, nomination_id: int) -> HttpResponse:
    found = selectors.nomination_for(request.principal, nomination_id)
    shown = next(row for row in selectors.nominations_for(request.principal, found.round) if row.nomination == found)
    version = selectors.text_of(request.principal, found)
    context = {
        "shown": shown,
        "nomination": found,
        "version": version,
        "content": version.content if version else None,
        "answers": _answers(version) if version else [],
        "scores": [5, 4, 3, 2, 1],
    }
    return render(request, "grants/nomination.html", context)


@login_required
@require_POST
def answer(request: HttpRequest, nomination_id: int) -> HttpResponse:
    """`confirm` or `decline` by its holder, `withdraw` by who nominated it."""
    found = selectors.nomination_for(request.principal, nomination_id)
    act, words = ANSWERS.get(request.POST.get("answer", ""), (None, ""))
    if act is None:
        raise Invalid(_("Confirm, decline or withdraw it."))
    act(found, by=request.principal)
    messages.success(request, words)
    return redirect(found.round)


def _answers(version) -> list[tuple[str, str]]:
    labels = {question["key"]: question["label"] for question in version.proposal.call.questions}
    return [(labels.get(key, key), text) for key, text in version.content["answers"].items()]
