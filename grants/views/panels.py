"""What grants show in slots of other pages."""

from django.http import HttpRequest
from django.template.loader import render_to_string

from grants.selectors import calls

SHOWN = 3


def open_calls(request: HttpRequest) -> str:
    """The front page: what one can apply for now."""
    found = list(calls.open_calls()[:SHOWN])
    return render_to_string("grants/open_calls.html", {"calls": found}, request) if found else ""
