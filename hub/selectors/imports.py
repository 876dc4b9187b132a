"""Imports of a person, and where the files of a repository came from."""

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import NotFound
from hub.git import reading
from hub.git.errors import GitError
from hub.git.repositories import open_repository
from hub.models import Import, ImportRun, Repository

TRAILER = "Imported-from: "
_RUNS = 10


def imports_of(principal: Principal) -> QuerySet[Import]:
    """A person's own, latest first; staff see those of others at their addresses only."""
    rows = Import.objects.filter(created_by=principal.user) if principal.user else Import.objects.none()
    return (
        rows.defer("paths", "refs").select_related("repository__namespace", "namespace", "created_by").order_by("-id")
    )


def import_for(principal: Principal, key: str) -> Import:
    """Raises NotFound."""
    rows = Import.objects.select_related("repository__namespace", "namespace", "created_by")
    mine = Q(created_by=principal.user) if principal.user else Q(pk__in=[])
    found = None if "\x00" in key else rows.filter(Q() if principal.is_staff else mine, key=key).first()
    if found is None:
        raise NotFound(_("There is no such import among yours."))
    return found


def runs_of(found: Import) -> list[ImportRun]:
    """The latest runs that changed something here, newest first."""
    return list(found.runs.filter(ended_at__isnull=False).order_by("-pk")[:_RUNS])


def import_of(repository: Repository) -> Import | None:
    """Where its files came from, if they came from another hub."""
    rows = Import.objects.defer("paths", "refs").select_related("created_by")
    return rows.filter(repository=repository).exclude(source_commit="").first()


def must_stay_private(repository: Repository) -> bool:
    """Whether it was copied from what is closed to the public."""
    return Import.objects.filter(repository=repository, is_closed=True).exclude(source_commit="").exists()


def is_imported(repository: Repository, commit: str) -> bool:
    """Whether this commit was written by an import: its message says from where, so a crash cannot lose it."""
    found = Import.objects.defer("paths", "refs").filter(repository=repository).first()
    if found is None:
        return False
    return source_commit_of(found, repository, commit) is not None


def source_commit_of(found: Import, repository: Repository, commit: str) -> str | None:
    """The commit of the source that a commit here is the copy of, None when it is none."""
    if found.has_history:
        return commit if _is_of_source(found, repository, commit) else None
    try:
        message = reading.read_commit(open_repository(repository.path), commit).message
    except GitError:
        return None
    start = f"{TRAILER}{found.source_url}@"
    lines = [line for line in message.splitlines() if line.startswith(start)]
    return lines[-1].removeprefix(start) if lines else None


def _is_of_source(found: Import, repository: Repository, commit: str) -> bool:
    """Whether any run brought it, or what builds on it, as it was at the source."""
    tips = {tip for commits in found.runs.values_list("commits", flat=True) for tip in commits}
    return commit in tips or reading.leads_to_any(open_repository(repository.path), commit, sorted(tips))
