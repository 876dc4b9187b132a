"""May this principal offer, buy, refund or decide?"""

from datetime import timedelta

from django.utils import timezone

from accounts.models import Namespace
from accounts.principal import Principal
from accounts.rules import may_administer_namespace
from hub import rules as hub_rules
from hub.models import Repository
from licensing.models import Offer, Order

REFUND_DAYS = 60  # how long a seller may refund by themselves; shares fall due after 90 days


def may_offer(principal: Principal, repository: Repository) -> bool:
    """Sell rights in a repository: those who administer it, for themselves (no job may)."""
    return principal.may_manage and hub_rules.may_administer(principal, repository)


def may_withdraw(principal: Principal, offer: Offer) -> bool:
    return is_seller(principal, offer) or is_deciding_staff(principal)


def is_seller(principal: Principal, offer: Offer) -> bool:
    return principal.may_manage and may_administer_namespace(principal, offer.seller)


def is_deciding_staff(principal: Principal) -> bool:
    return principal.is_staff and principal.may_manage


def may_buy_for(principal: Principal, holder: Namespace) -> bool:
    """Bind a holder to terms and spend its money: its administrators, with session or write token."""
    return principal.may_manage and may_administer_namespace(principal, holder)


def may_refund(principal: Principal, order: Order) -> bool:
    """Staff at any time; the seller of a licence within 60 days of the payment."""
    if is_deciding_staff(principal):
        return True
    if order.quote is None or order.paid_at is None or not is_seller(principal, order.quote.offer):
        return False
    return timezone.now() <= order.paid_at + timedelta(days=REFUND_DAYS)
