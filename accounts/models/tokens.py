"""Access tokens, and what each may do where."""

from datetime import timedelta

from django.db import models
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.enums import Permission, TokenScope
from accounts.models.applications import Authorisation
from accounts.models.people import Namespace, User

SOON = timedelta(days=3)


class AccessToken(models.Model):
    """A token of the form hf_…; only its SHA-256 is kept.

    A job's token names its job and ends with it; an application's names the authorisation it came from.
    `budget` is the most that it may spend in a calendar month (UTC), in micros of `budget_currency`;
    `per_minute` the pictures it may ask for in a minute. None: no bound of its own.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    name = models.CharField(_("name"), max_length=60)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=12)
    scope = models.CharField(_("scope"), max_length=5, choices=TokenScope, default=TokenScope.READ)
    namespace = models.ForeignKey(Namespace, models.CASCADE, null=True, blank=True, related_name="+")
    reference = models.CharField(max_length=100, blank=True)
    authorisation = models.ForeignKey(Authorisation, models.CASCADE, null=True, blank=True, related_name="tokens")
    budget = models.BigIntegerField(_("budget a month"), null=True, blank=True)
    budget_currency = models.CharField(max_length=3, blank=True)
    per_minute = models.PositiveIntegerField(_("pictures a minute"), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("access token")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="token_scope_known", condition=models.Q(scope__in=TokenScope.values)),
            models.CheckConstraint(
                name="token_budget_has_currency",
                condition=models.Q(budget__isnull=True, budget_currency="")
                | models.Q(budget__gte=0, budget_currency__in=["eur", "usd"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    @property
    def ends_soon(self) -> bool:
        """A personal token that works still, and not for long: time to make the next one."""
        if self.expires_at is None or self.authorisation_id is not None or self.reference:
            return False
        now = timezone.now()
        return now < self.expires_at <= now + SOON

    @cached_property
    def held(self) -> list["TokenGrant"]:
        """The grants of a fine-grained token, read once."""
        return list(self.grants.all())

    @property
    def held_by_place(self) -> list[tuple[str, list[str]]]:
        """For people: each place, empty for everywhere, with what may be done there."""
        places: dict[str, list[str]] = {}
        for grant in self.held:
            place = grant.repository or (grant.namespace.name if grant.namespace else "")
            places.setdefault(place, []).append(str(Permission(grant.permission).label))
        return list(places.items())


class TokenGrant(models.Model):
    """One permission of a fine-grained token: everywhere, under one name, or for one repository.

    A repository is named by reference, "model:ada/tiny": what it is belongs to the hub.
    """

    token = models.ForeignKey(AccessToken, models.CASCADE, related_name="grants")
    permission = models.CharField(max_length=30, choices=Permission)
    namespace = models.ForeignKey(Namespace, models.CASCADE, null=True, blank=True, related_name="+")
    repository = models.CharField(max_length=150, blank=True)

    class Meta:
        verbose_name = _("permission of a token")
        ordering = ["id"]
        indexes = [models.Index(fields=["repository"], name="grant_by_repository")]
        constraints = [
            models.CheckConstraint(name="grant_permission_known", condition=models.Q(permission__in=Permission.values)),
            models.CheckConstraint(
                name="grant_reaches_one_place", condition=models.Q(namespace__isnull=True) | models.Q(repository="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.permission} {self.repository or self.namespace_id or '*'}"
