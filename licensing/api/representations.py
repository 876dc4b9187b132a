"""What programs get: amounts are integer micros, times ISO 8601."""

from typing import Any

from django.conf import settings

from licensing.models import Acceptance, Certificate, Offer, Order, Quote
from licensing.services import certificates


def offer(row: Offer, *, full: bool = False) -> dict[str, Any]:
    """`full` for the seller and staff: with the findings of the upstream check."""
    return {
        "id": row.pk,
        "repository": row.repository.full_name if row.repository else row.product_name,
        "product": row.product,
        "seller": row.seller.name,
        "title": row.title,
        "state": row.state,
        "price": row.price,
        "currency": row.currency,
        "days": row.term_days,
        "seats": row.seats,
        "use": row.use,
        "territory": row.countries,
        "revenue_band": row.revenue_band,
        "later_versions": row.later_versions,
        "terms": row.terms_text,
        "terms_sha256": row.terms_sha256,
        "url": settings.BASE_URL + row.get_absolute_url(),
    } | ({"upstream": {"outcome": row.outcome, "findings": row.upstream}} if full else {})


def quote(row: Quote) -> dict[str, Any]:
    return {
        "id": row.pk,
        "offer": row.offer_id,
        "holder": row.holder.name,
        "price": row.price,
        "tax": row.tax,
        "tax_rule": row.tax_rule,
        "total": row.total,
        "currency": row.currency,
        "terms": row.offer.terms_text,
        "terms_sha256": row.terms_sha256,
        "version": row.version.commit if row.version else None,
        "attribution_sha256": row.snapshot_id,
        "expires_at": row.expires_at,
        "url": settings.BASE_URL + row.get_absolute_url(),
    }


def acceptance(row: Acceptance) -> dict[str, Any]:
    return {"quote": row.quote_id, "terms_sha256": row.terms_sha256, "by": row.user.username, "at": row.at}


def started(row: Order) -> dict[str, Any]:
    return {"order": row.pk, "url": row.checkout_url or settings.BASE_URL + row.get_absolute_url()}


def order(row: Order) -> dict[str, Any]:
    grant = getattr(row, "grant", None)
    return {
        "id": row.pk,
        "kind": row.kind,
        "state": row.state,
        "holder": row.holder.name,
        "currency": row.currency,
        "total": row.gross,
        "tax": row.tax,
        "refunded": row.refunded,
        "paid_at": row.paid_at,
        "quote": row.quote_id,
        "grant": None if grant is None else grant.pk,
        "certificate": None if grant is None else grant.certificate.pk,
        "checkout_url": row.checkout_url if row.is_waiting else None,
        "url": settings.BASE_URL + row.get_absolute_url(),
    }


def certificate(row: Certificate, *, sees_holder: bool) -> dict[str, Any]:
    """The signed text names the holder, so it is there only for who may see them."""
    grant = row.grant
    revocation = getattr(row, "revocation", None)
    return {
        "jti": row.pk,
        "status": certificates.status_of(row),
        "product": grant.product,
        "versions": grant.versions,
        "holder": grant.holder.name if sees_holder else None,
        "terms_sha256": grant.offer.terms_sha256,
        "starts_at": grant.starts_at,
        "ends_at": grant.ends_at,
        "revoked": None if revocation is None else {"seq": revocation.seq, "reason": revocation.reason},
        "token": row.jws if sees_holder else None,
        "url": settings.BASE_URL + row.get_absolute_url(),
    }
