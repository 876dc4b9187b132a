"""Pages: allocations, jobs, and what a job shows while it runs."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.rules import may_spend_for
from accounts.selectors import user_named
from common.errors import NotFound
from common.pagination import page_of
from compute import selectors
from compute.algorithms.recipe_commands import inputs_of
from compute.api.files import file_answer, work_of
from compute.comparing import comparison_of
from compute.enums import TERMINAL_STATES, JobState
from compute.files import list_folder
from compute.journal import JobFolder, text_lines
from compute.models import Job
from compute.progress import progress_of, read_sample
from compute.rules import may_change, may_submit_for
from compute.services import folders, members, submissions

RECENT_JOBS = 20
MOST_COMPARED = 6


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    context: dict[str, Any] = {"flavors": selectors.flavors()}
    if request.user.is_authenticated:
        jobs = selectors.jobs_visible_to(request.principal)
        context |= {
            "allocations": selectors.allocations_of(request.principal),
            "open_jobs": jobs.exclude(state__in=TERMINAL_STATES)[:RECENT_JOBS],
            "recent_jobs": jobs.filter(state__in=TERMINAL_STATES)[:RECENT_JOBS],
        }
    return render(request, "compute/overview.html", context)


@login_required
@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    """All that the person may see, newest first, in one state if asked for; to open, or to compare."""
    state = request.GET.get("state", "")
    found = selectors.jobs_visible_to(request.principal, state=state)
    context = {"page": page_of(request, found, size=50), "states": JobState.choices, "state": state}
    return render(request, "compute/jobs.html", context)


@login_required
@never_cache
@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """`?job=<id>&job=<id>`: two to six jobs side by side."""
    ids = list(dict.fromkeys(request.GET.getlist("job")))
    if not 2 <= len(ids) <= MOST_COMPARED:
        messages.error(request, _("Choose two to %(most)d jobs to compare.") % {"most": MOST_COMPARED})
        return redirect("jobs")
    found = [selectors.job_by_id(request.principal, each) for each in ids]
    comparison = comparison_of([JobFolder(settings.JOBS_ROOT, each.id) for each in found])
    return render(request, "compute/compare.html", {"jobs": found, "comparison": comparison})


@login_required
@require_safe
def job_by_id(request: HttpRequest, job_id: str) -> HttpResponse:
    """Where a model names the job that trained it."""
    return redirect(selectors.job_by_id(request.principal, job_id))


@login_required
@require_safe
def allocation(request: HttpRequest, allocation_id: int) -> HttpResponse:
    found = get_object_or_404(selectors.allocations_visible_to(request.principal), pk=allocation_id)
    jobs = selectors.jobs_visible_to(request.principal).filter(allocation=found)
    spending = selectors.spending_on(found)
    shared = any(row.member for row in spending)
    context = {
        "allocation": found,
        "spending": spending,
        "may_take_off": shared and may_spend_for(request.principal, found.holder),
        "is_member": any(row.member and row.person == request.user for row in spending),
        "jobs": jobs[:RECENT_JOBS],
        "page": page_of(request, selectors.entries_of(found), size=50),
    }
    return render(request, "compute/allocation.html", context)


@login_required
@require_POST
def allocation_take_off(request: HttpRequest, allocation_id: int, username: str) -> HttpResponse:
    """The holder takes a member off, or a member leaves."""
    found = get_object_or_404(selectors.allocations_visible_to(request.principal), pk=allocation_id)
    member = user_named(username)
    if member is None:
        raise NotFound(_("This person does not share the allocation."))
    members.remove_member(found, member, by=request.principal)
    messages.success(request, _("%(name)s no longer shares this allocation.") % {"name": member.username})
    return redirect("compute" if member == request.user else found)


@login_required
@never_cache
@require_safe
def job(request: HttpRequest, namespace: str, job_id: str) -> HttpResponse:
    return render(request, "compute/job.html", _job_context(request, namespace, job_id))


@login_required
@never_cache
@require_safe
def job_live(request: HttpRequest, namespace: str, job_id: str) -> HttpResponse:
    """The part of the page that changes while the job runs; the page asks for it every few seconds."""
    return render(request, "compute/job_live.html", _job_context(request, namespace, job_id))


@login_required
@require_POST
def job_cancel(request: HttpRequest, namespace: str, job_id: str) -> HttpResponse:
    found = selectors.job_for(request.principal, namespace, job_id)
    submissions.cancel(found, by=request.principal)
    messages.success(request, _("The job is being cancelled."))
    return redirect(found)


@login_required
@require_POST
def job_rerun(request: HttpRequest, namespace: str, job_id: str) -> HttpResponse:
    found = selectors.job_for(request.principal, namespace, job_id)
    again = submissions.rerun(found, by=request.principal)
    messages.success(request, _("The same job was submitted again. This is its page."))
    return redirect(again)


@login_required
@require_POST
def job_go_on(request: HttpRequest, namespace: str, job_id: str) -> HttpResponse:
    found = selectors.job_for(request.principal, namespace, job_id)
    next_job = submissions.go_on(found, by=request.principal)
    messages.success(request, _("A new job goes on from the folder of the first. This is its page."))
    return redirect(next_job)


@login_required
@require_POST
def job_delete_files(request: HttpRequest, namespace: str, job_id: str) -> HttpResponse:
    found = selectors.job_for(request.principal, namespace, job_id)
    folders.delete_files(found, by=request.principal)
    messages.success(request, _("The files of the job are being deleted."))
    return redirect(found)


@login_required
@never_cache
@require_safe
def job_log(request: HttpRequest, namespace: str, job_id: str) -> HttpResponse:
    """The whole log so far, as plain text."""
    found = selectors.job_for(request.principal, namespace, job_id)
    lines = text_lines(JobFolder(settings.JOBS_ROOT, found.id).log)
    return StreamingHttpResponse(lines, content_type="text/plain; charset=utf-8")


@login_required
@require_safe
def job_files(request: HttpRequest, namespace: str, job_id: str, path: str = "") -> HttpResponse:
    """A folder as a page, a file as a download."""
    found = selectors.job_for(request.principal, namespace, job_id)
    listing = list_folder(work_of(found), path)
    if listing is None:
        return file_answer(request, found, path)
    parts = [part for part in path.split("/") if part]
    crumbs = [(part, "/".join(parts[: number + 1])) for number, part in enumerate(parts)]
    response = render(request, "compute/job_files.html", {"job": found, "files": listing, "crumbs": crumbs})
    add_never_cache_headers(response)
    return response


@login_required
@require_safe
def job_sample(request: HttpRequest, namespace: str, job_id: str, number: int) -> HttpResponse:
    found = selectors.job_for(request.principal, namespace, job_id)
    sample = read_sample(JobFolder(settings.JOBS_ROOT, found.id), number)
    if sample is None:
        raise NotFound(_("This job has no such sample."), hint=_("See the job's page for those it has."))
    data, media_type = sample
    response = HttpResponse(data, content_type=media_type)
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, max-age=3600"
    return response


def _may_delete_files(request: HttpRequest, job: Job) -> bool:
    return job.is_over and job.files_unwanted_at is None and may_change(request.principal, job)


def _job_context(request: HttpRequest, namespace: str, job_id: str) -> dict[str, Any]:
    found: Job = selectors.job_for(request.principal, namespace, job_id)
    files = list_folder(work_of(found))
    may_repeat = found.is_over and may_submit_for(request.principal, found.namespace)
    return {
        "job": found,
        "attempts": list(found.attempts.all()),
        "progress": progress_of(JobFolder(settings.JOBS_ROOT, found.id)),
        "may_change": not found.is_over and may_change(request.principal, found),
        "may_rerun": may_repeat,
        "may_go_on": may_repeat and files is not None and found.files_unwanted_at is None,
        "may_delete_files": files is not None and _may_delete_files(request, found),
        "files_kept_until": selectors.files_kept_until(found),
        "files": files,
        "inputs": inputs_of(found.argv),
        "environment": sorted(found.environment.items()),
        "cost": (found.reserved if found.charged is None else found.charged) * selectors.price_of(found.flavor),
        "currency": found.flavor.cluster.currency,
    }
