"""Reading people, organisations and tokens."""

import hashlib
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.enums import Role
from accounts.models import AccessToken, Membership, Namespace, Organisation, User
from accounts.principal import ANONYMOUS, Principal


def token_digest(token: str) -> str:
    """Tokens carry 200 bits of randomness, so a plain SHA-256 is enough at rest."""
    return hashlib.sha256(token.encode()).hexdigest()


def principal_of_token(token: str) -> Principal:
    """The person behind a token; ANONYMOUS when it is unknown, revoked or expired."""
    row = (
        AccessToken.objects.select_related("user", "namespace")
        .filter(digest=token_digest(token), revoked_at__isnull=True, user__is_active=True)
        .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now()))
        .first()
    )
    if row is None:
        return ANONYMOUS
    now = timezone.now()
    if row.last_used_at is None or now - row.last_used_at > timedelta(minutes=1):
        AccessToken.objects.filter(pk=row.pk).update(last_used_at=now)
    return Principal(user=row.user, token=row)


def namespace_named(name: str) -> Namespace | None:
    return Namespace.objects.select_related("user", "organisation").filter(name__iexact=name).first()


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
    roles = [role for role in Role if role.rank >= at_least.rank]
    member = Membership.objects.filter(user=user, role__in=roles).values("organisation_id")
    return (
        Namespace.objects.filter(Q(user=user) | Q(organisation_id__in=member))
        .select_related("user", "organisation")
        .order_by("-kind", "name")
    )


def organisations_of(user: User) -> QuerySet[Organisation]:
    return Organisation.objects.filter(memberships__user=user).order_by("name")


def members_of(organisation: Organisation) -> QuerySet[Membership]:
    return organisation.memberships.select_related("user").order_by("-role", "user__username")


def tokens_of(user: User) -> QuerySet[AccessToken]:
    """A person's own tokens that still work; those of jobs are shown with the job."""
    return user.tokens.filter(revoked_at__isnull=True).exclude(scope="job")
