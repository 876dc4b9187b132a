"""Jobs that begin with what an earlier one left in its folder: who may, and the copy that the worker makes."""

import time
from collections.abc import Callable

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.models import Namespace
from accounts.principal import Principal
from common.errors import Conflict, Invalid, NotFound
from compute.backends import copying, sandbox
from compute.backends.running import BEAT_SECONDS, Order
from compute.enums import AttemptState
from compute.files import HIDDEN
from compute.journal import JobFolder
from compute.models import Job
from compute.selectors import jobs_visible_to
from compute.services.attempts import Result

LABEL = "continues"
ORDERED = {
    Order.CANCEL: Result(AttemptState.CANCELLED, "Cancelled."),
    Order.INTERRUPT: Result(AttemptState.INTERRUPTED, "The worker was stopped by its operator."),
    Order.ABANDON: Result(AttemptState.LOST, "The worker lost its lease."),
}


class NotTakenOver(Exception):
    """The attempt ends before its program began; `result` says how."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.reason)
        self.result = result


def earlier_job(namespace: Namespace, labels: dict[str, str], *, by: Principal) -> Job | None:
    """The job that the label `continues` names; None without one. Raises NotFound, Invalid, or Conflict."""
    if LABEL not in labels:
        return None
    earlier = jobs_visible_to(by).filter(pk=labels[LABEL]).first()
    if earlier is None:
        raise NotFound(
            _("There is no job %(id)s to go on from, or it is not yours to see.") % {"id": labels[LABEL]},
            hint=_("The label continues names the id of an earlier job."),
        )
    if earlier.namespace_id != namespace.pk:
        raise Invalid(
            _("The job %(id)s is one of %(other)s, and a job goes on only from one of the same namespace.")
            % {"id": earlier.id, "other": earlier.namespace.name},
            hint=_("Submit it for %(other)s.") % {"other": earlier.namespace.name},
        )
    if not earlier.is_over:
        raise Conflict(
            _("The job %(id)s has not ended yet.") % {"id": earlier.id},
            hint=_("Wait for its end or cancel it; then another job can go on from its folder."),
        )
    if earlier.files_unwanted_at is not None or not JobFolder(settings.JOBS_ROOT, earlier.id).work.is_dir():
        raise Conflict(
            _("The folder of the job %(id)s is not there: the job never began, or its files were deleted.")
            % {"id": earlier.id},
            hint=_("Submit the job without the label continues; it begins with an empty folder."),
            code="folder_gone",
        )
    return earlier


def take_over(job: Job, folder: JobFolder, *, beat: Callable[[], Order]) -> copying.Copied | None:
    """Begin the job's folder as a copy of the earlier job's; None when there is nothing to do (any more).

    The copy is whole or absent, so that a later attempt finds either the folder or everything still to do.
    Neither time nor charge counts yet. Raises NotTakenOver.
    """
    if job.continues_id is None or folder.work.exists():
        return None
    pulse = _Pulse(beat)
    try:
        return copying.copy_folder(
            JobFolder(settings.JOBS_ROOT, job.continues_id).work,
            folder.work,
            owner=sandbox.owner_of(job.id),
            most=job.flavor.disk,
            pulse=pulse,
            # Who was taken for dead meanwhile must not put a folder under its successor.
            before_rename=pulse.now,
            without=HIDDEN,
        )
    except copying.CopyRefused as refusal:
        reason = f"The folder of the job {job.continues_id} cannot be taken over. {refusal}"
    except FileNotFoundError:
        reason = f"The folder of the job {job.continues_id} is not there any more."
    raise NotTakenOver(Result(AttemptState.FAILED, reason))


class _Pulse:
    """Keeps the lease while files are copied. Raises NotTakenOver when the attempt shall end."""

    def __init__(self, beat: Callable[[], Order]) -> None:
        self._beat = beat
        self._due = time.monotonic() + BEAT_SECONDS

    def __call__(self) -> None:
        if time.monotonic() >= self._due:
            self.now()

    def now(self) -> None:
        order = self._beat()
        if order in ORDERED:
            raise NotTakenOver(ORDERED[order])
        self._due = time.monotonic() + BEAT_SECONDS
