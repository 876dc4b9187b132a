"""Orders and what the payment processor told about them."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace, User
from common.ids import hex_id
from licensing.enums import BOOKED_ORDERS, LIVE_ORDERS, OrderKind, OrderState
from licensing.models.offers import Quote


class CreditPack(models.Model):
    """An amount of generation credits that is offered ready to buy. Credits cost what they are worth."""

    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    is_open = models.BooleanField(default=True)

    class Meta:
        verbose_name = _("credit pack")
        ordering = ["currency", "amount"]
        constraints = [
            models.UniqueConstraint(fields=["currency", "amount"], name="credit_pack_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="credit_pack_amount"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class Order(models.Model):
    """Something bought, from the first wish to pay until its money is settled. Amounts in micros.

    `gross` is with tax. `fee` is what the processor keeps, None until it is known.
    """

    id = models.CharField(primary_key=True, max_length=24, default=hex_id)
    kind = models.CharField(max_length=8, choices=OrderKind)
    quote = models.ForeignKey(Quote, models.PROTECT, null=True, related_name="orders")
    holder = models.ForeignKey(Namespace, models.PROTECT, related_name="+")
    ordered_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    gross = models.BigIntegerField()
    tax = models.BigIntegerField()
    fee = models.BigIntegerField(null=True)
    refunded = models.BigIntegerField(default=0)
    state = models.CharField(max_length=16, choices=OrderState, default=OrderState.AWAITING_PAYMENT)
    # None until known, because unique.
    checkout_id = models.CharField(max_length=255, unique=True, null=True)  # noqa: DJ001
    checkout_url = models.TextField(blank=True)
    payment_intent = models.CharField(max_length=255, unique=True, null=True)  # noqa: DJ001
    created_at = models.DateTimeField(auto_now_add=True)
    paid_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("order")
        constraints = [
            models.CheckConstraint(condition=Q(state__in=OrderState.values), name="order_state_known"),
            models.CheckConstraint(
                condition=Q(gross__gt=0, tax__gte=0, refunded__gte=0)
                & Q(tax__lt=F("gross"))
                & Q(refunded__lte=F("gross")),
                name="order_amounts",
            ),
            models.CheckConstraint(
                condition=Q(kind=OrderKind.LICENCE, quote__isnull=False)
                | Q(kind=OrderKind.CREDITS, quote__isnull=True),
                name="order_has_quote_if_licence",
            ),
            models.CheckConstraint(
                condition=Q(paid_at__isnull=False) | ~Q(state__in=BOOKED_ORDERS), name="order_paid_has_moment"
            ),
            models.UniqueConstraint(
                fields=["quote"], condition=Q(state__in=LIVE_ORDERS), name="one_live_order_per_quote"
            ),
        ]
        indexes = [
            models.Index(fields=["holder", "-created_at"], name="order_by_holder"),
            models.Index(fields=["created_at"], condition=Q(state=OrderState.AWAITING_PAYMENT), name="order_awaiting"),
        ]

    def __str__(self) -> str:
        return f"order:{self.pk}"

    def get_absolute_url(self) -> str:
        return f"/licences/orders/{self.pk}"

    @property
    def reference(self) -> str:
        """How the books name it."""
        return f"order:{self.pk}"

    @property
    def net(self) -> int:
        return self.gross - self.tax

    @property
    def is_waiting(self) -> bool:
        return self.state == OrderState.AWAITING_PAYMENT

    @property
    def is_booked(self) -> bool:
        return self.state in BOOKED_ORDERS


class StripeEvent(models.Model):
    """An event as it came, kept before anything is done about it. `processed_at` is set once."""

    id = models.CharField(primary_key=True, max_length=255)
    type = models.CharField(max_length=100)
    created = models.DateTimeField()
    object = models.JSONField()
    received_at = models.DateTimeField(auto_now_add=True)
    deliveries = models.PositiveIntegerField(default=1)
    processed_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    outcome = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = _("payment event")
        indexes = [
            models.Index(fields=["received_at"], condition=Q(processed_at__isnull=True), name="event_unprocessed")
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.type}"
