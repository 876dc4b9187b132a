"""Which orders a person sees."""

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import NotFound
from licensing.models import CreditPack, Order
from licensing.selectors.people import administered
from revenue.models import SaleReversal


def orders_visible_to(principal: Principal) -> QuerySet[Order]:
    """Those of the names the person administers, as buyer or as seller; staff see all. Newest first."""
    orders = Order.objects.select_related(
        "holder", "ordered_by", "quote__offer__seller", "grant__certificate"
    ).order_by("-created_at")
    if principal.is_staff:
        return orders
    own = administered(principal)
    return orders.filter(Q(holder__in=own) | Q(quote__offer__seller__in=own))


def order_for(principal: Principal, order_id: str) -> Order:
    """Raises NotFound when there is none, or none for these eyes."""
    order = orders_visible_to(principal).filter(pk=order_id).first()
    if order is None:
        raise NotFound(_("There is no such order."), hint=_("Only its buyer and its seller can see an order."))
    return order


def reasons_of(order: Order) -> list[str]:
    """Why money of it went back, in the words of who gave it back."""
    rows = SaleReversal.objects.filter(sale__reference=order.reference).order_by("at")
    return list(dict.fromkeys(rows.values_list("reason", flat=True)))


def credit_packs() -> QuerySet[CreditPack]:
    return CreditPack.objects.filter(is_open=True)
