"""What all doors share: methods, bodies, error headers, redirects of old names, dates."""

import json
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.vary import vary_on_headers

from accounts.principal import ANONYMOUS, Principal
from common import addresses
from common.errors import Invalid, Refusal, Unavailable
from hub.enums import RepositoryKind
from hub.errors import RepositoryMoved
from hub.git.refs import full_name
from hub.models import Repository
from hub.selectors import Revision, branch_head, repository_for, require_contents, revision_of, split_revision
from hub.services import index
from hub.storage.errors import StoreUnavailable

View = Callable[..., HttpResponse]
_log = logging.getLogger(__name__)
_SURROGATE = re.compile("[\ud800-\udfff]")

PROTOCOL_CODES = frozenset({"RepoNotFound", "RevisionNotFound", "EntryNotFound", "GatedRepo"})
# Clients compare the whole sentence.
BARE_CODES = frozenset({"RepoNotFound", "disabled"})
EXPOSED = (
    "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,Content-Range,"
    "X-Linked-Size,X-Linked-ETag,X-Xet-Hash,X-HF-Warning,RateLimit,RateLimit-Policy,"
    "Retry-After"
)


def door(*methods: str) -> Callable[[View], View]:
    """A view for these methods (GET brings HEAD) whose refusals speak the protocol."""
    allowed = {*methods, *({"HEAD"} if "GET" in methods else ())}

    def decorate(view: View) -> View:
        @wraps(view)
        def handle(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in allowed:
                message = f"{request.method} is not possible here; use {' or '.join(sorted(allowed))}."
                response: HttpResponse = JsonResponse({"error": message}, status=405)
                response["Allow"] = ", ".join(sorted(allowed))
                return response
            try:
                response = view(request, *args, **kwargs)
            except RepositoryMoved as moved:
                response = _redirect(request, moved)
            except Refusal as refusal:
                response = error_response(refusal)
            except StoreUnavailable:
                _log.exception("the object store is unavailable")
                response = error_response(store_unavailable())
            if not response.streaming and "Content-Length" not in response:
                response["Content-Length"] = str(len(response.content))
            if request.method == "HEAD" and not response.streaming:
                response.content = b""  # its length stays in the header
            response["Access-Control-Allow-Origin"] = "*"
            response["Access-Control-Expose-Headers"] = EXPOSED
            return response

        return vary_on_headers("Authorization", "Cookie")(handle)

    return decorate


def token_door(*methods: str) -> Callable[[View], View]:
    """A door for programs that cannot send a CSRF token (git, git-lfs): sessions count for nothing."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @door(*methods)
        @wraps(view)
        def handle(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if principal_of(request).token is None:
                request.principal = ANONYMOUS  # type: ignore[attr-defined]
            return view(request, *args, **kwargs)

        return handle

    return decorate


def principal_of(request: HttpRequest) -> Principal:
    return request.principal  # type: ignore[attr-defined]


def error_response(refusal: Refusal) -> HttpResponse:
    """JSON `{"error"}`, the same sentence in X-Error-Message, the client's code in X-Error-Code."""
    # Clients know their own words for a missing repository, and leave ours out if they are just these.
    text = str(refusal.message) if refusal.code in BARE_CODES else sentence(refusal)
    body = {"error": text, "code": refusal.code, "hint": str(refusal.hint)}
    body |= {name: str(refusal.context[name]) for name in ("url", "slug") if name in refusal.context}
    response = JsonResponse(body, status=refusal.status)
    response["X-Error-Message"] = " ".join(text.split())[:500]
    if refusal.code in PROTOCOL_CODES:
        response["X-Error-Code"] = refusal.code
    if refusal.context.get("commit"):
        response["X-Repo-Commit"] = str(refusal.context["commit"])
    if "retry_after" in refusal.context:
        response["Retry-After"] = str(refusal.context["retry_after"])
    return response


def store_unavailable() -> Unavailable:
    """The refusal for the time while objects cannot be reached."""
    message = "The store of large files cannot be reached at the moment."
    return Unavailable(message, hint="Nothing was lost; try again in a minute.", retry_after=30)


def warn(response: HttpResponse, topic: str, text: str) -> None:
    """A warning that the stock client prints, once per topic."""
    response["X-HF-Warning"] = f"{topic}; {' '.join(text.split())[:500]}"


def sentence(refusal: Refusal) -> str:
    """What is wrong, and what to do about it."""
    message, hint = str(refusal.message), str(refusal.hint)
    if not hint:
        return message
    return f"{message} {hint}" if message.endswith((".", "!", "?")) else f"{message}. {hint}"


def repository(
    request: HttpRequest, kind: RepositoryKind, namespace: str, name: str, *, even_disabled: bool = False
) -> Repository:
    """Raises RepositoryNotFound, RepositoryMoved, RepositoryDisabled."""
    return repository_for(principal_of(request), kind, f"{namespace}/{name}", even_disabled=even_disabled)


def repository_with_contents(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> Repository:
    """The same where bytes of files are let out. Raises GatedRepository too."""
    found = repository_for(principal_of(request), kind, f"{namespace}/{name}", small=True)
    require_contents(principal_of(request), found)
    return found


def revision(repository: Repository, name: str) -> Revision:
    """A revision, its index healed if it is behind. Raises RevisionNotFound."""
    return _healed(revision_of(repository, name or repository.default_branch))


def revision_and_path(repository: Repository, rest: str) -> tuple[Revision, str]:
    """`<revision>/<path>` of an address, parted. Raises RevisionNotFound."""
    found, path = split_revision(repository, rest)
    return _healed(found), path


def json_body(request: HttpRequest) -> dict[str, Any]:
    """The request's JSON object. Raises Invalid."""
    try:
        value = json.loads(request.body or b"{}")
    except (ValueError, RecursionError) as error:
        raise Invalid("The body is not JSON.", hint=str(error)) from error
    if not isinstance(value, dict):
        raise Invalid("The body must be a JSON object.")
    return value


def text_of(body: dict[str, Any], key: str, *, default: str | None = None) -> str:
    """A text member of a body. Raises Invalid when it is missing or something else."""
    value = body.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or (not value and default is None) or not is_storable(value):
        raise Invalid(f"`{key}` must be a text.")
    return value


def is_storable(text: str) -> bool:
    """No NUL and no half of a surrogate pair: neither PostgreSQL nor a path could hold them."""
    return "\x00" not in text and (text.isascii() or not _SURROGATE.search(text))


def flag(request: HttpRequest, name: str) -> bool:
    """A query parameter as clients spell booleans: true, True, 1."""
    return request.GET.get(name, "").lower() in {"1", "true"}


def date(value: datetime) -> str:
    """The only form that clients read: UTC, ending in Z."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def absolute(request: HttpRequest, path: str) -> str:
    """The address of a path of this site, the same under whatever name the client reached it."""
    return addresses.absolute(path)


def address_of(request: HttpRequest) -> str:
    """The client's network address, as far as trusted proxies tell it."""
    return addresses.client_address(request)


def _healed(found: Revision) -> Revision:
    """A branch that moved without its rows (a crash in between) is indexed now."""
    if found.branch is not None:
        return found
    ref = full_name(found.name)
    if branch_head(found.repository, ref) != found.commit:
        return found
    index.follow(found.repository, ref)
    return revision_of(found.repository, found.name)


def _redirect(request: HttpRequest, moved: RepositoryMoved) -> HttpResponse:
    """307 to the same address under the new name; relative, because clients follow only that."""
    path = request.get_full_path()
    start = path.lower().find(f"/{moved.old_name.lower()}")
    target = path[:start] + f"/{moved.repository.full_name}" + path[start + 1 + len(moved.old_name) :]
    response = HttpResponse(status=307)
    response["Location"] = target
    return response
