"""Generation credits of a name: what there is, what came, what went."""

from dataclasses import dataclass
from datetime import datetime

from accounts.models import Namespace
from licensing.enums import BOOKED_ORDERS, OrderKind
from licensing.models import Order
from revenue.enums import LineKind
from revenue.models import RevenueLine
from revenue.selectors import credit_balance

CURRENCIES = ("eur", "usd")


@dataclass(frozen=True)
class CreditMove:
    """One line of the history; `amount` in micros, negative when spent."""

    at: datetime
    amount: int
    currency: str
    order: Order | None = None
    asset: str = ""


def balances_of(namespace: Namespace) -> dict[str, int]:
    """Unspent credits by currency, in micros."""
    return {currency: credit_balance(namespace, currency) for currency in CURRENCIES}


def credit_history(namespace: Namespace, *, limit: int = 50) -> list[CreditMove]:
    """The newest purchases and uses, newest first."""
    orders = Order.objects.filter(holder=namespace, kind=OrderKind.CREDITS, state__in=BOOKED_ORDERS)
    bought = [
        CreditMove(order.paid_at or order.created_at, order.net, order.currency, order=order)
        for order in orders.order_by("-created_at")[:limit]
    ]
    lines = RevenueLine.objects.filter(customer=namespace, kind=LineKind.USAGE).order_by("-id")[:limit]
    spent = [CreditMove(line.effective, -line.net, line.currency, asset=line.asset) for line in lines]
    return sorted(bought + spent, key=lambda move: move.at, reverse=True)[:limit]
