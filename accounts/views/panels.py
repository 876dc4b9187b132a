"""What accounts show in slots of other pages."""

from django.http import HttpRequest
from django.template.loader import render_to_string

from accounts import selectors
from accounts.models import Namespace


def invitations(request: HttpRequest, *, namespace: Namespace) -> str:
    """On a person's own page: which organisations wait for an answer."""
    if not request.user.is_authenticated or namespace.user_id != request.user.pk or request.principal.token is not None:
        return ""
    found = list(selectors.invitations_of(request.user))
    return render_to_string("accounts/invitation_notices.html", {"invitations": found}, request) if found else ""
