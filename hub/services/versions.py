"""Recording versions with their credits and lineage, and answering for them."""

from django.db import transaction
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.principal import Principal
from accounts.rules import may_write_namespace
from common.errors import Conflict, Forbidden
from common.services import audit, outbox
from hub.algorithms import provenance
from hub.algorithms.provenance import CreditClaim, Provenance, Source
from hub.enums import CreditRole, CreditState, EdgeKind, Evidence, RepositoryKind
from hub.git import reading
from hub.git.repositories import open_repository
from hub.models import Credit, LineageEdge, Repository, Version
from hub.rules import may_read
from hub.selectors import revisions
from hub.selectors.lineage import latest_version
from hub.selectors.repositories import repository_named

PROVENANCE_FILE = "wellspring.json"
MAX_LARGE_FILES = 10_000
MAX_NAME = 200


@transaction.atomic
def record_version(repository: Repository, commit: str, *, user: User | None, job: str = "") -> Version | None:
    """Make a commit of the default branch a version, if it changed what was made.

    Writes credits (the publisher's own is accepted at once, others are asked) and lineage
    from wellspring.json and the card; emits `version.published`. A commit already recorded
    gives its version again; one that changed nothing but words gives None.
    """
    repository = Repository.objects.select_for_update(of=("self",)).select_related("namespace").get(pk=repository.pk)
    versions = Version.objects.filter(repository=repository)
    if existing := versions.filter(commit=commit).first():
        return existing
    previous = versions.order_by("-number").first()
    if not _changes_what_was_made(repository, commit, previous):
        return None
    claims = _provenance(repository, commit)
    version = Version.objects.create(
        repository=repository,
        asset=f"{repository.kind}:{repository.full_name}",
        owner=repository.namespace.name,
        number=previous.number + 1 if previous else 1,
        commit=commit,
        published_by=user,
        job=job,
        recipe=claims.recipe,
        recipe_version=claims.recipe_version,
        metrics=claims.metrics,
    )
    _write_credits(version, claims, previous)
    _write_edges(version, claims)
    audit.record("version.published", str(repository), actor=user, commit=commit, number=version.number, job=job)
    outbox.emit(
        "version.published",
        f"version:{version.pk}",
        {
            "version": version.pk,
            "repository": repository.pk,
            "full_name": repository.full_name,
            "kind": repository.kind,
            "commit": commit,
            "job": job,
        },
    )
    return version


@transaction.atomic
def answer_credit(credit: Credit, *, accept: bool, by: Principal) -> Credit:
    """Agree to be named, or decline. An accepted credit is permanent."""
    credit = Credit.objects.select_for_update().get(pk=credit.pk)
    if by.user is None or by.user.pk != credit.user_id or not by.may_manage:
        raise Forbidden(_("Only the person who is named can answer."))
    if credit.state == CreditState.ACCEPTED and not accept:
        raise Conflict(_("This credit was accepted and is permanent."))
    credit.state = CreditState.ACCEPTED if accept else CreditState.DECLINED
    credit.answered_at = timezone.now()
    credit.save(update_fields=["state", "answered_at"])
    audit.record(f"credit.{credit.state}", f"version:{credit.version_id}", actor=by)
    return credit


@transaction.atomic
def confirm_edge(edge: LineageEdge, *, by: Principal) -> LineageEdge:
    """The people of the source agree that this was made out of it; from now on it is paid."""
    edge = LineageEdge.objects.select_for_update(of=("self",)).select_related("parent__namespace").get(pk=edge.pk)
    if edge.parent is None or not by.may_manage or not may_write_namespace(by, edge.parent.namespace):
        raise Forbidden(_("Only those who may write to the source can confirm this."))
    if edge.evidence == Evidence.CLAIMED:
        edge.evidence = Evidence.CONFIRMED
        edge.confirmed_by = by.user
        edge.parent_version = edge.parent_version or latest_version(edge.parent, edge.parent_commit or None)
        edge.save(update_fields=["evidence", "confirmed_by", "parent_version"])
        audit.record("lineage.confirmed", f"version:{edge.version_id}", actor=by, parent=edge.parent_name)
    return edge


def _changes_what_was_made(repository: Repository, commit: str, previous: Version | None) -> bool:
    """Whether large files or the provenance differ from the previous version (or exist at all).

    Also when the commit of the previous version is no part of the history any more: it will
    be pruned, and a version must be there to be fetched and sold.
    """
    now = _substance(repository, commit)
    if previous is None or not reading.is_part_of(open_repository(repository.path), previous.commit, commit):
        return bool(now)
    return now != _substance(repository, previous.commit)


