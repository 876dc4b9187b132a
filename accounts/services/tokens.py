"""Access tokens: shown once, kept as a hash, scoped, expiring, revocable."""

import secrets
import string
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.enums import TokenScope
from accounts.models import AccessToken, Namespace, User
from accounts.principal import Principal
from accounts.selectors import token_digest
from common.errors import Forbidden, Invalid
from common.services import audit

_ALPHABET = string.ascii_letters + string.digits


def issue_token(
    user: User, *, name: str, scope: TokenScope, expires_at: datetime | None = None, by: Principal | None = None
) -> str:
    """A new personal token; the returned text is the only copy there will ever be."""
    if by is not None and (by.user != user or by.token is not None):
        raise Forbidden(_("Tokens are made in the browser, by the person they belong to."))
    if scope == TokenScope.JOB:
        raise Invalid(_("Tokens of jobs are made when the job starts."))
    return _issue(user, name=name, scope=scope, expires_at=expires_at)


def issue_job_token(user: User, *, namespace: Namespace, job: str, expires_at: datetime) -> str:
    """A token that writes to one namespace only, cannot submit, spend or manage, and ends with the job."""
    return _issue(
        user,
        name=f"job {job}",
        scope=TokenScope.JOB,
        expires_at=expires_at,
        namespace=namespace,
        reference=f"job:{job}",
    )


@transaction.atomic
def revoke_token(token: AccessToken, *, by: Principal | None = None) -> None:
    if by is not None and by.user != token.user:
        raise Forbidden(_("This token belongs to somebody else."))
    if by is not None and not by.may_manage:
        raise Forbidden(_("This credential may not revoke tokens."), hint=_("Log in, or use a token with write scope."))
    AccessToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
    audit.record("token.revoked", f"user:{token.user.username}", actor=by or token.user, token=token.hint)


@transaction.atomic
def revoke_job_tokens(job: str) -> None:
    """Called when a job or an attempt ends, whatever way."""
    AccessToken.objects.filter(reference=f"job:{job}", revoked_at__isnull=True).update(revoked_at=timezone.now())


@transaction.atomic
def _issue(
    user: User,
    *,
    name: str,
    scope: TokenScope,
    expires_at: datetime | None,
    namespace: Namespace | None = None,
    reference: str = "",
) -> str:
    token = "hf_" + "".join(secrets.choice(_ALPHABET) for _position in range(37))
    AccessToken.objects.create(
        user=user,
        name=name.strip() or "token",
        digest=token_digest(token),
        hint=token[:7],
        scope=scope,
        namespace=namespace,
        reference=reference,
        expires_at=expires_at,
    )
    audit.record("token.issued", f"user:{user.username}", actor=user, token=token[:7], scope=scope)
    return token
