"""Offering commercial rights, and withdrawing the offer."""

import hashlib
import re
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from common.money import ZERO_DECIMAL, InexactAmount, to_minor_units
from common.services import audit, outbox
from common.signing import digest
from hub.enums import RepositoryKind
from hub.models import Repository
from hub.selectors.lineage import latest_version
from licensing import rules
from licensing.algorithms.upstream import Answer
from licensing.enums import OfferState, Outcome, RevenueBand, Use
from licensing.models import Offer
from licensing.selectors import check_upstream
from licensing.services.states import move

CURRENCIES = ("eur", "usd")
# What one Stripe checkout takes, in minor units.
MINIMUM, MAXIMUM = 50, 99_999_999
MAX_TERMS = 100_000  # characters
_ADDED = "Terms required by upstream licences"


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What an offer says beside its terms. `price` in micros before tax; 0 `seats` means any number;
    an empty `territory` is the whole world, else ISO country codes."""

    price: int
    currency: str
    term_days: int = 365
    seats: int = 0
    use: Use = Use.PRODUCT
    territory: tuple[str, ...] = ()
    revenue_band: RevenueBand = RevenueBand.ANY
    later_versions: bool = True


@transaction.atomic
def create_offer(
    repository: Repository,
    *,
    title: str,
    terms_text: str,
    conditions: Conditions,
    by: Principal,
    add_required_text: bool = False,
) -> Offer:
    """Offer rights in the latest version, open at once when the upstream check allows it.

    Text that upstream licences require is added when asked; without it the refusal
    `terms_incomplete` carries the text. Where only a person can decide, the offer stays a draft until
    staff do. Raises Forbidden, Invalid, Conflict (`upstream_refused`, `terms_incomplete`, `no_version`).
    """
    if not rules.may_offer(by, repository):
        raise forbidden()
    assert by.user is not None
    _check(repository, title, terms_text, conditions)
    version = latest_version(repository)
    if version is None:
        raise Conflict(
            _("There is no version to license yet."), hint=_("Push the weights or data first."), code="no_version"
        )
    terms, answer = _checked_terms(repository, _clean(terms_text), add_required_text=add_required_text)
    offer = Offer(
        repository=repository,
        version=version,
        product=f"{repository.kind}:{repository.full_name}",
        seller=repository.namespace,
        title=title.strip(),
        terms_text=terms,
        terms_sha256=text_sha256(terms),
        price=conditions.price,
        currency=conditions.currency,
        term_days=conditions.term_days,
        seats=conditions.seats,
        use=conditions.use,
        territory=" ".join(conditions.territory),
        revenue_band=conditions.revenue_band,
        later_versions=conditions.later_versions,
        outcome=answer.outcome,
        upstream=answer.to_json(),
        created_by=by.user,
    )
    if answer.outcome == Outcome.OK:
        move(offer, OfferState.OPEN)
    offer.save(force_insert=True)
    audit.record("offer.created", str(offer), actor=by, product=offer.product, outcome=offer.outcome)
    if offer.state == OfferState.OPEN:
        _announce(offer)
    return offer


@transaction.atomic
def withdraw_offer(offer: Offer, *, by: Principal) -> Offer:
    """Sell it no more. Quotes that are not paid for lapse; licences that were sold stay."""
    offer = _lock(offer)
    if not rules.may_withdraw(by, offer):
        raise Forbidden(_("Only the seller may withdraw an offer."))
    move(offer, OfferState.WITHDRAWN)
    offer.withdrawn_at = timezone.now()
    offer.save(update_fields=["state", "withdrawn_at"])
    audit.record("offer.withdrawn", str(offer), actor=by)
    return offer


@transaction.atomic
def decide_offer(offer: Offer, *, allow: bool, note: str, by: Principal) -> Offer:
    """Staff decide what the upstream check could not; the decision holds for these findings only."""
    offer = _lock(offer)
    if not rules.is_deciding_staff(by):
        raise Forbidden(_("Only staff decide about upstream licences."))
    if offer.outcome != Outcome.UNKNOWN or offer.state != OfferState.DRAFT:
        raise Conflict(_("There is nothing to decide about this offer."), code="nothing_to_decide")
    if not note.strip():
        raise Invalid(_("Say what the decision rests on."))
    move(offer, OfferState.OPEN if allow else OfferState.WITHDRAWN)
    offer.cleared_by = by.user
    offer.cleared_sha256 = digest(offer.upstream) if allow else ""
    offer.clearance_note = note.strip()[:500]
    offer.save(update_fields=["state", "cleared_by", "cleared_sha256", "clearance_note"])
    audit.record("offer.decided", str(offer), actor=by, allow=allow, note=offer.clearance_note)
    if allow:
        _announce(offer)
    return offer


def require_saleable(offer: Offer) -> Answer:
    """Check again, as of now: lineage may have grown since the offer. Raises Conflict."""
    if offer.state != OfferState.OPEN or offer.repository is None:
        raise Conflict(
            _("This offer is not open."), hint=_("Look at the model's page for another one."), code="offer_closed"
        )
    answer = check_upstream(offer.repository, terms=offer.terms_text)
    cleared = answer.outcome == Outcome.UNKNOWN and digest(answer.to_json()) == offer.cleared_sha256
    if answer.outcome != Outcome.OK and not cleared:
        raise Conflict(
            _("This cannot be sold at the moment: what it was made of has changed since the offer."),
            hint=_("The seller has to make a new offer."),
            code="upstream_changed",
        )
    return answer


def forbidden() -> Forbidden:
    """Why somebody may not offer licences to a repository."""
    return Forbidden(
        _("Only those who administer a repository may offer licences to it."),
        hint=_("Ask an administrator of its owner. A token needs write scope."),
    )


def text_sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def check_amount(micros: int, currency: str) -> None:
    """Raises Invalid unless the processor can take exactly this amount."""
    if currency not in CURRENCIES:
        raise Invalid(_("Prices are in %(names)s.") % {"names": ", ".join(CURRENCIES)}, code="bad_currency")
    try:
        minor = to_minor_units(micros, currency)
    except InexactAmount as error:
        raise Invalid(_("The smallest part of a price is a cent."), code="bad_amount") from error
    if not MINIMUM <= minor <= MAXIMUM:
        raise Invalid(_("A payment is between 0.50 and 999,999.99."), code="bad_amount")


def _check(repository: Repository, title: str, terms_text: str, conditions: Conditions) -> None:
    if repository.kind not in {RepositoryKind.MODEL, RepositoryKind.DATASET}:
        raise Invalid(_("Licences are sold for models and data sets."))
    if not title.strip() or len(title) > 120:
        raise Invalid(_("Give the offer a title of at most 120 characters."))
    if not terms_text.strip() or len(terms_text) > MAX_TERMS:
        raise Invalid(_("Write the terms, in at most 100,000 characters."))
    if "\x00" in terms_text or "\x00" in title:
        raise Invalid(_("The text contains a character that cannot be kept."))
    assert not ZERO_DECIMAL & set(CURRENCIES)
    check_amount(conditions.price, conditions.currency)
    if not 1 <= conditions.term_days <= 36_500:
        raise Invalid(_("The term is between one day and one hundred years."))
    if not 0 <= conditions.seats <= 1_000_000:
        raise Invalid(_("The number of seats is between 0 (any number) and 1,000,000."))
    if any(not re.fullmatch(r"[A-Z]{2}", code) for code in conditions.territory) or len(conditions.territory) > 60:
        raise Invalid(_("Name the territory by two-letter country codes, at most 60, or leave it empty."))


def _checked_terms(repository: Repository, terms: str, *, add_required_text: bool) -> tuple[str, Answer]:
    answer = check_upstream(repository, terms=terms)
    if answer.outcome == Outcome.REFUSED:
        raise Conflict(
            _("Commercial rights in this cannot be sold, because of what it was made of."),
            hint=_("Get a licence from the owners of the works named here, or publish without them."),
            code="upstream_refused",
            upstream=answer.to_json(),
        )
    if answer.missing_text and not add_required_text:
        raise Conflict(
            _("Licences of what it was made of require more text in the terms."),
            hint=_("Add the text, or ask to have it added."),
            code="terms_incomplete",
            upstream=answer.to_json(),
            required_text=answer.missing_text,
        )
    if answer.missing_text:
        terms = f"{terms}\n{_ADDED}\n\n{answer.missing_text}\n"
        answer = check_upstream(repository, terms=terms)
    return terms, answer


def _clean(text: str) -> str:
    """Line ends as one character, so that the hash does not depend on the browser."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip() + "\n"


def _lock(offer: Offer) -> Offer:
    return Offer.objects.select_for_update(of=("self",)).select_related("seller", "repository").get(pk=offer.pk)


def _announce(offer: Offer) -> None:
    outbox.emit("offer.opened", f"{offer}:opened", {"offer": offer.pk, "product": offer.product})
