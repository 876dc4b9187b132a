"""Programs of others that people let act for them: what is registered, approved and under way."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.enums import DeviceState, OAuthScope
from accounts.models.people import Namespace, User


class Application(models.Model):
    """A program that asks people to let it act for them (an OAuth client).

    One with a secret is confidential; one without is public and must use PKCE. The owner is
    empty for the `hf` command, which every deployment knows.
    """

    client_id = models.CharField(max_length=36, unique=True)
    owner = models.ForeignKey(Namespace, models.CASCADE, null=True, blank=True, related_name="applications")
    name = models.CharField(_("name"), max_length=60)
    homepage = models.URLField(_("home page"), blank=True)
    secret_digest = models.CharField(max_length=64, blank=True)
    redirect_uris = ArrayField(models.TextField(), default=list, blank=True)
    scopes = ArrayField(models.CharField(max_length=30), default=list)
    logs_in_devices = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("application")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_public(self) -> bool:
        return not self.secret_digest


class Authorisation(models.Model):
    """A person let an application act for them, within these scopes.

    Everything that was issued for it (a code that works once, tokens, refresh tokens) ends with it.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="authorisations")
    application = models.ForeignKey(Application, models.CASCADE, related_name="authorisations")
    scopes = ArrayField(models.CharField(max_length=30), default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    # The code of the browser flow; empty when a device was approved.
    code_digest = models.CharField(max_length=64, null=True, blank=True, unique=True)
    redirect_uri = models.TextField(blank=True)
    code_challenge = models.CharField(max_length=128, blank=True)
    nonce = models.TextField(blank=True)
    code_expires_at = models.DateTimeField(null=True, blank=True)
    code_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("authorisation")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.user_id} → {self.application_id}"

    @property
    def scope_labels(self) -> list[str]:
        return [str(OAuthScope(scope).label) for scope in self.scopes if scope in OAuthScope.values]


class RefreshToken(models.Model):
    """Buys the next access token, once. Only its SHA-256 is kept."""

    authorisation = models.ForeignKey(Authorisation, models.CASCADE, related_name="refresh_tokens")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("refresh token")

    def __str__(self) -> str:
        return f"{self.authorisation_id}"


class DeviceLogin(models.Model):
    """A device waits until somebody enters its code in a browser (RFC 8628)."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True)
    user_code = models.CharField(max_length=9, unique=True)
    scopes = ArrayField(models.CharField(max_length=30), default=list)
    state = models.CharField(max_length=8, choices=DeviceState, default=DeviceState.WAITING)
    authorisation = models.OneToOneField(Authorisation, models.CASCADE, null=True, blank=True, related_name="+")
    address = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    polled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("device login")
        indexes = [models.Index(fields=["address", "created_at"], name="device_by_address")]
        constraints = [
            models.CheckConstraint(name="device_state_known", condition=models.Q(state__in=DeviceState.values)),
            models.CheckConstraint(
                name="device_approval_has_authorisation",
                condition=models.Q(state__in=["approved", "used"], authorisation__isnull=False)
                | models.Q(state__in=["waiting", "denied"], authorisation__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_code} {self.state}"
