"""From an offer to an agreement: a frozen price, and the acceptance of exact words."""

from dataclasses import asdict, dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Namespace
from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from common.money import micros_per_minor_unit
from common.services import audit
from common.signing import digest
from hub.models import Repository
from hub.selectors import files_at, revision_of
from hub.selectors.lineage import attribution_graph, latest_version
from licensing import rules
from licensing.algorithms.countries import country_code
from licensing.algorithms.tax import RATES, CountryNeeded, Tax, tax_on, vat_country
from licensing.enums import RevenueBand, Use
from licensing.models import Acceptance, Offer, Quote
from licensing.services.offers import require_saleable, text_sha256
from revenue.services.sales import keep_snapshot

VALID_FOR = timedelta(days=14)


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What the buyer says of the company that will hold the licence. `country` by its two letters, needed
    where the offer has a territory or tax is due."""

    revenue_band: RevenueBand
    seats: int
    use: Use
    country: str = ""
    vat_id: str = ""


@transaction.atomic
def make_quote(offer: Offer, *, holder: Namespace, answers: Answers, by: Principal) -> Quote:
    """Freeze price, tax, words, lineage and files for two weeks.

    Raises Forbidden, Invalid, Conflict (`offer_closed`, `upstream_changed`, `not_eligible`, `own_offer`).
    """
    require_buyer(by, holder)
    assert by.user is not None
    offer = Offer.objects.select_for_update(of=("self",)).select_related("repository__namespace").get(pk=offer.pk)
    if rules.is_seller(by, offer):
        raise Conflict(
            _("You administer %(seller)s, who sells this: nobody buys from themselves.")
            % {"seller": offer.seller.name},
            hint=_("Who owns a model needs no licence to it. Somebody else of the buyer may buy it."),
            code="own_offer",
        )
    upstream = require_saleable(offer)
    assert offer.repository is not None
    _check_eligible(offer, answers)
    tax = tax_of(offer.price, offer.currency, country=answers.country, vat_id=answers.vat_id)
    version = latest_version(offer.repository) if offer.later_versions else offer.version
    graph = attribution_graph(offer.repository, version.commit if version else None)
    snapshot = None if graph is None else keep_snapshot(graph)
    quote = Quote.objects.create(
        offer=offer,
        holder=holder,
        requested_by=by.user,
        answers=asdict(answers),
        price=offer.price,
        tax=tax.amount,
        tax_rate=tax.rate,
        tax_rule=tax.rule,
        currency=offer.currency,
        terms_sha256=offer.terms_sha256,
        version=version,
        snapshot_id=None if snapshot is None else snapshot.sha256,
        obligations=upstream.obligations,
        files_sha256=_files_sha256(offer.repository, version.commit) if version else "",
        expires_at=timezone.now() + VALID_FOR,
    )
    audit.record("quote.made", str(quote), actor=by, offer=offer.pk, holder=holder.name, total=quote.total)
    return quote


@transaction.atomic
def accept_terms(
    quote: Quote, *, terms_sha256: str, authority: bool, by: Principal, ip: str | None = None, user_agent: str = ""
) -> Acceptance:
    """Agree, for the holder, to the very words whose SHA-256 is given. The same again changes nothing.

    Raises Conflict when the words are not those of the quote (`terms_changed`), when it has expired
    or its offer is withdrawn; Invalid without authority.
    """
    quote = lock_quote(quote)
    require_buyer(by, quote.holder)
    assert by.user is not None
    standing = Acceptance.objects.filter(quote=quote).first()
    if standing is not None and standing.terms_sha256 == terms_sha256:
        return standing
    require_current(quote)
    current = text_sha256(quote.offer.terms_text)
    if not current == quote.terms_sha256 == terms_sha256:
        raise Conflict(
            _("The terms are not the ones this quote was made for."),
            hint=_("Read the terms again, and ask for a new quote."),
            code="terms_changed",
        )
    if authority is not True:
        raise Invalid(
            _("Confirm that you may agree to this on behalf of %(holder)s.") % {"holder": quote.holder.name},
            code="authority_missing",
        )
    acceptance = Acceptance.objects.create(
        quote=quote,
        user=by.user,
        authority=True,
        terms_text=quote.offer.terms_text,
        terms_sha256=current,
        ip=ip,
        user_agent=user_agent[:300],
    )
    audit.record("terms.accepted", str(quote), actor=by, holder=quote.holder.name, terms_sha256=current)
    return acceptance


def lock_quote(quote: Quote) -> Quote:
    rows = Quote.objects.select_for_update(of=("self",))
    return rows.select_related("offer__repository__namespace", "offer__seller", "holder").get(pk=quote.pk)


def require_buyer(by: Principal, holder: Namespace) -> None:
    if not rules.may_buy_for(by, holder):
        raise Forbidden(
            _("Only an administrator of %(holder)s may buy for it.") % {"holder": holder.name},
            hint=_("Ask an administrator. A token needs write scope."),
            code="not_a_buyer",
        )


def require_current(quote: Quote) -> None:
    """Raises Conflict when the quote has expired, or may no longer be sold."""
    if quote.has_expired:
        raise Conflict(_("This quote has expired."), hint=_("Ask for a new quote."), code="quote_expired")
    require_saleable(quote.offer)


def tax_of(net: int, currency: str, *, country: str, vat_id: str) -> Tax:
    """Tax by the table. Raises Invalid for a country that does not exist or is needed and missing, and for a VAT id
    that has not the form of one where it would count."""
    buyer = require_country(country)
    if vat_id and buyer in RATES and vat_country(vat_id) is None:
        raise Invalid(_("This is not the form of a VAT id of the European Union."), code="bad_vat_id")
    try:
        unit = micros_per_minor_unit(currency)
        return tax_on(net, unit=unit, seller=settings.TAX_COUNTRY, buyer=buyer, vat_id=vat_id)
    except CountryNeeded as error:
        raise Invalid(_("Name the buyer's country, for the tax."), code="country_needed") from error


def require_country(text: str) -> str:
    """Its code, or nothing where nothing was said. Raises Invalid for one that does not exist."""
    code = country_code(text) if text else ""
    if code is None:
        raise Invalid(
            _("There is no country %(code)s.") % {"code": text[:20]},
            hint=_("Name the country of the company by its two letters (ISO 3166), such as DE."),
            code="bad_country",
        )
    return code


def _check_eligible(offer: Offer, answers: Answers) -> None:
    country = require_country(answers.country)
    if offer.territory and not country:
        raise Invalid(_("Name the country of the company by its two letters."), code="bad_country")
    if answers.seats < 1:
        raise Invalid(_("At least one person will use it."), code="bad_seats")
    reasons = []
    if RevenueBand(answers.revenue_band).rank > RevenueBand(offer.revenue_band).rank:
        reasons.append(
            _("It is for companies with a revenue of %(band)s.") % {"band": RevenueBand(offer.revenue_band).label}
        )
    if offer.seats and answers.seats > offer.seats:
        reasons.append(_("It covers %(seats)d seats at most.") % {"seats": offer.seats})
    if Use(answers.use).rank > Use(offer.use).rank:
        reasons.append(_("It covers use %(use)s.") % {"use": Use(offer.use).label})
    if offer.countries and country not in offer.countries:
        reasons.append(_("It is sold in %(countries)s only.") % {"countries": ", ".join(offer.countries)})
    if reasons:
        raise Conflict(_("This offer is not for this company."), hint=" ".join(map(str, reasons)), code="not_eligible")


def _files_sha256(repository: Repository, commit: str) -> str:
    """One hash over the large files of a commit, by path and SHA-256: what the certificate speaks of."""
    files = files_at(revision_of(repository, commit))
    return digest({file.path: file.lfs_sha256 for file in files if file.lfs_sha256})
