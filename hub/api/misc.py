"""Small doors: card check, access check, tag lists, and what clients ask in passing."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.principal import ANONYMOUS
from common.errors import Forbidden, NotFound
from hub import rules
from hub.algorithms.cards import faults
from hub.api.protocol import door, json_body, principal_of, repository, text_of
from hub.enums import RepositoryKind
from hub.selectors import repositories_visible_to, require_contents


@door("POST")
def validate_yaml(request: HttpRequest) -> HttpResponse:
    """Errors and warnings about a README, before it is committed."""
    body = json_body(request)
    kind = text_of(body, "repoType", default="model")
    errors, warnings = faults(text_of(body, "content", default=""), kind)
    if errors and "text/plain" in request.headers.get("Accept", ""):
        return HttpResponse("\n".join(f"- Error: {error}" for error in errors), status=400, content_type="text/plain")
    answer = {"errors": [{"message": text} for text in errors], "warnings": [{"message": text} for text in warnings]}
    return JsonResponse(answer, status=400 if errors else 200)


@door("GET")
def auth_check(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str, rest: str = "") -> HttpResponse:
    found = repository(request, kind, namespace, name)
    require_contents(principal_of(request), found)
    if rest == "write" and not rules.may_write(principal_of(request), found):
        raise Forbidden("You may read this repository, but not write to it.", hint="Ask its owner for write access.")
    return JsonResponse({})


@door("GET", "POST", "PUT", "PATCH", "DELETE")
def elsewhere(request: HttpRequest, kind: RepositoryKind = RepositoryKind.MODEL, rest: str = "") -> HttpResponse:
    """No door of a repository. Clients want to hear first if it is the repository that is missing.

    Names without an owner (`gpt2`) exist on no site but the public Hub.
    """
    namespace, _, name = rest.partition("/")
    repository(request, kind, namespace, name.partition("/")[0])
    raise NotFound("There is no such address.")


@door("GET", "POST", "PUT", "PATCH", "DELETE")
def nowhere(request: HttpRequest, rest: str = "") -> HttpResponse:
    """No address of the API; it must not be taken for the page of a repository."""
    raise NotFound("There is no such address.")


@door("GET")
def tasks(request: HttpRequest) -> HttpResponse:
    """For each task the public models that were downloaded most: what clients take when none is named."""
    rows = repositories_visible_to(ANONYMOUS).filter(kind=RepositoryKind.MODEL).exclude(pipeline_tag="")
    top = rows.select_related("namespace").order_by("pipeline_tag", "-downloads", "-id").distinct("pipeline_tag")
    return JsonResponse({row.pipeline_tag: {"widgetModels": [row.full_name]} for row in top})


@door("GET")
def telemetry(request: HttpRequest, rest: str) -> HttpResponse:
    """Nothing is recorded."""
    return HttpResponse()


@door("GET")
def agent_harnesses(request: HttpRequest) -> HttpResponse:
    return JsonResponse({})
