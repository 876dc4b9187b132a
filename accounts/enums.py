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
    FINE = "fine", _("chosen permissions")
    JOB = "job", _("one job")
    BULK = "bulk", _("download in bulk what is public")


class Permission(TextChoices):
    """What a fine-grained token may be allowed, by the names that clients know where they know any."""

    REPO_READ = "repo.content.read", _("read private repositories and buckets")
    REPO_WRITE = "repo.write", _("create repositories and buckets and change their files")
    REPO_MANAGE = "repo.manage", _("settings, moving and deletion of repositories and buckets")
    GATED_READ = "repo.access.read", _("read gated repositories that I was let into")
    DISCUSSION_WRITE = "discussion.write", _("open discussions and pull requests, and comment")
    COLLECTION_WRITE = "collection.write", _("change collections")
    WEBHOOK_WRITE = "webhook.write", _("manage webhooks")
    INFERENCE = "inference.serverless.write", _("generate pictures")
    JOB_READ = "job.read", _("see jobs, their logs and allocations")
    JOB_WRITE = "job.write", _("submit and cancel jobs")
    BILLING_READ = "user.billing.read", _("see purchases, sales and statements")


READING = frozenset({Permission.REPO_READ, Permission.GATED_READ, Permission.JOB_READ, Permission.BILLING_READ})
# A job works on the repositories of one name; what it reads elsewhere its submitter may read.
OF_A_JOB = frozenset({Permission.REPO_READ, Permission.REPO_WRITE, Permission.GATED_READ, Permission.JOB_READ})


class OAuthScope(TextChoices):
    """What an application may ask a person for."""

    OPENID = "openid", _("know that it is you")
    PROFILE = "profile", _("see your name, your page and your organisations")
    EMAIL = "email", _("see your e-mail address")
    READ_REPOS = "read-repos", _("read your private repositories and buckets")
    GATED_REPOS = "gated-repos", _("read gated repositories that you were let into")
    WRITE_REPOS = "write-repos", _("create repositories and buckets and change their files")
    MANAGE_REPOS = "manage-repos", _("change settings of your repositories and buckets, move and delete them")
    WRITE_DISCUSSIONS = "write-discussions", _("open discussions and pull requests and comment in your name")
    WRITE_COLLECTIONS = "write-collections", _("change your collections")
    WEBHOOKS = "webhooks", _("manage your webhooks")
    INFERENCE = "inference-api", _("generate pictures at your expense")
    JOBS = "jobs", _("see, submit and cancel jobs that use your GPU-seconds")
    READ_BILLING = "read-billing", _("see your purchases, sales and statements")


PERMISSIONS_OF_SCOPE: dict[str, tuple[Permission, ...]] = {
    OAuthScope.READ_REPOS: (Permission.REPO_READ,),
    OAuthScope.GATED_REPOS: (Permission.GATED_READ,),
    OAuthScope.WRITE_REPOS: (Permission.REPO_READ, Permission.REPO_WRITE),
    OAuthScope.MANAGE_REPOS: (Permission.REPO_READ, Permission.REPO_WRITE, Permission.REPO_MANAGE),
    OAuthScope.WRITE_DISCUSSIONS: (Permission.DISCUSSION_WRITE,),
    OAuthScope.WRITE_COLLECTIONS: (Permission.COLLECTION_WRITE,),
    OAuthScope.WEBHOOKS: (Permission.WEBHOOK_WRITE,),
    OAuthScope.INFERENCE: (Permission.INFERENCE,),
    OAuthScope.JOBS: (Permission.JOB_READ, Permission.JOB_WRITE),
    OAuthScope.READ_BILLING: (Permission.BILLING_READ,),
}


class DeviceState(TextChoices):
    """What became of a device that asked to be logged in."""

    WAITING = "waiting", _("waiting")
    APPROVED = "approved", _("approved")
    DENIED = "denied", _("denied")
    USED = "used", _("logged in")


DEVICE_MOVES: dict[DeviceState, frozenset[DeviceState]] = {
    DeviceState.WAITING: frozenset({DeviceState.APPROVED, DeviceState.DENIED}),
    DeviceState.APPROVED: frozenset({DeviceState.USED}),
    DeviceState.DENIED: frozenset(),
    DeviceState.USED: frozenset(),
}


# First path segments that belong to pages, so nobody may be called by them.
RESERVED_NAMES = frozenset(
    """
    about account accounts admin api apps audit awards billing books buckets bulk calls cas certificates checkout
    collections community compute create credits data datasets datasets-server demo device disputes docs downloads
    explore export favicon.ico files import imports
    generate gallery grants health help hardware home inference jobs join kernels language legal licences licenses
    login logout media metrics models new none null oauth offers orders organisations organizations orgs pools
    pricing privacy proposals register resolve revenue reviews revocations robots.txt search security settings
    signup sign-up spaces standin static statements studio stripe support system tasks telemetry terms token tokens
    undefined uploads user users v1 v2 v2beta verify webhooks wellspring well-known xet me root staff desk opt-outs
    report reports
    """.split()  # noqa: SIM905 - read as a paragraph
)