def _substance(repository: Repository, commit: str) -> dict[str, str]:
    files = revisions.files_at(revisions.revision_of(repository, commit))
    return {
        file.path: file.lfs_sha256 or file.oid
        for file in files
        if not file.is_folder and (file.lfs_sha256 or file.path == PROVENANCE_FILE)
    }


def _provenance(repository: Repository, commit: str) -> Provenance:
    """wellspring.json, or what the card says when there is none."""
    revision = revisions.revision_of(repository, commit)
    written = provenance.parse(revisions.read_text(revision, PROVENANCE_FILE, limit=provenance.MAX_LENGTH))
    if written is not None:
        return written
    card = repository.card
    return Provenance(
        datasets=tuple(Source(name, "", "dataset") for name in _names(card.get("datasets"))),
        base_models=tuple(Source(name, "", _relation(card)) for name in _names(card.get("base_model"))),
    )


def _relation(card: dict[str, object]) -> str:
    relation = card.get("base_model_relation")
    return relation if isinstance(relation, str) and relation in EdgeKind.values else EdgeKind.FINETUNE.value


def _names(value: object) -> list[str]:
    names = value if isinstance(value, list) else [value]
    texts = [name for name in names if isinstance(name, str) and len(name) <= MAX_NAME]
    return list(dict.fromkeys(name for name in texts if name.count("/") == 1))


def _write_credits(version: Version, claims: Provenance, previous: Version | None) -> None:
    """Named people in their order; without a list those of the last version go on, and the publisher joins."""
    wanted = list(claims.credits)
    if not wanted and previous is not None:
        kept = previous.credits.filter(state=CreditState.ACCEPTED).select_related("user").order_by("position", "id")
        wanted = [CreditClaim(credit.user.username, tuple(credit.roles), credit.points) for credit in kept]
    publisher = version.published_by
    if publisher is not None and publisher.username.lower() not in {claim.user.lower() for claim in wanted}:
        wanted.append(CreditClaim(publisher.username, ()))
    agreed = (
        set(previous.credits.filter(state=CreditState.ACCEPTED).values_list("user_id", flat=True))
        if previous
        else set()
    )
    names = [claim.user.lower() for claim in wanted]
    people = {user.username.lower(): user for user in User.objects.alias(key=Lower("username")).filter(key__in=names)}
    now = timezone.now()
    rows = []
    for position, claim in enumerate(wanted):
        user = people.get(claim.user.lower())
        if user is None:
            continue
        # Whoever publishes has agreed; whoever agreed to the last version is not asked again for the next.
        accepted = user == publisher or user.pk in agreed
        rows.append(
            Credit(
                version=version,
                user=user,
                position=position,
                roles=[role for role in claim.roles if role in CreditRole.values],
                points=claim.points,
                state=CreditState.ACCEPTED if accepted else CreditState.ASKED,
                answered_at=now if accepted else None,
            )
        )
    Credit.objects.bulk_create(rows)


def _write_edges(version: Version, claims: Provenance) -> None:
    rows: dict[tuple[str, str, str], LineageEdge] = {}
    for source in claims.datasets:
        _add_edge(rows, version, source, EdgeKind.DATASET, RepositoryKind.DATASET)
    for source in claims.base_models:
        kind = EdgeKind(source.kind) if source.kind in EdgeKind.values else EdgeKind.FINETUNE
        _add_edge(rows, version, source, kind, RepositoryKind.MODEL)
    LineageEdge.objects.bulk_create(rows.values())


def _add_edge(
    rows: dict[tuple[str, str, str], LineageEdge],
    version: Version,
    source: Source,
    kind: EdgeKind,
    parent_kind: RepositoryKind,
) -> None:
    parent = repository_named(parent_kind, source.repository)
    if parent is not None and parent.pk == version.repository_id:
        return
    if parent is not None and not may_read(Principal(user=version.published_by), parent):
        parent = None  # a claim must not tell what somebody else's private repository is or is made of
    evidence = Evidence.CLAIMED
    confirmed_by = None
    if parent is not None and version.job:
        evidence = Evidence.JOB
    elif parent is not None and _publisher_writes(version, parent):
        evidence, confirmed_by = Evidence.CONFIRMED, version.published_by
    rows[kind, parent_kind, source.repository.lower()] = LineageEdge(
        version=version,
        kind=kind,
        parent_kind=parent_kind,
        parent_name=source.repository,
        parent=parent,
        parent_version=latest_version(parent, source.revision or None) if parent is not None else None,
        parent_commit=source.revision[:40],
        weight=source.weight,
        evidence=evidence,
        confirmed_by=confirmed_by,
    )


def _publisher_writes(version: Version, parent: Repository) -> bool:
    return version.published_by is not None and may_write_namespace(
        Principal(user=version.published_by), parent.namespace
    )
