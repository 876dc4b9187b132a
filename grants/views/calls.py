"""Public pages: open calls, one call with its rule, awards."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from markdown_it import MarkdownIt

from common.errors import Forbidden
from common.pagination import page_of
from grants.algorithms.rules import RULES, Rule
from grants.forms import ClosingForm
from grants.rules import may_run_calls
from grants.selectors import calls as selectors
from grants.selectors import overview
from grants.selectors.awards import numbers_of
from grants.selectors.changes import changes_of
from grants.selectors.rounds import rounds


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    context = {
        "calls": list(selectors.open_calls()),
        "coming": list(selectors.coming_calls()[:12]),
        "rounds": list(rounds()[:6]),
        "awards": list(selectors.awards()[:6]),
    }
    return render(request, "grants/home.html", context)


@require_safe
def call_list(request: HttpRequest) -> HttpResponse:
    """All calls: open, coming and closed."""
    return render(request, "grants/calls.html", {"page": page_of(request, selectors.calls())})


@login_required
@never_cache
@require_safe
def call_proposals(request: HttpRequest, slug: str) -> HttpResponse:
    """Staff: everything that was handed in, with what the reviewers made of it."""
    found = selectors.call_named(slug)
    if not may_run_calls(request.principal):
        raise Forbidden(_("Only staff read the proposals of a call."), hint=_("Your own are listed at /proposals."))
    by_score = request.GET.get("by") == "score"
    page = page_of(request, overview.handed_in(request.principal, found, by_score=by_score))
    context = {
        "call": found,
        "page": page,
        "lines": overview.lines(request.principal, list(page.object_list)),
        "by_score": by_score,
    }
    return render(request, "grants/call_proposals.html", context)


@require_safe
def call(request: HttpRequest, slug: str) -> HttpResponse:
    found = selectors.call_named(slug)
    rule = selectors.rule_of(found)
    context = {
        "call": found,
        "rule": rule,
        "rule_html": rule_html(rule) if rule else "",
        "rule_translation": rule_translation(rule) if rule else "",
        "numbers": numbers_of(found),
        "changes": changes_of(found),
        "closing_form": ClosingForm() if request.principal.is_staff else None,
        "awards": list(selectors.awards().filter(proposal__call=found)[:6]),
    }
    return render(request, "grants/call.html", context)


@require_safe
def awards(request: HttpRequest) -> HttpResponse:
    return render(request, "grants/awards.html", {"page": page_of(request, selectors.awards())})


def rule_html(rule: Rule) -> SafeString:
    """The rule's text without its title, which the page writes as a heading of its own."""
    _title, _newline, text = selectors.rule_text(rule).partition("\n")
    return mark_safe(MarkdownIt("commonmark", {"html": False}).render(text))  # noqa: S308 - our own file


def rule_translation(rule: Rule) -> SafeString | str:
    """The rule in the reader's language, where there is a translation; the English text is the one that decides."""
    text = selectors.rule_translation(rule, get_language() or "")
    _title, _newline, body = text.partition("\n")
    return mark_safe(MarkdownIt("commonmark", {"html": False}).render(body)) if text else ""  # noqa: S308 - our own file


def community_rule(version: int) -> Rule:
    return RULES["community", version]
