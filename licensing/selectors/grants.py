"""Who may use what, and what a certificate's public page says."""

from collections.abc import Iterable

from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Namespace
from accounts.principal import Principal
from common.errors import NotFound
from hub.models import Repository
from hub.selectors.lineage import version_at
from licensing.enums import GrantState
from licensing.models import Certificate, GrantOfUse, Revocation
from licensing.selectors.people import belongs_to, sees_purchases_of


def grant_for(namespace: Namespace, repository: Repository, commit: str | None = None) -> GrantOfUse | None:
    """The grant by which this name may use this repository commercially now: the one that lasts longest.

    With a commit, one that covers the version which that commit holds.
    """
    now = timezone.now()
    found = (
        GrantOfUse.objects.filter(
            holder=namespace, repository=repository, state=GrantState.ACTIVE, starts_at__lte=now, ends_at__gt=now
        )
        .select_related("offer", "certificate")
        .order_by("-ends_at")
    )
    return next((grant for grant in found if commit is None or _covers(grant, repository, commit)), None)


def grants_hold(keys: Iterable[str]) -> bool:
    """Whether each of these grants permits something at this moment."""
    asked = {int(key) for key in keys}
    return all(grant.holds for grant in GrantOfUse.objects.filter(pk__in=asked))


def certificates_of(keys: Iterable[str]) -> list[Certificate]:
    """Of these grants, in their order: what proves them to others."""
    asked = {int(key) for key in keys}
    return list(Certificate.objects.filter(grant__in=asked).select_related("grant").order_by("grant")) if asked else []


def _covers(grant: GrantOfUse, repository: Repository, commit: str) -> bool:
    """Versions that the grant names, and later ones where it was sold so."""
    if grant.offer.later_versions:
        return True
    version = version_at(repository, commit)
    return version is not None and any(version.number == one["number"] for one in grant.versions)


def grants_that_hold(repository: Repository) -> QuerySet[GrantOfUse]:
    now = timezone.now()
    return GrantOfUse.objects.filter(
        repository=repository, state=GrantState.ACTIVE, starts_at__lte=now, ends_at__gt=now
    )


def licensees_of(repository: Repository) -> dict[str, int]:
    """How many `organisations` and `people` may use it commercially today, each once."""
    is_organisation = Q(holder__organisation__isnull=False)
    return grants_that_hold(repository).aggregate(
        organisations=Count("holder", distinct=True, filter=is_organisation),
        people=Count("holder", distinct=True, filter=~is_organisation),
    )


def grants_visible_to(principal: Principal) -> QuerySet[GrantOfUse]:
    """The licences of the names a person belongs to, newest first."""
    return (
        GrantOfUse.objects.filter(holder__in=belongs_to(principal))
        .select_related("holder", "offer", "certificate", "repository__namespace")
        .order_by("-starts_at", "-pk")
    )


def certificate_named(jti: str) -> Certificate:
    """Public: whoever was shown a certificate may ask for it. Raises NotFound."""
    found = (
        Certificate.objects.select_related("grant__holder", "grant__offer__seller", "grant__order", "revocation")
        .filter(pk=jti)
        .first()
    )
    if found is None:
        raise NotFound(_("No certificate has this number."), hint=_("Compare it with the certificate, sign by sign."))
    return found


def may_see_holder(principal: Principal, certificate: Certificate) -> bool:
    """The holder decides whether the public page names them; the two sides and staff always see it."""
    grant = certificate.grant
    return (
        grant.shows_holder
        or sees_purchases_of(principal, grant.holder)
        or sees_purchases_of(principal, grant.offer.seller)
        or grant.holder_id in belongs_to(principal)
    )


def revocations() -> QuerySet[Revocation]:
    return Revocation.objects.order_by("seq")
