"""Clone, fetch and push over HTTP (gitprotocol-http(5)), by git's own processes."""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from accounts.principal import Principal
from common.errors import Forbidden, Invalid, Refusal, Unauthenticated
from hub import rules
from hub.algorithms.git_requests import wants_all
from hub.api.bodies import Peeked, body_of, release_connection
from hub.api.counting import count
from hub.api.metering import require_metered
from hub.api.protocol import PROTOCOL_CODES, principal_of, repository, sentence, token_door
from hub.enums import RepositoryKind
from hub.errors import RepositoryMoved
from hub.git import smart_http
from hub.git.errors import GitError
from hub.git.smart_http import MAX_FETCH_REQUEST, MAX_PUSH, RECEIVE_PACK, UPLOAD_PACK, Gunzipped
from hub.models import Repository
from hub.selectors import require_contents
from hub.selectors.reports import blocks_small_files
from hub.services import pushes


@token_door("GET")
def info_refs(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> HttpResponse:
    service = request.GET.get("service", "")
    try:
        if service not in {UPLOAD_PACK, RECEIVE_PACK}:
            raise Invalid("Use a git that speaks the smart protocol.")
        found = _repository(request, kind, namespace, name, service)
    except RepositoryMoved:
        raise
    except Refusal as refusal:
        return _refused(refusal)
    blocks = smart_http.advertise(found.path, service, protocol=_protocol(request))
    return _stream(blocks, f"application/x-{service}-advertisement")


@token_door("POST")
def upload_pack(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> HttpResponse:
    try:
        found = _repository(request, kind, namespace, name, UPLOAD_PACK)
        _require_whole(request, found)
        body = _body(request, MAX_FETCH_REQUEST)
    except Refusal as refusal:
        return _refused(refusal)
    if wants_all(body.beginning):
        count(request, found)
    release_connection()
    blocks = smart_http.upload_pack(found.path, body, protocol=_protocol(request))
    return _stream(blocks, f"application/x-{UPLOAD_PACK}-result")


@token_door("POST")
def receive_pack(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> HttpResponse:
    try:
        found = _repository(request, kind, namespace, name, RECEIVE_PACK)
        body = _body(request, MAX_PUSH)
    except Refusal as refusal:
        return _refused(refusal)
    by: Principal = principal_of(request)
    release_connection()
    blocks = pushes.receive(found, body, by=by, protocol=_protocol(request))
    return _stream(blocks, f"application/x-{RECEIVE_PACK}-result")


def _repository(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str, service: str) -> Repository:
    found = repository(request, kind, namespace, name)
    require_metered(request)
    if service == RECEIVE_PACK:
        if principal_of(request).is_anonymous:
            raise Unauthenticated("Log in to push.", hint="The password is an access token with write scope.")
        if not rules.may_write(principal_of(request), found):
            raise Forbidden("You may not push to this repository.", hint="Ask its owner for write access.")
    # A push hears of refs only, and who may push has the contents anyway.
    require_contents(principal_of(request), found)
    return found


def _require_whole(request: HttpRequest, found: Repository) -> None:
    """A pack cannot leave a file out. Large files lie outside of git and are refused one by one."""
    if blocks_small_files(found) and not principal_of(request).is_staff:
        raise Forbidden(
            "A file of this repository is not given out any more, and git can only give out all of them.",
            hint="Download the other files by their addresses; the public register at /register says why.",
        )


def _refused(refusal: Refusal) -> HttpResponse:
    """git shows the text of a plain answer, and asks for a password on 401."""
    response = HttpResponse(sentence(refusal) + "\n", status=refusal.status, content_type="text/plain; charset=utf-8")
    if refusal.code in PROTOCOL_CODES:
        response["X-Error-Code"] = refusal.code
    if refusal.status == 401:
        response["WWW-Authenticate"] = 'Basic realm="Wellspring", charset="UTF-8"'
    return response


def _protocol(request: HttpRequest) -> str:
    return request.headers.get("Git-Protocol", "")


def _body(request: HttpRequest, limit: int) -> Peeked:
    """What git sent, unpacked to at most `limit` bytes. Raises Invalid for what is no gzip from the start.

    If it breaks later, the answer has begun and can only be cut off.
    """
    source = body_of(request)
    if request.headers.get("Content-Encoding", "").lower() != "gzip":
        return Peeked(source)
    try:
        return Peeked(Gunzipped(source, limit))
    except GitError as error:
        raise Invalid(f"{error}.".capitalize(), hint="Send it again, or without Content-Encoding.") from error


def _stream(blocks: object, kind: str) -> HttpResponse:
    response = StreamingHttpResponse(blocks, content_type=kind)  # type: ignore[arg-type]
    response["Cache-Control"] = "no-cache"
    return response  # type: ignore[return-value]
