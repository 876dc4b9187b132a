"""What must hold between orders, books, licences and certificates (`manage.py audit`)."""

from django.db.models import Exists, OuterRef, Q, Sum
from django.db.models.functions import Coalesce

from common import signing
from common.services.auditing import auditor
from licensing.enums import BOOKED_ORDERS, GrantState, OrderKind, OrderState
from licensing.models import Certificate, GrantOfUse, Order, Revocation
from revenue.enums import SaleKind
from revenue.models import Sale, SaleFee, SaleReversal

_PREFIX = "order:"


@auditor("licensing: every paid order is booked once, at its amount")
def orders_are_booked() -> list[str]:
    sales = {sale.reference: sale for sale in Sale.objects.filter(reference__startswith=_PREFIX)}
    late = dict(SaleFee.objects.filter(key__endswith=":fee").values_list("key", "amount"))
    back = dict(SaleReversal.objects.values_list("sale__reference").annotate(total=Coalesce(Sum("amount"), 0)))
    found = []
    for order in Order.objects.filter(state__in=BOOKED_ORDERS).iterator():
        sale = sales.get(order.reference)
        if sale is None:
            found.append(f"{order} is paid and not booked.")
            continue
        booked = (sale.kind, sale.customer_id, sale.currency, sale.gross, sale.tax)
        if booked != (order.kind, order.holder_id, order.currency, order.gross, order.tax):
            found.append(f"{order} is booked as something else.")
        if sale.fee + late.get(f"{order.reference}:fee", 0) != (order.fee or 0):
            found.append(f"{order} has a fee of {order.fee}, the books have another.")
        if back.get(order.reference, 0) != order.refunded:
            found.append(f"{order} gave {order.refunded} back, the books say {back.get(order.reference, 0)}.")
    return found


@auditor("licensing: every sale of a licence has its paid order")
def sales_have_orders() -> list[str]:
    paid = set(Order.objects.filter(state__in=BOOKED_ORDERS).values_list("pk", flat=True))
    ours = Sale.objects.filter(kind=SaleKind.LICENCE, reference__regex=r"^order:[0-9a-f]{24}$")
    references = ours.values_list("reference", flat=True)
    return [f"The sale {name} has no paid order." for name in references if name.removeprefix(_PREFIX) not in paid]


@auditor("licensing: every paid licence has one grant and one certificate, nothing else has")
def grants_are_paid() -> list[str]:
    orders = Order.objects.annotate(
        granted=Exists(GrantOfUse.objects.filter(order=OuterRef("pk"))),
        certified=Exists(Certificate.objects.filter(grant__order=OuterRef("pk"))),
    )
    due = Q(kind=OrderKind.LICENCE, state__in=BOOKED_ORDERS)
    lacking = orders.filter(due).exclude(granted=True, certified=True)
    surplus = orders.exclude(due).filter(granted=True)
    return [f"{order} is paid and has no grant or certificate." for order in lacking] + [
        f"{order} has a grant that nobody paid for." for order in surplus
    ]


@auditor("licensing: every certificate verifies and says what its grant says")
def certificates_verify() -> list[str]:
    found = []
    for certificate in Certificate.objects.select_related("grant__offer__seller", "grant__holder").iterator():
        try:
            claims = signing.verify(certificate.jws, ignore_times=True)
        except signing.SignatureInvalid as error:
            found.append(f"Certificate {certificate} does not verify: {error}.")
            continue
        grant = certificate.grant
        stated = (claims["jti"], claims["order"], claims["lic"]["product"], claims["exp"])
        if stated != (certificate.jti, grant.order_id, grant.product, int(grant.ends_at.timestamp())):
            found.append(f"Certificate {certificate} says something else than its grant.")
    return found


@auditor("licensing: the revocation list has no gaps and names exactly the licences that were revoked")
def revocations_are_complete() -> list[str]:
    numbers = list(Revocation.objects.order_by("seq").values_list("seq", flat=True))
    found = [] if numbers == list(range(1, len(numbers) + 1)) else ["The numbers of the revocation list have gaps."]
    unlisted = GrantOfUse.objects.filter(state=GrantState.REVOKED, certificate__revocation__isnull=True)
    found += [f"{grant} is revoked and not listed." for grant in unlisted]
    listed = GrantOfUse.objects.exclude(state=GrantState.REVOKED).filter(certificate__revocation__isnull=False)
    found += [f"{grant} is listed and not revoked." for grant in listed]
    gone = Order.objects.filter(
        kind=OrderKind.LICENCE, state__in=[OrderState.REFUNDED, OrderState.CHARGED_BACK]
    ).exclude(grant__state=GrantState.REVOKED)
    return found + [f"{order} got its money back and kept the licence." for order in gone]
