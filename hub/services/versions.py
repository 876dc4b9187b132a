"""Recording versions with their credits and lineage."""

from collections.abc import Iterable
from dataclasses import replace

from django.db import transaction

from accounts.models import User
from common.services import audit, outbox
from hub.algorithms import cards, origins, provenance
from hub.algorithms.provenance import Provenance, Source
from hub.enums import RepositoryKind
from hub.git import reading
from hub.git.repositories import open_repository
from hub.models import Repository, Version
from hub.selectors import revisions
from hub.services import copies, crediting, lineage
from hub.services.crediting import PROVENANCE_FILE

MAX_LARGE_FILES = 10_000
MAX_NAME = 200


@transaction.atomic
def record_version(repository: Repository, commit: str, *, user: User | None, job: str = "") -> Version | None:
    """Make a commit of the default branch a version, if it changed what was made.

    Of a commit that was copied from another repository it writes only the line to that one. Else
    it writes credits (the publisher's own is accepted at once, others are asked) and lineage
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
    is_copied = copies.is_copied(repository, commit)
    claims = Provenance() if is_copied else _provenance(repository, commit)
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
    # What was copied was made by others: they are credited in the source, to which the line leads.
    if not is_copied:
        crediting.write(version, claims, previous)
        lineage.write(version, claims)
    copies.write_edge(version, repository, commit if is_copied else repository.copied_commit)
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


def _changes_what_was_made(repository: Repository, commit: str, previous: Version | None) -> bool:
    """Whether large files or the provenance differ from the previous version (or exist at all).

    Also when the commit of the previous version is no part of the history any more: it will
    be pruned, and a version must be there to be fetched and sold.
    """
    repo = open_repository(repository.path)
    if previous is None or not reading.is_part_of(repo, previous.commit, commit):
        revision = revisions.revision_of(repository, commit)
        said = revisions.entries_named(revision, [PROVENANCE_FILE])
        return revisions.has_large_files(revision) or any(not file.is_folder for file in said)
    change = reading.difference(repo, previous.commit, commit)
    paths = [*(entry.path for entry in change.changed), *change.deleted]
    before = (reading.entry(repo, previous.commit, path) for path in paths)
    return _substance(change.changed) != _substance(entry for entry in before if entry is not None)


def _substance(entries: Iterable[reading.TreeEntry]) -> dict[str, str]:
    """What was made, by path: the large files and the provenance."""
    return {
        entry.path: entry.pointer.sha256 if entry.pointer is not None else entry.oid
        for entry in entries
        if not entry.is_folder and (entry.pointer is not None or entry.path == PROVENANCE_FILE)
    }


def _provenance(repository: Repository, commit: str) -> Provenance:
    """wellspring.json; sources that it does not speak of from the card and the configuration files."""
    revision = revisions.revision_of(repository, commit)
    written = provenance.parse(revisions.read_text(revision, PROVENANCE_FILE, limit=provenance.MAX_LENGTH))
    if written is not None and written.names_sources:
        return written
    card = cards.parse(revisions.read_text(revision, "README.md", limit=cards.MAX_LENGTH) or "")
    relation = cards.relation_of(card)
    models = {name: Source(name, "", relation) for name in _names(card.base_models)}
    if repository.kind == RepositoryKind.MODEL:
        adapter = origins.of_adapter(revisions.read_text(revision, origins.ADAPTER_FILE))
        merges = [origins.of_merge(revisions.read_text(revision, file)) for file in origins.MERGE_FILES]
        # Configurations know more than the card: the revision, the ratio.
        models |= {source.repository: source for sources in (adapter, *merges) for source in sources}
    return replace(
        written or Provenance(),
        datasets=tuple(Source(name, "", "dataset") for name in _names(card.datasets)),
        base_models=tuple(models.values()),
    )


def _names(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for name in names if name.count("/") == 1 and len(name) <= MAX_NAME))
