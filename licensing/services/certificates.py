"""Certificates that anybody can check without asking us, and the list of those that no longer hold."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common import signing
from common.errors import Forbidden, Invalid
from common.ids import hex_id
from common.services import audit, outbox
from licensing import rules
from licensing.enums import GrantState, RevocationReason
from licensing.models import Certificate, GrantOfUse, Quote, Revocation
from licensing.selectors import certificate_named, revocations
from licensing.services.states import move

LIST_VALID_FOR = timedelta(days=7)
_LOCK = 7305702  # one line of the revocation list at a time, so that its numbers have no gaps


def issue(grant: GrantOfUse, *, quote: Quote) -> Certificate:
    """Sign what the holder may do; called in the transaction that makes the grant."""
    jti = hex_id()
    now = timezone.now()
    jws = signing.sign(claims_of(grant, quote=quote, jti=jti, issued_at=now))
    audit.record("certificate.issued", str(grant), certificate=jti)
    return Certificate.objects.create(jti=jti, grant=grant, jws=jws, issued_at=now)


def claims_of(grant: GrantOfUse, *, quote: Quote, jti: str, issued_at: datetime) -> dict[str, Any]:
    """What a certificate says (docs/reference/licences.md). Times are whole seconds (RFC 7519)."""
    offer = grant.offer
    return {
        "iss": settings.BASE_URL,
        "jti": jti,
        "sub": grant.holder.name,
        "iat": int(issued_at.timestamp()),
        "nbf": int(grant.starts_at.timestamp()),
        "exp": int(grant.ends_at.timestamp()),
        "order": grant.order_id,
        "lic": {
            "product": grant.product,
            "versions": grant.versions,
            "later_versions": offer.later_versions,
            "offer": offer.pk,
            "seller": offer.seller.name,
            "terms_sha256": quote.terms_sha256,
            "seats": offer.seats,
            "use": offer.use,
            "territory": offer.countries,
            "revenue_band": offer.revenue_band,
            "upstream": quote.obligations,
            "files_sha256": quote.files_sha256,
        },
    }


@transaction.atomic
def revoke(grant: GrantOfUse, *, reason: RevocationReason, by: object = None) -> Revocation:
    """End a grant before its time and put its certificate on the list. Once; the same again changes nothing."""
    grant = GrantOfUse.objects.select_for_update(of=("self",)).select_related("certificate").get(pk=grant.pk)
    standing = Revocation.objects.filter(certificate=grant.certificate).first()
    if standing is not None:
        return standing
    move(grant, GrantState.REVOKED)
    grant.save(update_fields=["state"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    last = Revocation.objects.aggregate(last=Max("seq"))["last"] or 0
    revocation = Revocation.objects.create(
        seq=last + 1, certificate=grant.certificate, reason=reason, at=timezone.now()
    )
    audit.record("grant.revoked", str(grant), actor=by, reason=reason, seq=revocation.seq)
    outbox.emit("grant.revoked", f"{grant}:revoked", {"grant": grant.pk, "reason": reason.value})
    return revocation


def revocation_list() -> dict[str, Any]:
    """Every certificate that no longer holds, as claims; `seq` grows with each line, valid for seven days."""
    lines = [
        {"seq": line.seq, "jti": line.certificate_id, "reason": line.reason, "at": int(line.at.timestamp())}
        for line in revocations()
    ]
    now = timezone.now()
    return {
        "iss": settings.BASE_URL,
        "typ": "revocations",
        "seq": len(lines),
        "iat": int(now.timestamp()),
        "exp": int((now + LIST_VALID_FOR).timestamp()),
        "revoked": lines,
    }


@transaction.atomic
def show_holder(certificate: Certificate, *, show: bool, by: Principal) -> None:
    """Whether the public page of a certificate names its holder."""
    grant = GrantOfUse.objects.select_for_update(of=("self",)).select_related("holder").get(pk=certificate.grant_id)
    if not rules.may_buy_for(by, grant.holder):
        raise Forbidden(_("Only an administrator of the holder decides what the certificate's page shows."))
    grant.shows_holder = show
    grant.save(update_fields=["shows_holder"])
    audit.record("certificate.holder_shown" if show else "certificate.holder_hidden", str(grant), actor=by)


def read(text: str) -> Certificate:
    """The certificate in a pasted text, after its signature was checked. Raises Invalid, NotFound."""
    token = "".join(text.split())
    try:
        claims = signing.verify(token, ignore_times=True)
    except signing.SignatureInvalid as error:
        raise Invalid(
            _("This is not a certificate of ours, or it was changed."),
            hint=_("Paste the whole text of the file, from the first sign to the last."),
            code="signature_invalid",
        ) from error
    if "lic" not in claims:
        raise Invalid(_("This is signed by us, but it is not a certificate."), code="not_a_certificate")
    return certificate_named(str(claims.get("jti", "")))


def hidden() -> Forbidden:
    """Why the text of a certificate is not given out."""
    return Forbidden(
        _("The holder of this certificate is not shown in public."),
        hint=_("Ask the holder for the certificate itself, and check it at /verify."),
        code="holder_hidden",
    )


def status_of(certificate: Certificate) -> str:
    """valid, not_yet, expired or revoked, at this moment."""
    grant, now = certificate.grant, timezone.now()
    if grant.state == GrantState.REVOKED:
        return "revoked"
    if now >= grant.ends_at:
        return "expired"
    return "valid" if now >= grant.starts_at else "not_yet"
