"""Imports from other hubs (docs/reference/imports.md): an addition to the protocol."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.selectors import namespace_named
from common.errors import Invalid, Unauthenticated
from hub import tasks
from hub.api.protocol import date, door, json_body, principal_of, text_of
from hub.enums import ImportSchedule, RepositoryKind, Visibility
from hub.errors import RepositoryNotFound
from hub.models import Import, ImportRun
from hub.selectors import imports as selectors
from hub.services import imports as services

_SHOWN = 100


@door("GET", "POST")
def imports(request: HttpRequest) -> HttpResponse:
    by = principal_of(request)
    if by.is_anonymous:
        raise Unauthenticated("Log in first.")
    if request.method == "GET":
        return JsonResponse([_one(found) for found in selectors.imports_of(by)[:_SHOWN]], safe=False)
    body = json_body(request)
    owner, _, name = text_of(body, "target").partition("/")
    namespace = namespace_named(owner)
    if namespace is None:
        raise RepositoryNotFound
    made = services.create(
        text_of(body, "source"),
        namespace,
        name,
        by=by,
        kind=text_of(body, "kind", default=RepositoryKind.MODEL),
        revision=text_of(body, "revision", default=""),
        token=text_of(body, "token", default=""),
        visibility=_visibility(body),
        schedule=text_of(body, "schedule", default=ImportSchedule.NONE),
        statement=text_of(body, "statement", default=""),
    )
    tasks.start_imports.delay()
    return JsonResponse(_one(made), status=201)


@door("GET")
def one_import(request: HttpRequest, key: str) -> HttpResponse:
    found = selectors.import_for(principal_of(request), key)
    return JsonResponse(_one(found) | {"runs": [_run(run) for run in selectors.runs_of(found)]})


@door("POST")
def act(request: HttpRequest, key: str) -> HttpResponse:
    """`{"act": "run" | "pause" | "cancel" | "confirm" | "schedule", …}`."""
    by = principal_of(request)
    found, body = selectors.import_for(by, key), json_body(request)
    match text_of(body, "act"):
        case "run":
            services.run_now(found, by=by)
        case "pause":
            services.pause(found, by=by)
        case "cancel":
            services.cancel(found, by=by)
        case "confirm":
            services.confirm(found, text_of(body, "statement"), by=by)
        case "schedule":
            services.set_schedule(found, text_of(body, "schedule"), by=by)
        case _:
            raise Invalid("`act` must be run, pause, cancel, confirm or schedule.")
    tasks.start_imports.delay()
    return JsonResponse(_one(selectors.import_for(by, key)))


def imported_from(found: Import) -> dict[str, Any]:
    """Where the files of a repository came from, as its own description tells it."""
    return {
        "url": found.source_url,
        "repository": found.source_name,
        "commit": found.source_commit,
        "at": date(found.copied_at) if found.copied_at else None,
        "by": found.created_by.username if found.created_by else None,
        "schedule": found.schedule,
    }


def _one(found: Import) -> dict[str, Any]:
    return {
        "id": found.key,
        "source": found.source_url,
        "kind": found.kind,
        "revision": found.revision or None,
        "history": found.has_history,
        "target": found.target_name,
        "schedule": found.schedule,
        "state": found.state,
        "reason": found.reason,
        "detail": found.detail,
        "licence": found.licence,
        "statement": found.statement,
        "hasToken": bool(found.sealed_token),
        "files": {"done": found.files_done, "total": found.files_total},
        "bytes": {"done": found.bytes_done, "total": found.bytes_total},
        "sourceCommit": found.source_commit,
        "commit": found.local_commit,
        "createdAt": date(found.created_at),
        "copiedAt": date(found.copied_at) if found.copied_at else None,
    }


def _run(run: ImportRun) -> dict[str, Any]:
    return {
        "endedAt": date(run.ended_at) if run.ended_at else None,
        "files": run.files,
        "bytes": run.bytes,
        "changes": run.changes,
        "notes": run.notes,
    }


def _visibility(body: dict[str, Any]) -> str | None:
    private = body.get("private")
    if private is None:
        return None
    if not isinstance(private, bool):
        raise Invalid("`private` must be true or false.")
    return Visibility.PRIVATE if private else Visibility.PUBLIC
