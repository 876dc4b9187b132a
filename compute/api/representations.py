"""Jobs and flavors as clients of the Hub read them. Field names: huggingface_hub `_jobs_api.JobInfo`."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Namespace
from compute.enums import JobState
from compute.files import Entry
from compute.models import Flavor, Job

STAGES = {
    JobState.QUEUED: "SCHEDULING",
    JobState.STARTING: "SCHEDULING",
    JobState.RUNNING: "RUNNING",
    JobState.SUCCEEDED: "COMPLETED",
    JobState.FAILED: "ERROR",
    JobState.TIMED_OUT: "ERROR",
    JobState.CANCELLED: "CANCELED",
}
MINUTE = 60


def job_info(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "createdAt": _moment(job.created_at),
        "startedAt": _moment(job.started_at),
        "finishedAt": _moment(job.finished_at),
        "dockerImage": job.image,
        "command": job.command,
        "arguments": job.arguments,
        "environment": job.environment,
        # Names only: values never leave the site.
        "secrets": dict.fromkeys(job.secret_names, ""),
        "flavor": job.flavor.name,
        "labels": job.labels,
        "volumes": job.volumes,
        "status": {"stage": STAGES[JobState(job.state)], "message": status_message(job)},
        "durations": _durations(job),
        "owner": {"id": f"{job.namespace_id:024x}", "name": job.namespace.name, "type": _kind(job.namespace)},
        "initiator": {
            "type": "duplicated-job" if job.duplicate_of else "user",
            "id": job.duplicate_of or f"{job.submitted_by_id:024x}",
            "name": None if job.duplicate_of else job.submitted_by.username,
        },
        "retry": job.max_attempts - 1,
    }


def status_message(job: Job) -> str:
    """Where the job stands and who pays, in one or two sentences."""
    facts = {"reason": job.reason, "allocation": job.allocation_id, "reserved": job.reserved, "charged": job.charged}
    if job.charged is None:
        cost = _("Allocation %(allocation)s holds %(reserved)d GPU-seconds for it.") % facts
    else:
        cost = _("Allocation %(allocation)s paid %(charged)d GPU-seconds.") % facts
    return f"{job.reason} {cost}".strip()


def hardware_info(flavor: Flavor) -> dict[str, Any]:
    """The unit of price is a minute, as on the Hub."""
    micros = flavor.price * flavor.rate * MINUTE
    return {
        "name": flavor.name,
        "prettyName": flavor.title,
        "cpu": f"{flavor.cpus} vCPU",
        "ram": f"{flavor.memory / 2**30:g} GB",
        "ephemeralStorage": f"{flavor.disk / 2**30:g} GB",
        "accelerator": flavor.accelerator,
        "unitCostMicroUSD": micros,
        "unitCostUSD": micros / 1_000_000,
        "unitLabel": "minute",
    }


def file_info(file: Entry) -> dict[str, Any]:
    return {"path": file.path, "size": file.size, "modified": _moment(file.modified)}


def _durations(job: Job) -> dict[str, int | None]:
    now = timezone.now()
    end = job.finished_at or now
    return {
        "schedulingSecs": int(((job.started_at or end) - job.created_at).total_seconds()),
        "runningSecs": int((end - job.started_at).total_seconds()) if job.started_at else None,
        "totalSecs": int((end - job.created_at).total_seconds()),
    }


def _moment(value: datetime | None) -> str | None:
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if value else None


def _kind(namespace: Namespace) -> str:
    return "org" if namespace.is_organisation else "user"
