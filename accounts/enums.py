"""Roles, scopes and kinds, with what each may do."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class NamespaceKind(TextChoices):
    USER = "user", _("person")
    ORGANISATION = "org", _("organisation")


class Role(TextChoices):
    """What a member may do in an organisation, least to most."""

    READ = "read", _("reader")
    WRITE = "write", _("writer")
    ADMIN = "admin", _("administrator")

    @property
    def rank(self) -> int:
        return list(Role).index(self)


class TokenScope(TextChoices):
    """What an access token may do on behalf of its person."""

    READ = "read", _("read")
    WRITE = "write", _("write")
    JOB = "job", _("one job")


# First path segments that belong to pages, so nobody may be called by them.
RESERVED_NAMES = frozenset(
    """
    about account accounts admin api apps audit awards billing books buckets calls cas certificates checkout
    collections community compute create credits data datasets demo docs downloads explore favicon.ico files
    generate gallery grants health help hardware home inference jobs join kernels language legal licences
    licenses login logout media metrics models new none null oauth offers orders organisations organizations
    orgs pools pricing privacy proposals register resolve revenue reviews revocations robots.txt search security
    settings signup sign-up spaces standin static statements studio stripe support system tasks telemetry terms
    token tokens undefined uploads user users v1 v2 v2beta verify webhooks wellspring well-known xet me root staff
    """.split()  # noqa: SIM905 - read as a paragraph
)
