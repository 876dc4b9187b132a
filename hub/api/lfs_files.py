"""Large objects of one repository for another one (hub-api.md, Upload)."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from common.errors import Forbidden, Invalid
from hub import rules
from hub.api.protocol import door, json_body, principal_of, repository_with_contents, text_of
from hub.enums import RepositoryKind
from hub.selectors import committed_objects, repository_for
from hub.services import objects

_MAX_FILES = 10_000


@door("POST")
def duplicate(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> HttpResponse:
    """Let the target hold objects of this repository, so that a commit there can name them."""
    source = repository_with_contents(request, kind, namespace, name)
    body = json_body(request)
    target, files = body.get("target"), body.get("files")
    if not isinstance(target, dict) or not isinstance(files, list) or len(files) > _MAX_FILES:
        raise Invalid(f"`target` must be an object, `files` up to {_MAX_FILES} objects.")
    given = text_of(target, "type", default="model")
    if given not in RepositoryKind.values:
        raise Invalid(f"The type must be one of {', '.join(RepositoryKind.values)}.")
    into = repository_for(principal_of(request), given, text_of(target, "name"))
    if not rules.may_write(principal_of(request), into):
        raise Forbidden("You may not write to the target.", hint="Send a token with write access to it.")
    wanted = [_sha256(file) for file in files]
    found = committed_objects(source, wanted)
    objects.share(into, found.values())
    failed = [{"sha256": one, "error": "The source has no such file."} for one in wanted if one not in found]
    return JsonResponse({"failed": failed})


def _sha256(file: Any) -> str:
    if not isinstance(file, dict):
        raise Invalid("`files` must be objects.")
    return text_of(file, "sha256")
