"""Which offers and quotes a person sees."""

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import NotFound
from hub.models import Repository
from hub.selectors import repositories_visible_to
from licensing.enums import OfferState
from licensing.models import Offer, Quote
from licensing.selectors.people import administered, sees_purchases_of


def offers_of(repository: Repository) -> QuerySet[Offer]:
    """What may be bought now, cheapest first."""
    offers = Offer.objects.filter(repository=repository, state=OfferState.OPEN)
    return offers.select_related("seller").order_by("currency", "price", "pk")


def offers_visible_to(principal: Principal) -> QuerySet[Offer]:
    """Open offers of repositories that the person sees, all of the names they administer; staff see all."""
    offers = Offer.objects.select_related("seller", "repository__namespace", "version").order_by("-pk")
    if principal.is_staff:
        return offers
    seen = Q(state=OfferState.OPEN, repository__in=repositories_visible_to(principal))
    return offers.filter(seen | Q(seller__in=administered(principal)))


def offer_for(principal: Principal, offer_id: int) -> Offer:
    """Raises NotFound when there is none, or none for these eyes."""
    offer = offers_visible_to(principal).filter(pk=offer_id).first()
    if offer is None:
        raise NotFound(_("There is no such offer."), hint=_("It may have been withdrawn. Look on the model's page."))
    return offer


def quote_for(principal: Principal, quote_id: str) -> Quote:
    """For the administrators of its holder and staff. Raises NotFound."""
    quotes = Quote.objects.select_related("offer__seller", "offer__repository__namespace", "holder", "version")
    quote = quotes.filter(pk=quote_id).first()
    if quote is None or not sees_purchases_of(principal, quote.holder):
        raise NotFound(_("There is no such quote."), hint=_("Only those who may buy for its holder can see a quote."))
    return quote
