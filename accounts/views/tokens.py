"""A person's access tokens."""

from decimal import Decimal

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import selectors
from accounts.enums import Permission, TokenScope
from accounts.forms import LimitsForm, TokenForm
from accounts.models import AccessToken
from accounts.services import tokens
from common.errors import Invalid


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def token_list(request: HttpRequest) -> HttpResponse:
    form = TokenForm(request.POST or None, user=request.user)
    new_token = None
    if form.is_valid():
        try:
            new_token = _issue(request, form)
        except Invalid as refusal:
            form.add_error("repositories" if form.cleaned_data["repositories"] else None, str(refusal))
        else:
            form = TokenForm(user=request.user)
    return _page(request, form, new_token)


@login_required
@require_POST
def token_revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    tokens.revoke_token(_own(request, token_id), by=request.principal)
    messages.success(request, _("The token no longer works."))
    return redirect("token_list")


@login_required
@never_cache
@require_POST
def token_renew(request: HttpRequest, token_id: int) -> HttpResponse:
    """The new text is shown once, on the same page as that of a new token."""
    new_token = tokens.renew_token(_own(request, token_id), by=request.principal)
    return _page(request, TokenForm(user=request.user), new_token)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def token_limits(request: HttpRequest, token_id: int) -> HttpResponse:
    token = _own(request, token_id)
    budget = None if token.budget is None else Decimal(token.budget) / 1_000_000
    standing = {"budget": budget, "currency": token.budget_currency or "eur", "per_minute": token.per_minute}
    form = LimitsForm(request.POST or None, initial=standing)
    if request.method == "POST" and form.is_valid():
        tokens.set_limits(token, form.limits, by=request.principal)
        messages.success(request, _("The limits are changed."))
        return redirect("token_list")
    return render(request, "accounts/token_limits.html", {"form": form, "token": token, "tab": "tokens"})


def _own(request: HttpRequest, token_id: int) -> AccessToken:
    return get_object_or_404(selectors.tokens_of(request.user), pk=token_id)


def _issue(request: HttpRequest, form: TokenForm) -> str:
    chosen = form.cleaned_data
    reach = None
    if chosen["scope"] == TokenScope.FINE:
        only = chosen["everywhere"] == "no"
        own = selectors.namespaces_of(request.user)
        reach = tokens.Reach(
            [Permission(name) for name in chosen["permissions"]],
            namespaces=list(own.filter(name__in=chosen["namespaces"])) if only else [],
            repositories=chosen["repositories"] if only else [],
        )
    return tokens.issue_token(
        request.user,
        name=chosen["name"],
        scope=TokenScope(chosen["scope"]),
        expires_at=form.expires_at,
        reach=reach,
        limits=form.limits,
        by=request.principal,
    )


def _page(request: HttpRequest, form: TokenForm, new_token: str | None) -> HttpResponse:
    rows = list(selectors.tokens_of(request.user))
    context = {
        "form": form,
        "tokens": rows,
        "ending": [row for row in rows if row.ends_soon],
        "new_token": new_token,
        "now": timezone.now(),
        "tab": "tokens",
    }
    return render(request, "accounts/tokens.html", context)
