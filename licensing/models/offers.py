"""What is for sale, for whom it was priced, and who agreed to which words."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace, User
from common.ids import hex_id
from hub.models import Repository, Version
from licensing.enums import OfferState, Outcome, RevenueBand, Use
from revenue.models import AttributionSnapshot


class Offer(models.Model):
    """Commercial rights in a repository, at a price, under exact words. Only its state ever changes.

    `product` is the repository's name when the offer was made ("model:ns/name"), kept for good.
    `upstream` is the finding of the upstream check at that time; `cleared_sha256` names the findings
    that a person decided about.
    """

    repository = models.ForeignKey(Repository, models.SET_NULL, null=True, related_name="offers")
    version = models.ForeignKey(Version, models.PROTECT, null=True, related_name="+")
    product = models.CharField(max_length=150)
    seller = models.ForeignKey(Namespace, models.PROTECT, related_name="+")
    title = models.CharField(_("title"), max_length=120)
    terms_text = models.TextField(_("terms"))
    terms_sha256 = models.CharField(max_length=64)
    price = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    term_days = models.PositiveIntegerField(_("term in days"))
    seats = models.PositiveIntegerField(_("seats"), default=0)
    use = models.CharField(_("use"), max_length=12, choices=Use, default=Use.PRODUCT)
    territory = models.CharField(_("territory"), max_length=200, blank=True)
    revenue_band = models.CharField(_("company size"), max_length=12, choices=RevenueBand, default=RevenueBand.ANY)
    later_versions = models.BooleanField(_("covers later versions"), default=True)
    state = models.CharField(max_length=10, choices=OfferState, default=OfferState.DRAFT)
    outcome = models.CharField(max_length=8, choices=Outcome, default=Outcome.OK)
    upstream = models.JSONField(default=list)
    cleared_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    cleared_sha256 = models.CharField(max_length=64, blank=True)
    clearance_note = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("offer")
        constraints = [
            models.CheckConstraint(condition=Q(state__in=OfferState.values), name="offer_state_known"),
            models.CheckConstraint(condition=Q(outcome__in=Outcome.values), name="offer_outcome_known"),
            models.CheckConstraint(condition=Q(price__gt=0, term_days__gt=0), name="offer_amounts"),
        ]
        indexes = [models.Index(fields=["repository", "state"], name="offer_by_repository")]

    def __str__(self) -> str:
        return f"offer:{self.pk}"

    def get_absolute_url(self) -> str:
        return f"/licences/offers/{self.pk}"

    @property
    def product_name(self) -> str:
        return self.product.partition(":")[2]

    @property
    def countries(self) -> list[str]:
        """ISO codes of the territory; empty means worldwide."""
        return self.territory.split()


class Quote(models.Model):
    """A price for one holder, frozen with the words, the lineage and the files until it expires."""

    id = models.CharField(primary_key=True, max_length=24, default=hex_id)
    offer = models.ForeignKey(Offer, models.PROTECT, related_name="quotes")
    holder = models.ForeignKey(Namespace, models.PROTECT, related_name="+")
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    answers = models.JSONField()
    price = models.BigIntegerField()
    tax = models.BigIntegerField()
    tax_rate = models.PositiveIntegerField(default=0)
    tax_rule = models.CharField(max_length=16)
    currency = models.CharField(max_length=3)
    terms_sha256 = models.CharField(max_length=64)
    version = models.ForeignKey(Version, models.PROTECT, null=True, related_name="+")
    snapshot = models.ForeignKey(AttributionSnapshot, models.PROTECT, null=True, related_name="+")
    obligations = models.JSONField(default=list)
    files_sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta:
        verbose_name = _("quote")
        constraints = [models.CheckConstraint(condition=Q(price__gt=0, tax__gte=0), name="quote_amounts")]

    def __str__(self) -> str:
        return f"quote:{self.pk}"

    def get_absolute_url(self) -> str:
        return f"/licences/quotes/{self.pk}"

    @property
    def total(self) -> int:
        return self.price + self.tax

    @property
    def has_expired(self) -> bool:
        return self.expires_at <= timezone.now()


class Acceptance(models.Model):
    """Somebody who may bind the holder agreed to these very words. Never changed (a trigger sees to it)."""

    quote = models.OneToOneField(Quote, models.PROTECT, related_name="acceptance")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    authority = models.BooleanField()
    terms_text = models.TextField()
    terms_sha256 = models.CharField(max_length=64)
    at = models.DateTimeField(auto_now_add=True)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = _("acceptance")
        constraints = [models.CheckConstraint(condition=Q(authority=True), name="acceptance_with_authority")]

    def __str__(self) -> str:
        return f"{self.quote} by {self.user_id}"
