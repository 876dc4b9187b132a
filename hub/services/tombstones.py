"""What stays at the address of something that others refer to."""

from hub.models import Repository, Tombstone


def set_up(repository: Repository) -> Tombstone | None:
    """Before a deletion: for what was public and has versions or decided reports; else nothing stays.

    Credits belong to versions, so they stay readable; no content does.
    """
    versions, reports = list(repository.versions.all()), list(repository.reports.exclude(decided_at=None))
    if repository.is_private or not (versions or reports):
        return None
    stone = Tombstone.objects.create(
        kind=repository.kind,
        full_name=repository.full_name,
        created_at=repository.created_at,
        license=repository.license,
    )
    stone.versions.set(versions)
    stone.reports.set(reports)
    return stone
