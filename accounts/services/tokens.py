"""Access tokens: shown once, kept as a hash, scoped, expiring, revocable."""

import re
import secrets
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.enums import Permission, TokenScope
from accounts.models import AccessToken, Authorisation, Namespace, TokenGrant, User
from accounts.principal import Principal
from accounts.selectors import namespaces_of, token_digest
from common.errors import Conflict, Forbidden, Invalid
from common.services import audit

MAX_REPOSITORIES = 50
OF_REPOSITORIES = frozenset(
    {
        Permission.REPO_READ,
        Permission.REPO_WRITE,
        Permission.REPO_MANAGE,
        Permission.GATED_READ,
        Permission.DISCUSSION_WRITE,
    }
)
"""What means something for one repository; the others are about a name or a person."""

_ALPHABET = string.ascii_letters + string.digits
_REFERENCE = re.compile(
    r"(model|dataset|space|kernel|bucket):[A-Za-z0-9][\w.-]{0,41}/[A-Za-z0-9_][\w.-]{0,95}", re.ASCII
)


@dataclass(frozen=True)
class Reach:
    """What a fine-grained token may do, and where; neither names nor repositories means everywhere."""

    permissions: Sequence[Permission]
    namespaces: Sequence[Namespace] = ()
    repositories: Sequence[str] = ()


@dataclass(frozen=True)
class Limits:
    """What a token may spend and ask for; see AccessToken. None: no bound of its own."""

    budget: int | None = None
    currency: str = "eur"
    per_minute: int | None = None


def issue_token(
    user: User,
    *,
    name: str,
    scope: TokenScope,
    expires_at: datetime | None = None,
    reach: Reach | None = None,
    limits: Limits | None = None,
    by: Principal | None = None,
) -> str:
    """A new personal token; the returned text is the only copy there will ever be.

    `reach` belongs to the scope of chosen permissions and to no other. Raises Forbidden, Invalid.
    """
    if by is not None and (by.user != user or by.token is not None):
        raise Forbidden(_("Tokens are made in the browser, by the person they belong to."))
    if scope == TokenScope.JOB:
        raise Invalid(_("Tokens of jobs are made when the job starts."))
    if scope == TokenScope.BULK:
        raise Invalid(_("Tokens for bulk downloads are asked for at /settings/bulk."))
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid(_("The token would have expired already."), hint=_("Choose a later day."))
    if (scope == TokenScope.FINE) != (reach is not None):
        raise Invalid(_("Choose at least one permission."))
    if reach is not None:
        _check_reach(user, reach)
    return issue(user, name=name, scope=scope, expires_at=expires_at, reach=reach, limits=limits)


def issue_job_token(user: User, *, namespace: Namespace, job: str, expires_at: datetime) -> str:
    """A token that writes to one namespace only, cannot submit, spend or manage, and ends with the job."""
    return issue(
        user,
        name=f"job {job}",
        scope=TokenScope.JOB,
        expires_at=expires_at,
        namespace=namespace,
        reference=f"job:{job}",
    )


def issue_reading_token(user: User, *, repositories: Sequence[str], job: str, expires_at: datetime) -> str:
    """A token that reads these repositories, as far as the person may, and ends with the job."""
    return issue(
        user,
        name=f"job {job}",
        scope=TokenScope.FINE,
        expires_at=expires_at,
        reach=Reach([Permission.REPO_READ, Permission.GATED_READ], repositories=checked_references(repositories)),
        reference=f"job:{job}",
    )


@transaction.atomic
def renew_token(token: AccessToken, *, by: Principal) -> str:
    """Invalidate the old text and make a new one with the same name, permissions and end.

    Raises Forbidden, Conflict.
    """
    token = AccessToken.objects.select_for_update().get(pk=token.pk)
    if by.user != token.user or by.token is not None:
        raise Forbidden(_("Tokens are made in the browser, by the person they belong to."))
    is_over = token.expires_at is not None and token.expires_at <= timezone.now()
    if token.revoked_at is not None or is_over or token.authorisation_id is not None or token.scope == TokenScope.JOB:
        raise Conflict(_("This token cannot be renewed."), hint=_("Make a new one."))
    text = new_text()
    token.digest, token.hint, token.last_used_at = token_digest(text), text[:7], None
    token.save(update_fields=["digest", "hint", "last_used_at"])
    audit.record("token.renewed", f"user:{token.user.username}", actor=by, token=token.hint)
    return text


