"""Reading people, organisations and tokens."""

import hashlib
from datetime import timedelta
from typing import Any

from django.db.models import Max, Prefetch, Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.enums import Permission, Role, TokenScope
from accounts.models import (
    AccessToken,
    Application,
    Authorisation,
    Invitation,
    Membership,
    Namespace,
    Organisation,
    RefreshToken,
    TokenGrant,
    TrustedPublisher,
    User,
)
from accounts.principal import ANONYMOUS, Principal
from common.compiled import Compiled, Step, rows_of


def token_digest(token: str) -> str:
    """Tokens carry 200 bits of randomness, so a plain SHA-256 is enough at rest."""
    return hashlib.sha256(token.encode()).hexdigest()


_token_of = Compiled(
    lambda digest: AccessToken.objects.select_related("user", "namespace", "authorisation").filter(
        digest=digest, revoked_at__isnull=True, user__is_active=True
    ),
    str,
)


def principal_of_token(token: str) -> Principal:
    """The person behind a token; ANONYMOUS when it is unknown, revoked or expired."""
    now = timezone.now()
    row = next(iter(_token_of(token_digest(token))), None)
    if row is None or (row.expires_at is not None and row.expires_at <= now):
        return ANONYMOUS
    if row.last_used_at is None or now - row.last_used_at > timedelta(minutes=1):
        AccessToken.objects.filter(pk=row.pk).update(last_used_at=now)
    return Principal(user=row.user, token=row)


def principal_of_keys(user: int | None, token: int | None) -> Principal | None:
    """Whom a signed credential of our own was made for, by their ids; None when they or their token work no more."""
    if user is None:
        return ANONYMOUS
    person = User.objects.filter(pk=user, is_active=True).first()
    if person is None or token is None:
        return Principal(user=person) if person is not None else None
    working = AccessToken.objects.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now()))
    credential = working.select_related("namespace").filter(pk=token, revoked_at__isnull=True).first()
    return Principal(user=person, token=credential) if credential is not None else None


def namespace_named(name: str) -> Namespace | None:
    found = Namespace.objects.select_related("user", "organisation").alias(small=Lower("name"))
    return found.filter(small=name.lower()).first()


def user_named(name: str) -> User | None:
    """The person of that name, without regard to case."""
    if "\x00" in name:
        return None
    return User.objects.alias(small=Lower("username")).filter(small=name.lower()).first()


def active_user_named(name: str) -> User | None:
    """The same, unless the account is closed."""
    user = user_named(name)
    return user if user is not None and user.is_active else None


def role_in(user: User | None, namespace: Namespace) -> Role | None:
    """A person is administrator of their own name; in organisations the membership says."""
    if user is None:
        return None
    if namespace.user_id is not None:
        return Role.ADMIN if namespace.user_id == user.pk else None
    membership = Membership.objects.filter(user=user, organisation=namespace.organisation).only("role").first()
    return Role(membership.role) if membership else None


def namespaces_of(user: User, *, at_least: Role = Role.READ) -> QuerySet[Namespace]:
    """The names a person may act under, their own first."""
    roles = tuple(role for role in Role if role.rank >= at_least.rank)
    return _names(roles, user.pk).select_related("user", "organisation").order_by("-kind", "name")


def _names(roles: tuple[Role, ...], user: int) -> QuerySet[Namespace]:
    member = Membership.objects.filter(user=user, role__in=roles).values("organisation_id")
    # Each half by its own index: an OR of both would read every name.
    own = Namespace.objects.filter(user=user).values("pk")
    others = Namespace.objects.filter(organisation_id__in=member).values("pk")
    return Namespace.objects.filter(pk__in=own.union(others))


