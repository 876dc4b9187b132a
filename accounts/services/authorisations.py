"""What people let applications do: approved, exchanged for tokens, renewed, ended."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.enums import PERMISSIONS_OF_SCOPE, Permission, TokenScope
from accounts.models import AccessToken, Application, Authorisation, RefreshToken, User
from accounts.principal import Principal
from accounts.selectors import token_digest
from accounts.services import tokens
from common.errors import Forbidden
from common.services import audit

CODE_LIFETIME = timedelta(minutes=1)
APPLICATION_LIFETIME = timedelta(hours=8)
# Clients renew a token a day before its end, so the command's must last longer than that.
COMMAND_LIFETIME = timedelta(days=7)
REFRESH_LIFETIME = timedelta(days=180)
# Another process of the same person may still be at work with the token that was just renewed.
AFTER_RENEWAL = timedelta(hours=1)


def lifetime_of(application: Application) -> timedelta:
    return COMMAND_LIFETIME if application.owner_id is None else APPLICATION_LIFETIME


@transaction.atomic
def approve(
    application: Application,
    scopes: Sequence[str],
    *,
    by: Principal,
    code: str = "",
    redirect_uri: str = "",
    code_challenge: str = "",
    nonce: str = "",
) -> Authorisation:
    """The person says yes, in a browser. Raises Forbidden for every token, of whatever kind."""
    if by.user is None or by.token is not None:
        raise Forbidden(_("Applications are approved in the browser, by the person they will act for."))
    made = Authorisation.objects.create(
        user=by.user,
        application=application,
        scopes=list(scopes),
        code_digest=token_digest(code) if code else None,
        redirect_uri=redirect_uri,
        code_challenge=code_challenge,
        nonce=nonce,
        code_expires_at=timezone.now() + CODE_LIFETIME if code else None,
    )
    audit.record("application.approved", _target(application), actor=by, scopes=list(scopes))
    return made


def take_code(code: str, application: Application) -> Authorisation | None:
    """The authorisation of a code that still works, held until the end of the transaction.

    A code that comes a second time was stolen, now or before: everything it bought ends.
    """
    rows = Authorisation.objects.select_for_update(of=("self",)).select_related("user", "application")
    found = rows.filter(code_digest=token_digest(code), application=application).first()
    if found is None:
        return None
    if found.code_used_at is not None:
        end(found, reason="code used twice")
        return None
    is_over = found.code_expires_at is None or found.code_expires_at <= timezone.now()
    return None if is_over or found.ended_at is not None or not found.user.is_active else found


def use_code(authorisation: Authorisation) -> None:
    Authorisation.objects.filter(pk=authorisation.pk).update(code_used_at=timezone.now())


def take_refresh_token(text: str) -> RefreshToken | None:
    """A refresh token that still works, held until the end of the transaction.

    One that comes a second time ends the authorisation: somebody else has a copy.
    """
    rows = RefreshToken.objects.select_for_update(of=("self",)).select_related(
        "authorisation__user", "authorisation__application"
    )
    found = rows.filter(digest=token_digest(text)).first()
    if found is None:
        return None
    if found.used_at is not None:
        end(found.authorisation, reason="refresh token used twice")
        return None
    authorisation = found.authorisation
    is_over = found.created_at + REFRESH_LIFETIME <= timezone.now()
    return None if is_over or authorisation.ended_at is not None or not authorisation.user.is_active else found


def use_refresh_token(refresh: RefreshToken) -> None:
    RefreshToken.objects.filter(pk=refresh.pk).update(used_at=timezone.now())


@transaction.atomic
def keep_tokens(
    authorisation: Authorisation, scopes: Sequence[str], *, access_token: str, refresh_token: str, seconds: int
) -> None:
    """Store the hashes of what the application is about to be given; older access tokens end soon."""
    now = timezone.now()
    older = authorisation.tokens.filter(revoked_at__isnull=True)
    older.filter(Q(expires_at__gt=now + AFTER_RENEWAL)).update(expires_at=now + AFTER_RENEWAL)
    tokens.issue(
        authorisation.user,
        name=authorisation.application.name,
        scope=TokenScope.FINE,
        expires_at=now + timedelta(seconds=seconds),
        reach=tokens.Reach(permissions_of(scopes)),
        authorisation=authorisation,
        text=access_token,
    )
    if refresh_token:
        RefreshToken.objects.create(authorisation=authorisation, digest=token_digest(refresh_token))


@transaction.atomic
def end(authorisation: Authorisation, *, reason: str, by: Principal | None = None) -> None:
    """Nothing that was issued for it works from now on. Repeating it changes nothing."""
    now = timezone.now()
    AccessToken.objects.filter(authorisation=authorisation, revoked_at__isnull=True).update(revoked_at=now)
    if Authorisation.objects.filter(pk=authorisation.pk, ended_at__isnull=True).update(ended_at=now):
        audit.record(
            "application.ended",
            _target(authorisation.application),
            actor=by or "",
            person=authorisation.user.username,
            reason=reason,
        )


@transaction.atomic
def disconnect(user: User, application: Application, *, by: Principal) -> None:
    """The person takes back all that they ever let this application do. Raises Forbidden."""
    if by.user != user or by.token is not None:
        raise Forbidden(_("Applications are disconnected in the browser, by the person they act for."))
    for authorisation in user.authorisations.filter(application=application, ended_at__isnull=True):
        end(authorisation, reason="disconnected", by=by)


def permissions_of(scopes: Sequence[str]) -> list[Permission]:
    found = {permission for scope in scopes for permission in PERMISSIONS_OF_SCOPE.get(scope, ())}
    return [permission for permission in Permission if permission in found]


def _target(application: Application) -> str:
    return f"application:{application.client_id}"
