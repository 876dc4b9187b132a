from licensing.models.grants import Certificate, GrantOfUse, Revocation
from licensing.models.offers import Acceptance, Offer, Quote
from licensing.models.orders import CreditPack, Order, StripeEvent

__all__ = [
    "Acceptance",
    "Certificate",
    "CreditPack",
    "GrantOfUse",
    "Offer",
    "Order",
    "Quote",
    "Revocation",
    "StripeEvent",
]