def reachable_namespaces(principal: Principal, permission: Permission) -> QuerySet[Namespace]:
    """The names of the person that the credential reaches with this permission as a whole."""
    if principal.user is None:
        return Namespace.objects.none()
    names = namespaces_of(principal.user)
    token = principal.token
    if token is None or (token.namespace_id is None and principal.allows(permission)):
        return names
    if principal.is_fine_grained:
        granted = [grant.namespace_id for grant in token.held if grant.permission == permission and grant.namespace_id]
        return names.filter(pk__in=granted)
    if token.namespace is None or not principal.allows(permission, token.namespace):
        return names.none()
    return names.filter(pk=token.namespace.pk)


def reachable_keys(principal: Principal, permission: Permission) -> list[int]:
    """The keys of these names, without a new query being composed for the usual credentials."""
    user, token = principal.user, principal.token
    if user is None:
        return []
    if token is None or (token.namespace_id is None and principal.allows(permission)):
        return [pk for (pk,) in rows_of([Step(_keys_of_names, values=(user.pk,))])]
    return list(reachable_namespaces(principal, permission).order_by().values_list("pk", flat=True))


def _keys_of_names(_rows: None, user: int) -> QuerySet[Any]:
    return _names(tuple(Role), user).values_list("pk")


def single_repositories(principal: Principal, permission: Permission) -> list[str]:
    """References of what a fine-grained token reaches one by one. Whether its person may is another question."""
    if not principal.is_fine_grained or principal.token is None:
        return []
    return [grant.repository for grant in principal.token.held if grant.repository and grant.permission == permission]


def organisations_of(user: User) -> QuerySet[Organisation]:
    return Organisation.objects.filter(memberships__user=user).order_by("name")


def memberships_of(user: User) -> QuerySet[Membership]:
    return user.memberships.select_related("organisation__namespace").order_by("organisation__name")


def members_of(organisation: Organisation) -> QuerySet[Membership]:
    return organisation.memberships.select_related("user").order_by("-role", "user__username")


def invitations_of(user: User) -> QuerySet[Invitation]:
    """What waits for this person's answer."""
    return user.invitations.select_related("organisation", "invited_by")


def invitations_to(organisation: Organisation) -> QuerySet[Invitation]:
    return organisation.invitations.select_related("user")


def application_of(client_id: str) -> Application | None:
    return Application.objects.select_related("owner").filter(client_id=client_id).first()


def nonce_is_used(client_id: str, nonce: str) -> bool:
    return Authorisation.objects.filter(application__client_id=client_id, nonce=nonce).exists()


def authorisation_of_token(token: str) -> Authorisation | None:
    """What a refresh token, or an access token of an application, was given for."""
    digest = token_digest(token)
    for kind in (RefreshToken, AccessToken):
        rows = kind.objects.select_related("authorisation__user", "authorisation__application")
        found = rows.filter(digest=digest, authorisation__isnull=False).first()
        if found is not None:
            return found.authorisation
    return None


def applications_of(user: User) -> QuerySet[Application]:
    """Those of the names that the person administers."""
    return Application.objects.filter(owner__in=namespaces_of(user, at_least=Role.ADMIN)).select_related("owner")


def connections_of(user: User) -> QuerySet[Authorisation]:
    """What the person lets applications do now, newest first."""
    rows = user.authorisations.filter(ended_at__isnull=True).select_related("application__owner")
    rows = rows.filter(Q(code_expires_at__isnull=True) | Q(code_used_at__isnull=False))
    return rows.annotate(last_used_at=Max("tokens__last_used_at"))


def publishers_of(repository: str) -> QuerySet[TrustedPublisher]:
    return TrustedPublisher.objects.filter(repository__iexact=repository).select_related("created_by")


def tokens_of(user: User) -> QuerySet[AccessToken]:
    """A person's own tokens; those of jobs and applications are shown with the job and the application."""
    own = user.tokens.filter(revoked_at__isnull=True, authorisation__isnull=True, reference="")
    grants = Prefetch("grants", TokenGrant.objects.select_related("namespace"))
    return own.exclude(scope=TokenScope.JOB).prefetch_related(grants)
