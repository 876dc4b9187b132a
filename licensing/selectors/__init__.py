from licensing.selectors.grants import (
    certificate_named,
    grant_for,
    grants_visible_to,
    may_see_holder,
    revocations,
)
from licensing.selectors.offers import offer_for, offers_of, offers_visible_to, quote_for
from licensing.selectors.orders import credit_packs, order_for, orders_visible_to
from licensing.selectors.upstream import check_upstream, licence_conflicts, licence_id

__all__ = [
    "certificate_named",
    "check_upstream",
    "credit_packs",
    "grant_for",
    "grants_visible_to",
    "licence_conflicts",
    "licence_id",
    "may_see_holder",
    "offer_for",
    "offers_of",
    "offers_visible_to",
    "order_for",
    "orders_visible_to",
    "quote_for",
    "revocations",
]