@transaction.atomic
def set_limits(token: AccessToken, limits: Limits, *, by: Principal) -> AccessToken:
    """Change what a token may spend; it counts from the next request. Raises Forbidden, Invalid."""
    token = AccessToken.objects.select_for_update().get(pk=token.pk)
    if by.user != token.user or by.token is not None:
        raise Forbidden(_("Limits of tokens are set in the browser, by the person they belong to."))
    for name, value in _columns(limits).items():
        setattr(token, name, value)
    token.save(update_fields=["budget", "budget_currency", "per_minute"])
    audit.record("token.limited", f"user:{token.user.username}", actor=by, token=token.hint, **vars(limits))
    return token


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


def new_text(prefix: str = "hf_") -> str:
    """Clients know our tokens by their first letters; the rest is chance, 220 bits of it."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _position in range(37))


@transaction.atomic
def issue(
    user: User,
    *,
    name: str,
    scope: TokenScope,
    expires_at: datetime | None,
    reach: Reach | None = None,
    limits: Limits | None = None,
    namespace: Namespace | None = None,
    reference: str = "",
    authorisation: Authorisation | None = None,
    text: str = "",
) -> str:
    """Keep the hash of a new token, for services that have checked who asks."""
    text = text or new_text()
    token = AccessToken.objects.create(
        user=user,
        name=name.strip()[:60] or "token",
        digest=token_digest(text),
        hint=text[:7],
        scope=scope,
        namespace=namespace,
        reference=reference,
        authorisation=authorisation,
        expires_at=expires_at,
        **_columns(limits or Limits()),
    )
    if reach is not None:
        TokenGrant.objects.bulk_create(_grants(token, reach))
    audit.record("token.issued", f"user:{user.username}", actor=user, token=text[:7], scope=scope)
    return text


def checked_references(references: Iterable[str]) -> list[str]:
    """References such as "model:ada/tiny", each once. Raises Invalid for anything else."""
    found: list[str] = []
    for reference in references:
        if not _REFERENCE.fullmatch(reference):
            raise Invalid(
                _("“%(name)s” is not the name of a repository.") % {"name": reference},
                hint=_("Write them like model:ada/tiny or dataset:ada/words, one a line."),
            )
        if reference not in found:
            found.append(reference)
    if len(found) > MAX_REPOSITORIES:
        raise Invalid(_("A token names up to %(most)s repositories.") % {"most": MAX_REPOSITORIES})
    return found


def _columns(limits: Limits) -> dict[str, Any]:
    if limits.budget is not None and (limits.budget < 0 or limits.currency not in {"eur", "usd"}):
        raise Invalid(_("A budget is an amount of euros or dollars, not below zero."))
    if limits.per_minute is not None and limits.per_minute < 1:
        raise Invalid(_("At least one picture a minute, or no bound."))
    currency = "" if limits.budget is None else limits.currency
    return {"budget": limits.budget, "budget_currency": currency, "per_minute": limits.per_minute}


def _check_reach(user: User, reach: Reach) -> None:
    if not reach.permissions:
        raise Invalid(_("Choose at least one permission."))
    own = set(namespaces_of(user).values_list("pk", flat=True))
    if any(namespace.pk not in own for namespace in reach.namespaces):
        raise Forbidden(_("You do not act under this name."))
    checked_references(reach.repositories)
    useless = [permission for permission in reach.permissions if permission not in OF_REPOSITORIES]
    if reach.repositories and not reach.namespaces and useless:
        raise Invalid(
            _("This cannot be allowed for a repository alone: %(permission)s.") % {"permission": useless[0].label},
            hint=_("Choose a name as well, or leave this permission out."),
        )


def _grants(token: AccessToken, reach: Reach) -> list[TokenGrant]:
    if not reach.namespaces and not reach.repositories:
        return [TokenGrant(token=token, permission=permission) for permission in reach.permissions]
    names = [
        TokenGrant(token=token, permission=permission, namespace=namespace)
        for namespace in reach.namespaces
        for permission in reach.permissions
    ]
    return names + [
        TokenGrant(token=token, permission=permission, repository=reference)
        for reference in reach.repositories
        for permission in reach.permissions
        if permission in OF_REPOSITORIES
    ]
