"""People, organisations, and the names they own things under."""

from django.contrib.auth.models import AbstractUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.enums import NamespaceKind, Role

valid_name = RegexValidator(
    r"\A(?!.*--)(?!.*\.\.)[A-Za-z0-9](?:[A-Za-z0-9._-]{0,40}[A-Za-z0-9])?\Z",
    _("Use 1 to 42 letters, digits, hyphens, dots or underscores; begin and end with a letter or digit."),
)


class User(AbstractUser):
    """A person who logs in. The user name is also the namespace of what they own."""

    username = models.CharField(_("user name"), max_length=42, unique=True, validators=[valid_name])
    email = models.EmailField(_("e-mail address"), blank=True)
    full_name = models.CharField(_("full name"), max_length=100, blank=True)
    orcid = models.CharField(_("ORCID iD"), max_length=19, blank=True)
    # Set only when ORCID itself said so; a typed iD is a claim.
    orcid_verified_at = models.DateTimeField(null=True, blank=True)
    first_name = None  # type: ignore[assignment]  # people have one name, written their way
    last_name = None  # type: ignore[assignment]

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [
            models.UniqueConstraint(Lower("username"), name="user_name_once"),
            models.UniqueConstraint(
                fields=["orcid"], condition=models.Q(orcid_verified_at__isnull=False), name="verified_orcid_once"
            ),
        ]

    def get_full_name(self) -> str:
        return self.full_name or self.username

    def get_short_name(self) -> str:
        return self.username


class Organisation(models.Model):
    """A group, laboratory or company that owns things together."""

    name = models.CharField(_("name"), max_length=42, unique=True, validators=[valid_name])
    full_name = models.CharField(_("full name"), max_length=100, blank=True)
    details = models.CharField(_("about"), max_length=500, blank=True)
    is_private_by_default = models.BooleanField(_("new repositories are private"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("organisation")

    def __str__(self) -> str:
        return self.name


class Namespace(models.Model):
    """A name that owns repositories, allocations, licences and money: a person's or an organisation's.

    People and organisations share one set of names, without regard to case.
    """

    name = models.CharField(max_length=42)
    kind = models.CharField(max_length=4, choices=NamespaceKind)
    user = models.OneToOneField(User, models.PROTECT, null=True, blank=True, related_name="namespace")
    organisation = models.OneToOneField(Organisation, models.PROTECT, null=True, blank=True, related_name="namespace")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), name="namespace_name_once"),
            models.CheckConstraint(
                name="namespace_has_one_owner",
                condition=models.Q(kind="user", user__isnull=False, organisation__isnull=True)
                | models.Q(kind="org", user__isnull=True, organisation__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def owner(self) -> User | Organisation:
        owner = self.user or self.organisation
        assert owner is not None
        return owner

    @property
    def full_name(self) -> str:
        return self.owner.full_name or self.name

    @property
    def is_organisation(self) -> bool:
        return self.kind == NamespaceKind.ORGANISATION

    def get_absolute_url(self) -> str:
        return f"/{self.name}"


class Membership(models.Model):
    """A person belongs to an organisation in a role, and agreed to it."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=5, choices=Role, default=Role.READ)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "user"], name="member_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role} {self.organisation_id}"


class Invitation(models.Model):
    """An organisation asks a person to belong to it. It gives no rights and counts as no tie; an answer ends it."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="invitations")
    user = models.ForeignKey(User, models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=5, choices=Role, default=Role.READ)
    invited_by = models.ForeignKey(User, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("invitation")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["organisation", "user"], name="invited_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role} {self.organisation_id}"
