"""What grants show in slots of other pages."""

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html

from accounts.models import Namespace
from accounts.rules import may_spend_for
from compute.models import Allocation
from grants.selectors import awards, calls
from grants.selectors.rounds import nominations_awaiting

SHOWN = 3


def notices(request: HttpRequest, *, namespace: Namespace) -> str:
    """On the page of a name, for those who may act for it: nominations to answer, reports that are due."""
    principal = request.principal
    if principal.token is not None or not may_spend_for(principal, namespace):
        return ""
    context = {
        "nominations": list(nominations_awaiting(namespace)),
        "reports_due": list(calls.awards_without_report(namespace)),
    }
    return render_to_string("grants/notices.html", context, request) if any(context.values()) else ""


def award_behind(request: HttpRequest, *, allocation: Allocation) -> str:
    """On the page of an allocation: the award that opened it."""
    award = awards.award_behind(allocation)
    return format_html('<a href="{}">{}</a>', award.get_absolute_url(), award.title) if award else ""


def open_calls(request: HttpRequest) -> str:
    """The front page: what one can apply for now."""
    found = list(calls.open_calls()[:SHOWN])
    return render_to_string("grants/open_calls.html", {"calls": found}, request) if found else ""
