"""The end of job folders: after some days, or when somebody who may change the job wants it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Conflict, Forbidden
from common.services import audit
from compute.journal import JobFolder
from compute.keeping import keep_what_is_shown, remove
from compute.models import Job
from compute.rules import may_change
from compute.selectors import folder_is_awaited, jobs_with_old_folders

logger = logging.getLogger(__name__)

TRASH = ".deleted"
MOST_AT_ONCE = 200  # folders in one sweep; the next one takes the others


@transaction.atomic
def delete_files(job: Job, *, by: Principal) -> Job:
    """Have the folder of an ended job deleted soon; asking again changes nothing. Raises Forbidden, Conflict."""
    if not may_change(by, job):
        raise Forbidden(
            _("Only those who may submit jobs for %(namespace)s may delete their files.")
            % {"namespace": job.namespace.name}
        )
    job = Job.objects.select_for_update().get(pk=job.pk)
    if not job.is_over:
        raise Conflict(
            _("The job %(id)s has not ended yet.") % {"id": job.id},
            hint=_("Cancel it; when it is over its files can be deleted."),
        )
    if folder_is_awaited(job):
        raise Conflict(
            _("Another job goes on from the folder of the job %(id)s.") % {"id": job.id},
            hint=_("Wait for the end of that job, or cancel it."),
        )
    if job.files_unwanted_at is None and job.files_deleted_at is None:
        job.files_unwanted_at = timezone.now()
        job.save(update_fields=["files_unwanted_at"])
        audit.record("job.files_unwanted", job.reference, actor=by)
        transaction.on_commit(lambda: current_app.send_task("compute.tasks.clear_folders"), robust=True)
    return job


def clear_folders(*, now: datetime | None = None) -> int:
    """Delete the folders whose time has come, and what an earlier sweep could not finish; gives their number."""
    trash = Path(settings.JOBS_ROOT) / TRASH
    trash.mkdir(parents=True, exist_ok=True, mode=0o700)
    cleared = 0
    for pk in jobs_with_old_folders(now)[:MOST_AT_ONCE]:
        with _told(pk):
            cleared += _clear(pk, trash, now or timezone.now())
    for path in trash.iterdir():
        with _told(path.name):
            remove(path)
    return cleared


@contextmanager
def _told(job: str) -> Iterator[None]:
    """A folder that cannot be deleted is in nobody's way; the next sweep tries again."""
    try:
        yield
    except OSError:
        logger.exception("a folder stays", extra={"job": job})


@transaction.atomic
def _clear(pk: str, trash: Path, now: datetime) -> bool:
    """Out of the way by one rename, under the lock that a job which wants to go on from it has to wait for."""
    job = Job.objects.select_for_update(skip_locked=True).filter(pk=pk, files_deleted_at=None).first()
    if job is None or folder_is_awaited(job):
        return False
    folder = JobFolder(settings.JOBS_ROOT, job.id)
    keep_what_is_shown(folder)
    for path in (folder.work, folder.volumes):
        if path.exists():
            path.rename(trash / f"{job.id}-{path.name}")
    job.files_deleted_at = now
    job.save(update_fields=["files_deleted_at"])
    audit.record("job.files_deleted", job.reference)
    return True
