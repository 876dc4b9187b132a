"""Server-sent events: a job's log and its use of the machine, live.

A stream reads files and holds no database connection; now and then it borrows one for a moment to see
whether the job has ended. The number of streams per process is limited, because each occupies a thread.
"""

import json
import time
from collections.abc import Iterator

from django.conf import settings
from django.db import connections
from django.http import HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext as _

from common.errors import Refusal, Unavailable
from common.places import HeldStream, Places
from compute.enums import TERMINAL_STATES
from compute.journal import JobFolder, LogReader, last_record
from compute.models import Job

LOOK_SECONDS = 0.3
STATE_SECONDS = 1.5
KEEP_ALIVE_SECONDS = 15.0
METRIC_SECONDS = 1.0
KEEP_ALIVE = ": keep-alive\n\n"
_places = Places(settings.COMPUTE_LOG_STREAMS)


class NotLive(Refusal):
    """What clients of the Hub expect for the metrics of a job that has ended."""

    status = 406
    code = "not_live"


def _too_many() -> Unavailable:
    return Unavailable(
        _("Too many people follow logs through this process."),
        hint=_("Try again in a few seconds, or read the log without following it."),
        retry_after=5,
    )


def log_stream(job: Job, *, tail: int | None) -> HttpResponse:
    """Every line from the first (or the last `tail` ones), then what comes, until the job has ended."""
    reader = LogReader(JobFolder(settings.JOBS_ROOT, job.id).log)
    if tail is not None:
        reader.skip_to_last(tail)
    return _respond(_log_events(job, reader))


def metric_stream(job: Job) -> HttpResponse:
    """One event a second while the job runs. Raises NotLive when it has ended."""
    if job.is_over:
        raise NotLive(_("This job has ended, so it uses nothing."), hint=_("See its page for the charts."))
    return _respond(_metric_events(job))


def _respond(parts: Iterator[str]) -> HttpResponse:
    response = StreamingHttpResponse(
        HeldStream(parts, _places, _too_many()), content_type="text/event-stream; charset=utf-8"
    )
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def _log_events(job: Job, reader: LogReader) -> Iterator[str]:
    connections.close_all()
    over, quiet_since, asked = job.is_over, time.monotonic(), time.monotonic()
    while True:
        lines = reader.read()
        if lines:
            quiet_since = time.monotonic()
            yield "".join(f"data: {line}\n\n" for line in lines)
            continue
        if over:
            return
        time.sleep(LOOK_SECONDS)
        now = time.monotonic()
        if now - asked >= STATE_SECONDS:
            over, asked = _is_over(job), now
        if now - quiet_since >= KEEP_ALIVE_SECONDS:
            quiet_since = now
            yield KEEP_ALIVE


def _metric_events(job: Job) -> Iterator[str]:
    connections.close_all()
    folder = JobFolder(settings.JOBS_ROOT, job.id)
    newest, quiet_since = 0.0, time.monotonic()
    while not _is_over(job):
        sample = last_record(folder.usage)
        if sample and sample["at"] > newest:
            newest, quiet_since = sample["at"], time.monotonic()
            yield f"event: metric\ndata: {json.dumps(_metric(job, sample))}\n\n"
        elif time.monotonic() - quiet_since >= KEEP_ALIVE_SECONDS:
            quiet_since = time.monotonic()
            yield KEEP_ALIVE
        time.sleep(METRIC_SECONDS)


def _metric(job: Job, sample: dict[str, float]) -> dict[str, object]:
    """Network traffic is not measured per job: the local backend shares the machine's network."""
    millicores = int(sample["cpu_millicores"])
    return {
        "cpu_usage_pct": round(millicores / (10 * job.flavor.cpus)),
        "cpu_millicores": millicores,
        "memory_used_bytes": int(sample["memory"]),
        "memory_total_bytes": job.flavor.memory,
        "rx_bps": 0,
        "tx_bps": 0,
        "gpus": {},
        "replica": job.id[-5:],
    }


def _is_over(job: Job) -> bool:
    try:
        return Job.objects.filter(pk=job.pk, state__in=TERMINAL_STATES).exists()
    finally:
        connections.close_all()
