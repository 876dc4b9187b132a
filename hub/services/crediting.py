"""Who made a version: asking, answering, claiming, sealing."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.principal import Principal
from common import signing
from common.errors import Conflict, Forbidden, Invalid
from common.services import audit
from hub import rules
from hub.algorithms import provenance
from hub.algorithms.provenance import CreditClaim, Provenance
from hub.enums import CreditRole, CreditState
from hub.models import Credit, CreditSeal, Mention, Repository, Version
from hub.selectors import head_commit, revisions
from hub.selectors.credits import accepted_credits, corrections_of, users_named
from hub.services import commits

PROVENANCE_FILE = "wellspring.json"
SEAL = "wellspring.credits.v1"


def write(version: Version, claims: Provenance, previous: Version | None) -> None:
    """Named people in their order; without a list those of the last version go on, and the publisher joins.

    Whoever publishes has agreed; whoever agreed to the last version is not asked again for the next.
    """
    wanted = list(claims.credits) or (_of_the_last(previous) if previous is not None else [])
    publisher = version.published_by
    if publisher is not None and publisher.username.lower() not in {claim.user.lower() for claim in wanted}:
        wanted.append(CreditClaim(publisher.username, ()))
    agreed = set(accepted_credits(previous).values_list("user_id", flat=True)) if previous is not None else set()
    people = _people(wanted)
    now = timezone.now()
    named: dict[int, Credit] = {}
    mentions = []
    for position, claim in enumerate(wanted):
        roles = [role for role in claim.roles if role in CreditRole.values]
        user = people.get(claim.user.lower() or claim.orcid)
        if user is not None:
            accepted = user == publisher or user.pk in agreed
            named.setdefault(
                user.pk,
                Credit(
                    version=version,
                    user=user,
                    position=position,
                    roles=roles,
                    points=claim.points,
                    state=CreditState.ACCEPTED if accepted else CreditState.ASKED,
                    answered_at=now if accepted else None,
                ),
            )
        elif not claim.user:
            mentions.append(
                Mention(
                    version=version,
                    name=claim.name,
                    orcid=claim.orcid,
                    position=position,
                    roles=roles,
                    points=claim.points,
                )
            )
    Credit.objects.bulk_create(named.values())
    Mention.objects.bulk_create(mentions)
    seal(version)


@transaction.atomic
def answer(credit: Credit, *, accept: bool, by: Principal) -> Credit:
    """Agree to be named, or decline. An accepted credit is permanent."""
    Version.objects.select_for_update().get(pk=credit.version_id)  # seals come one after the other
    credit = Credit.objects.select_for_update(of=("self",)).select_related("version").get(pk=credit.pk)
    if by.user is None or by.user.pk != credit.user_id or not by.may_manage:
        raise Forbidden(_("Only the person who is named can answer."))
    if credit.state == CreditState.ACCEPTED:
        if accept:
            return credit
        raise Conflict(
            _("This credit was accepted and is permanent."), hint=_("If it is wrong, open a dispute about it.")
        )
    credit.state = CreditState.ACCEPTED if accept else CreditState.DECLINED
    credit.answered_at = timezone.now()
    credit.save(update_fields=["state", "answered_at"])
    audit.record(f"credit.{credit.state}", f"version:{credit.version_id}", actor=by)
    if accept:
        seal(credit.version)
    return credit


@transaction.atomic
def claim(mention: Mention, *, by: Principal) -> Credit:
    """Say that one is the person who was named by an ORCID iD, which ORCID has confirmed to be one's own.

    From then on it is a credit that waits for the person's answer. Claiming again gives the same one.
    """
    mention = Mention.objects.select_for_update().get(pk=mention.pk)
    user = by.user
    if user is None or not by.may_manage or not mention.orcid:
        raise Forbidden(_("Only the person who is named can claim this."))
    if user.orcid != mention.orcid or user.orcid_verified_at is None:
        raise Forbidden(
            _("Your account has no confirmed ORCID iD that is the one named here."),
            hint=_("Confirm it under Settings, Identity."),
        )
    if Credit.objects.filter(version=mention.version_id, user=user).exclude(mention=mention).exists():
        raise Conflict(_("You are named in this version already."))
    credit, is_new = Credit.objects.get_or_create(
        mention=mention,
        defaults={
            "version_id": mention.version_id,
            "user": user,
            "position": mention.position,
            "roles": mention.roles,
            "points": mention.points,
        },
    )
    if is_new:
        audit.record("credit.claimed", f"version:{mention.version_id}", actor=by, orcid=mention.orcid)
    return credit


@transaction.atomic
def write_list(repository: Repository, claims: Sequence[CreditClaim], *, by: Principal) -> str:
    """Commit the credits of the next version into wellspring.json, everything else in it as it was.

    The caller has checked that the person sees the repository. Returns the commit. Raises Forbidden, Invalid.
    """
    if not rules.may_write(by, repository):
        raise Forbidden(_("Only those who may write to this repository can name who made it."))
    _check_names(claims)
    head = head_commit(repository, repository.default_branch)
    text = None
    if head:
        revision = revisions.revision_of(repository, head)
        text = revisions.read_text(revision, PROVENANCE_FILE, limit=provenance.MAX_LENGTH)
    try:
        written = provenance.with_credits(text, tuple(claims))
    except (ValueError, RecursionError) as error:
        raise Invalid(
            _("wellspring.json cannot be read, so its credits cannot be changed here."),
            hint=_("Mend the file first."),
        ) from error
    operation = commits.AddBytes(PROVENANCE_FILE, written.encode())
    branch = repository.default_branch
    return commits.commit(repository, [operation], by=by, message="Name who made this", branch=branch).oid


def seal(version: Version) -> CreditSeal | None:
    """Write down, hash and sign who made this version as it stands now; nothing when that is sealed already."""
    last = version.seals.order_by("-sequence").first()
    sequence = last.sequence + 1 if last else 1
    body = {
        "type": SEAL,
        "version": version.key,
        "number": version.number,
        "sequence": sequence,
        "previous": last.sha256 if last else "",
        "credits": [_stated(credit) for credit in accepted_credits(version).select_related("user")],
        "corrections": [
            {
                "user": row.user.username,
                "orcid": row.user.orcid if row.user.orcid_verified_at else "",
                "roles": row.roles,
                "points": row.points,
            }
            for row in corrections_of(version)
        ],
    }
    if not body["credits"]:
        return None
    return CreditSeal.objects.create(
        version=version,
        sequence=sequence,
        body=signing.canonical(body).decode(),
        sha256=signing.digest(body),
        signature=signing.sign(claims_of(version.key, sequence, signing.digest(body))),
    )


def claims_of(key: str, sequence: int, sha256: str) -> dict[str, object]:
    """What the signature over a seal says."""
    return {"type": SEAL, "sub": key, "sequence": sequence, "sha256": sha256}


def _stated(credit: Credit) -> dict[str, object]:
    assert credit.answered_at is not None
    return {
        "user": credit.user.username,
        "orcid": credit.user.orcid if credit.user.orcid_verified_at else "",
        "position": credit.position,
        "roles": credit.roles,
        "points": credit.points,
        "accepted_at": credit.answered_at.isoformat(),
    }


def _of_the_last(previous: Version) -> list[CreditClaim]:
    """Those who agreed to the last version, as a dispute may have corrected it, and those named from outside."""
    corrected = corrections_of(previous)
    rows = corrected or accepted_credits(previous).select_related("user")
    people = [(row.position, CreditClaim(row.user.username, tuple(row.roles), row.points)) for row in rows]
    outside = [
        (row.position, CreditClaim("", tuple(row.roles), row.points, row.name, row.orcid))
        for row in previous.mentions.filter(credit__isnull=True)
    ]
    return [claim for _position, claim in sorted(people + outside, key=lambda entry: entry[0])]


def _people(claims: Sequence[CreditClaim]) -> dict[str, User]:
    """People by small user name, and by confirmed ORCID iD."""
    names = [claim.user.lower() for claim in claims if claim.user]
    iids = [claim.orcid for claim in claims if claim.orcid]
    found = {user.username.lower(): user for user in users_named(names)}
    confirmed = User.objects.filter(orcid__in=iids, orcid_verified_at__isnull=False)
    return found | {user.orcid: user for user in confirmed}


def _check_names(claims: Sequence[CreditClaim]) -> None:
    people = _people(claims)
    unknown = [claim.user for claim in claims if claim.user and claim.user.lower() not in people]
    if unknown:
        raise Invalid(
            _("Nobody here is called %(name)s.") % {"name": unknown[0]},
            hint=_("Name people who are not on this site by their name and ORCID iD."),
        )
    who = [people[claim.user.lower()].pk if claim.user else claim.orcid or claim.name for claim in claims]
    if len(who) != len(set(who)):
        raise Invalid(_("Somebody is named twice."))
