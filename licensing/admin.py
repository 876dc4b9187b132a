from django.contrib import admin

from common.admin import ReadOnlyAdmin
from licensing.models import (
    Acceptance,
    Certificate,
    CreditPack,
    GrantOfUse,
    Offer,
    Order,
    Quote,
    Revocation,
    StripeEvent,
)


@admin.register(Offer)
class OfferAdmin(ReadOnlyAdmin):
    list_display = ["id", "product", "title", "price", "currency", "state", "outcome"]
    list_filter = ["state", "outcome"]
    search_fields = ["product", "title"]


@admin.register(Quote)
class QuoteAdmin(ReadOnlyAdmin):
    list_display = ["id", "offer", "holder", "price", "tax", "currency", "expires_at"]
    list_select_related = ["holder"]


@admin.register(Acceptance)
class AcceptanceAdmin(ReadOnlyAdmin):
    list_display = ["quote", "user", "terms_sha256", "at"]
    list_select_related = ["user", "quote"]


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = ["id", "kind", "holder", "gross", "tax", "fee", "currency", "state", "created_at"]
    list_filter = ["kind", "state", "currency"]
    list_select_related = ["holder"]
    search_fields = ["id", "checkout_id", "payment_intent"]


@admin.register(GrantOfUse)
class GrantOfUseAdmin(ReadOnlyAdmin):
    list_display = ["id", "product", "holder", "state", "starts_at", "ends_at"]
    list_filter = ["state"]
    list_select_related = ["holder"]


@admin.register(Certificate)
class CertificateAdmin(ReadOnlyAdmin):
    list_display = ["jti", "grant", "issued_at"]
    search_fields = ["jti"]


@admin.register(Revocation)
class RevocationAdmin(ReadOnlyAdmin):
    list_display = ["seq", "certificate", "reason", "at"]


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin):
    list_display = ["id", "type", "deliveries", "attempts", "processed_at", "outcome"]
    list_filter = ["type"]
    search_fields = ["id"]


@admin.register(CreditPack)
class CreditPackAdmin(admin.ModelAdmin):
    """The amounts on the credits page; the only thing here that staff change."""

    list_display = ["amount", "currency", "is_open"]
