"""States with the moves they allow, and the words of offers and licences."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class OfferState(TextChoices):
    DRAFT = "draft", _("draft")
    OPEN = "open", _("open")
    WITHDRAWN = "withdrawn", _("withdrawn")


class OrderKind(TextChoices):
    LICENCE = "licence", _("commercial licence")
    CREDITS = "credits", _("generation credits")


class OrderState(TextChoices):
    AWAITING_PAYMENT = "awaiting_payment", _("waiting for the payment")
    PAID = "paid", _("paid")
    CANCELLED = "cancelled", _("cancelled")
    EXPIRED = "expired", _("expired")
    REFUNDED = "refunded", _("refunded")
    DISPUTED = "disputed", _("disputed by the cardholder's bank")
    CHARGED_BACK = "charged_back", _("lost to a dispute")


class GrantState(TextChoices):
    ACTIVE = "active", _("active")
    EXPIRED = "expired", _("expired")
    REVOKED = "revoked", _("revoked")


OFFER_MOVES = {
    OfferState.DRAFT: {OfferState.OPEN, OfferState.WITHDRAWN},
    OfferState.OPEN: {OfferState.WITHDRAWN},
    OfferState.WITHDRAWN: set(),
}
# Money that came is booked even if we had given up on it; money that went back may still be disputed.
ORDER_MOVES = {
    OrderState.AWAITING_PAYMENT: {OrderState.PAID, OrderState.CANCELLED, OrderState.EXPIRED},
    OrderState.CANCELLED: {OrderState.PAID},
    OrderState.EXPIRED: {OrderState.PAID},
    OrderState.PAID: {OrderState.REFUNDED, OrderState.DISPUTED, OrderState.CHARGED_BACK},
    OrderState.DISPUTED: {OrderState.PAID, OrderState.REFUNDED, OrderState.CHARGED_BACK},
    OrderState.REFUNDED: set(),
    OrderState.CHARGED_BACK: set(),
}
GRANT_MOVES = {
    GrantState.ACTIVE: {GrantState.EXPIRED, GrantState.REVOKED},
    GrantState.EXPIRED: {GrantState.REVOKED},
    GrantState.REVOKED: set(),
}
# Orders that still are, or became, somebody's money: a quote has one of them at most.
LIVE_ORDERS = (
    OrderState.AWAITING_PAYMENT,
    OrderState.PAID,
    OrderState.REFUNDED,
    OrderState.DISPUTED,
    OrderState.CHARGED_BACK,
)
BOOKED_ORDERS = (OrderState.PAID, OrderState.REFUNDED, OrderState.DISPUTED, OrderState.CHARGED_BACK)


class RevenueBand(TextChoices):
    """How large the company is that may take an offer, by yearly revenue; smallest first."""

    UNDER_1M = "under-1m", _("up to 1 million a year")
    UNDER_10M = "under-10m", _("up to 10 million a year")
    UNDER_100M = "under-100m", _("up to 100 million a year")
    ANY = "any", _("any revenue")

    @property
    def rank(self) -> int:
        return list(RevenueBand).index(self)

    @classmethod
    def of(cls, annual_revenue: int) -> "RevenueBand":
        """The band of a yearly revenue in whole units of the offer's currency."""
        limits = {cls.UNDER_1M: 10**6, cls.UNDER_10M: 10**7, cls.UNDER_100M: 10**8}
        return next((band for band, limit in limits.items() if annual_revenue <= limit), cls.ANY)


class Use(TextChoices):
    """What the licence is for; each includes those before it."""

    INTERNAL = "internal", _("inside the company")
    PRODUCT = "product", _("in products and services for customers")
    SUBLICENCE = "sublicence", _("to build and license further models")

    @property
    def rank(self) -> int:
        return list(Use).index(self)


class Outcome(TextChoices):
    """What the upstream check says of a sale, best first; the worst finding decides."""

    OK = "ok", _("may be sold")
    FIXABLE = "fixable", _("may be sold once the terms say more")
    UNKNOWN = "unknown", _("a person has to decide")
    REFUSED = "refused", _("may not be sold")

    @property
    def rank(self) -> int:
        return list(Outcome).index(self)


class Reason(TextChoices):
    """Why the upstream check says so of one work."""

    OWN = "own", _("It is the seller's own work.")
    FREE = "free", _("Its licence asks for nothing.")
    NO_REACH = "no_reach", _("Its licence does not reach this far.")
    GRANTED = "granted", _("The seller holds a licence that permits this.")
    SAID = "said", _("The terms say what its licence asks for.")
    NOTICE = "notice", _("Its licence asks that it is named and its notices are kept.")
    RESTRICTIONS = "restrictions", _("Its use restrictions have to be part of the terms.")
    AGREEMENT = "agreement", _("Its licence agreement has to be passed on.")
    NONCOMMERCIAL = "noncommercial", _("Its licence forbids commercial use; its owner has to permit this.")
    NO_DERIVATIVES = "no_derivatives", _("Its licence forbids changed versions; its owner has to permit this.")
    SHARE_ALIKE = "share_alike", _("Its licence allows no further conditions; its owner has to permit this.")
    MAKER_ONLY = "maker_only", _("Only its maker sells commercial rights; the seller needs a licence from them.")
    UNSETTLED = "unsettled", _("It is not settled whether its licence reaches models made with it.")
    NOT_KNOWN = "not_known", _("Its licence is not named or not known here.")
    HIDDEN_TERMS = "hidden_terms", _("Its card names another licence, whose text has to be read.")


class Clash(TextChoices):
    """What a card's licence permits and that of a work upstream does not."""

    CHANGES = "changes", _("Its licence forbids changed versions.")
    COMMERCIAL = "commercial", _("Its licence forbids commercial use, and the one named here allows it.")
    SHARE_ALIKE = "share_alike", _("Its licence has to be kept, and another one is named here.")
    CONDITIONS = "conditions", _("Its conditions have to be passed on, and the licence named here drops them.")


class RevocationReason(TextChoices):
    REFUND = "refund", _("the payment was refunded")
    DISPUTE = "dispute", _("the payment was lost to a dispute")
    MISUSE = "misuse", _("the terms were broken")
