"""People, organisations and tokens for tests."""

from collections.abc import Sequence
from datetime import timedelta

import factory
from django.utils import timezone

from accounts.enums import NamespaceKind, Permission, Role, TokenScope
from accounts.models import AccessToken, Membership, Namespace, Organisation, User
from accounts.principal import Principal
from accounts.services import organisations, tokens


class UserFactory(factory.django.DjangoModelFactory):
    """A person with a namespace of the same name."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person-{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.org")
    password = factory.django.Password("a long enough password")

    @factory.post_generation
    def namespace_row(self, create, extracted, **kwargs):
        if create:
            Namespace.objects.create(name=self.username, kind=NamespaceKind.USER, user=self)


class StaffFactory(UserFactory):
    username = factory.Sequence(lambda n: f"staff-{n}")
    is_staff = True


class OrganisationFactory(factory.django.DjangoModelFactory):
    """An organisation; `OrganisationFactory(admin=user)` gives it an administrator."""

    class Meta:
        model = Organisation
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"org-{n}")

    @factory.post_generation
    def namespace_row(self, create, extracted, **kwargs):
        if create:
            Namespace.objects.create(name=self.name, kind=NamespaceKind.ORGANISATION, organisation=self)

    @factory.post_generation
    def admin(self, create, extracted, **kwargs):
        if create and extracted:
            Membership.objects.create(organisation=self, user=extracted, role=Role.ADMIN)


class MembershipFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Membership

    organisation = factory.SubFactory(OrganisationFactory)
    user = factory.SubFactory(UserFactory)
    role = Role.READ


def join(organisation: Organisation, user: User, *, role: Role, by: Principal) -> Membership:
    """An administrator invites, the person accepts."""
    organisations.invite(organisation, user, role=role, by=by)
    return organisations.accept_invitation(organisation, by=Principal(user=user))


def principal_of(user: User, *, scope: TokenScope | None = None) -> Principal:
    """A browser session, or a token of the given scope."""
    if scope is None:
        return Principal(user=user)
    tokens.issue_token(user, name="test", scope=scope)
    return Principal(user=user, token=AccessToken.objects.filter(user=user).latest("id"))


def bearer(user: User, *, scope: TokenScope = TokenScope.WRITE) -> dict[str, str]:
    """Headers for the Django test client: `client.get(url, **bearer(user))`."""
    return {"HTTP_AUTHORIZATION": f"Bearer {tokens.issue_token(user, name='test', scope=scope)}"}


def job_token(user: User, *, job: str = "0" * 24, namespace: Namespace | None = None) -> str:
    expires_at = timezone.now() + timedelta(hours=1)
    return tokens.issue_job_token(user, namespace=namespace or user.namespace, job=job, expires_at=expires_at)


def fine_token(
    user: User, *permissions: Permission, namespaces: Sequence[Namespace] = (), repositories: Sequence[str] = ()
) -> str:
    """A token of chosen permissions: everywhere, or only in the given places."""
    reach = tokens.Reach(permissions, namespaces=namespaces, repositories=repositories)
    return tokens.issue_token(user, name="fine", scope=TokenScope.FINE, reach=reach)
