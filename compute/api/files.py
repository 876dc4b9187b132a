"""What a job made: a list of its files, and each of them, whole or in part."""

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from common.errors import NotFound
from common.parts import FilePart
from compute.api.representations import file_info
from compute.files import list_files, open_inside
from compute.journal import JobFolder
from compute.models import Job
from hub.algorithms.ranges import RangeNotSatisfiable, parse_range, same_entity

BLOCK = 256 * 1024
LONG = 8 * 2**20  # bytes; shorter answers keep their connection
# The job wrote them: whatever they are, no browser runs or shows them as a page of this site.
HARMLESS = {
    "Content-Type": "application/octet-stream",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-cache",
    "Accept-Ranges": "bytes",
}


def files_answer(job: Job, under: str) -> HttpResponse:
    """Raises NotFound when there is no such folder."""
    found = list_files(work_of(job), under)
    if found is None:
        raise no_such(job, under)
    response = JsonResponse([file_info(entry) for entry in found.entries], safe=False)
    if not found.is_whole:
        response["X-Truncated"] = "true"
    return response


def file_answer(request: HttpRequest, job: Job, path: str) -> HttpResponse:
    """200, 206, 304 or 416, to GET or HEAD. Raises NotFound.

    The file may change while it is sent; then the client gets the announced number of bytes, or a broken end.
    """
    file = open_inside(work_of(job), path)
    if file is None:
        raise no_such(job, path)
    facts = os.fstat(file.fileno())
    etag = f'"{facts.st_mtime_ns:x}-{facts.st_size:x}-{facts.st_ino:x}"'
    name = path.rpartition("/")[2]
    headers: dict[str, Any] = HARMLESS | {"ETag": etag, "Content-Disposition": content_disposition_header(True, name)}
    if same_entity(request.headers.get("If-None-Match"), etag):
        file.close()
        return HttpResponse(status=304, headers=headers)
    try:
        part = parse_range(_asked_range(request, etag), facts.st_size)
    except RangeNotSatisfiable:
        file.close()
        return HttpResponse(status=416, headers=headers | {"Content-Range": f"bytes */{facts.st_size}"})
    first, last = part or (0, facts.st_size - 1)
    headers["Content-Length"] = str(last - first + 1)
    if part is not None:
        headers["Content-Range"] = f"bytes {first}-{last}/{facts.st_size}"
    status = 200 if part is None else 206
    if request.method == "HEAD":
        file.close()
        return HttpResponse(status=status, headers=headers)
    if last - first > LONG and not connection.in_atomic_block:
        connection.close()
    response = FileResponse(FilePart(file, first, last - first + 1), status=status, headers=headers)
    response.block_size = BLOCK
    return response


def no_such(job: Job, path: str) -> NotFound:
    if job.files_deleted_at is not None:
        return NotFound(
            _("The files of this job were deleted on %(date)s.") % {"date": job.files_deleted_at.date().isoformat()},
            hint=_("Its log, curves and samples are on its page; what it published is on the hub."),
        )
    return NotFound(
        _("This job has no file or folder %(path)s.") % {"path": path[:200]},
        hint=_("See the list of its files; links, pipes and its cache are not given out."),
    )


def work_of(job: Job) -> Path:
    return JobFolder(settings.JOBS_ROOT, job.id).work


def _asked_range(request: HttpRequest, etag: str) -> str | None:
    """A client that holds bytes of another state of the file gets all of it."""
    condition = request.headers.get("If-Range")
    return request.headers.get("Range") if condition is None or condition.strip() == etag else None
