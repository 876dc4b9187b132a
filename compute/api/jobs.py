"""The Jobs API of the Hub, as huggingface_hub 2.x calls it (`run_job`, `hf jobs …`)."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Namespace
from accounts.selectors import namespace_named
from common.errors import Invalid, NotFound, Refusal
from common.pagination import link_next
from compute import selectors
from compute.api import streams
from compute.api.files import file_answer, files_answer
from compute.api.hub_form import body_of, hub_api, refusal_in_hub_form, require_person
from compute.api.representations import STAGES, hardware_info, job_info
from compute.api.specs import labels_from, spec_from
from compute.models import Job
from compute.rules import may_see_jobs_of
from compute.services import folders, submissions

PAGE_SIZE = 100


class NotOffered(Refusal):
    status = 501
    code = "not_offered"


@require_safe
@hub_api
def hardware(request: HttpRequest) -> HttpResponse:
    return JsonResponse([hardware_info(flavor) for flavor in selectors.flavors()], safe=False)


@require_http_methods(["GET", "HEAD", "POST"])
@hub_api
def jobs(request: HttpRequest, namespace: str) -> HttpResponse:
    require_person(request)
    owner = _namespace(request, namespace)
    if request.method == "POST":
        spec = spec_from(body_of(request))
        return JsonResponse(job_info(submissions.submit(owner, spec, by=request.principal)), status=201)
    return _page_of_jobs(request, owner)


@require_safe
@hub_api
def job(request: HttpRequest, namespace: str, job_id: str) -> HttpResponse:
    return JsonResponse(job_info(_job(request, namespace, job_id)))


@require_POST
@hub_api
def cancel(request: HttpRequest, namespace: str, job_id: str) -> HttpResponse:
    found = _job(request, namespace, job_id)
    return JsonResponse(job_info(submissions.cancel(found, by=request.principal)))


@require_POST
@hub_api
def duplicate(request: HttpRequest, namespace: str, job_id: str) -> HttpResponse:
    found = _job(request, namespace, job_id)
    return JsonResponse(job_info(submissions.rerun(found, by=request.principal)), status=201)


@require_http_methods(["PUT"])
@hub_api
def labels(request: HttpRequest, namespace: str, job_id: str) -> HttpResponse:
    found = _job(request, namespace, job_id)
    changed = submissions.set_labels(found, labels_from(body_of(request)), by=request.principal)
    return JsonResponse(job_info(changed))


@require_safe
@hub_api
def logs(request: HttpRequest, namespace: str, job_id: str) -> HttpResponse:
    found = _job(request, namespace, job_id)
    return streams.log_stream(found, tail=_tail(request))


@require_safe
@hub_api
def metrics(request: HttpRequest, namespace: str, job_id: str) -> HttpResponse:
    return streams.metric_stream(_job(request, namespace, job_id))


@require_http_methods(["GET", "HEAD", "DELETE"])
@hub_api
def files(request: HttpRequest, namespace: str, job_id: str) -> HttpResponse:
    """All of them, or those below the folder `under`; DELETE has them all deleted soon."""
    found = _job(request, namespace, job_id)
    if request.method == "DELETE":
        folders.delete_files(found, by=request.principal)
        return HttpResponse(status=202)
    return files_answer(found, request.GET.get("under", ""))


@require_safe
@hub_api
def file(request: HttpRequest, namespace: str, job_id: str, path: str) -> HttpResponse:
    return file_answer(request, _job(request, namespace, job_id), path)


@require_http_methods(["PUT"])
@hub_api
def expose(request: HttpRequest, namespace: str, job_id: str) -> HttpResponse:
    _job(request, namespace, job_id)
    raise NotOffered(_("Ports of jobs cannot be exposed here."), hint=_("Push results to a repository instead."))


@csrf_exempt
@hub_api
def scheduled(request: HttpRequest, rest: str = "") -> HttpResponse:
    require_person(request)
    raise NotOffered(
        _("Scheduled jobs are not offered on this site yet."),
        hint=_("Start the job from your own timetable with hf jobs run."),
    )


@hub_api
def nothing_here(request: HttpRequest, rest: str) -> HttpResponse:
    """Unknown addresses below /api/jobs are refused in the same form."""
    require_person(request)
    return refusal_in_hub_form(NotFound(_("There is nothing at this address."), hint=_("See hf jobs --help.")))


def _namespace(request: HttpRequest, name: str) -> Namespace:
    """The namespace whose jobs the person may see; others look as if they had none."""
    found = namespace_named(name)
    if found is None or not may_see_jobs_of(request.principal, found):  # type: ignore[attr-defined]
        raise NotFound(
            _("There is no such namespace, or its jobs are not yours to see."),
            hint=_("Use your own name or an organisation you belong to."),
        )
    return found


def _job(request: HttpRequest, namespace: str, job_id: str) -> Job:
    require_person(request)
    return selectors.job_for(request.principal, namespace, job_id)  # type: ignore[attr-defined]


def _page_of_jobs(request: HttpRequest, owner: Namespace) -> HttpResponse:
    """Newest first; `cursor` is the id of the last one seen."""
    found = selectors.jobs_visible_to(request.principal).filter(namespace=owner)  # type: ignore[attr-defined]
    if stages := request.GET.getlist("stage"):
        found = found.filter(state__in=[state for state, stage in STAGES.items() if stage in stages])
    for label in request.GET.getlist("label"):
        name, equals, value = label.partition("=")
        if not equals:
            raise Invalid(_("Write the filter as label=name=value."))
        found = found.filter(labels__contains={name: value})
    if cursor := request.GET.get("cursor"):
        found = found.filter(id__lt=cursor)
    rows = list(found.order_by("-id")[: PAGE_SIZE + 1])
    response: Any = JsonResponse([job_info(row) for row in rows[:PAGE_SIZE]], safe=False)
    return link_next(request, response, cursor=rows[PAGE_SIZE - 1].id) if len(rows) > PAGE_SIZE else response


def _tail(request: HttpRequest) -> int | None:
    value = request.GET.get("tail")
    if value is None:
        return None
    if not value.isdecimal() or len(value) > 9:
        raise Invalid(_("tail must be a number of lines."))
    return int(value)
