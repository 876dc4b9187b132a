"""Branches, tags and history (hub-api.md, refs and commits)."""

from html import escape
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from common.pagination import link_next
from hub.api.protocol import date, door, flag, json_body, principal_of, repository, revision, text_of
from hub.enums import RepositoryKind
from hub.git import reading
from hub.git import refs as git
from hub.git.repositories import open_repository
from hub.models import Commit
from hub.selectors.revisions import commit_row
from hub.services import refs

_PAGE = 50


@door("GET")
def all_refs(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> HttpResponse:
    found = repository(request, kind, namespace, name)
    repo = open_repository(found.path)
    answer = {"branches": _listed(git.branches(repo)), "tags": _listed(git.tags(repo))}
    answer["converts"] = _listed(git.converts(repo))
    if flag(request, "include_prs"):
        answer["pullRequests"] = _listed(git.pull_requests(repo))
    return JsonResponse(answer)


@door("GET")
def commits(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str, rest: str) -> HttpResponse:
    found = repository(request, kind, namespace, name)
    at = revision(found, rest)
    given = request.GET.get("p", "0")
    number = int(given) if given.isdecimal() and len(given) < 9 else 0
    listed = reading.log(open_repository(found.path), at.commit, skip=number * _PAGE, limit=_PAGE + 1)
    formatted = "formatted" in (*request.GET.getlist("expand[]"), *request.GET.getlist("expand"))
    answer = [_commit(commit_row(found, commit), formatted) for commit in listed[:_PAGE]]
    response = JsonResponse(answer, safe=False)
    if len(listed) > _PAGE:
        link_next(request, response, p=number + 1)
    return response


@door("POST", "DELETE")
def branch(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str, rest: str) -> HttpResponse:
    found = repository(request, kind, namespace, name)
    by = principal_of(request)
    if request.method == "DELETE":
        refs.delete_branch(found, rest, by=by)
    else:
        body = json_body(request)
        start = text_of(body, "startingPoint", default="")
        refs.create_branch(found, rest, by=by, start=start, exist_ok=body.get("overwrite") is True)
    return JsonResponse({})


@door("POST", "DELETE")
def tag(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str, rest: str) -> HttpResponse:
    found = repository(request, kind, namespace, name)
    by = principal_of(request)
    if request.method == "DELETE":
        refs.delete_tag(found, rest, by=by)
    else:
        body = json_body(request)
        message = text_of(body, "message", default="")
        refs.create_tag(found, text_of(body, "tag"), by=by, revision=rest, message=message)
    return JsonResponse({})


@door("POST")
def squash(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str, rest: str) -> HttpResponse:
    found = repository(request, kind, namespace, name)
    message = text_of(json_body(request), "message", default="")
    return JsonResponse({"oid": refs.squash(found, rest, by=principal_of(request), message=message)})


def _listed(found: list[git.Ref]) -> list[dict[str, str]]:
    return [{"name": ref.name, "ref": ref.ref, "targetCommit": ref.commit} for ref in found]


def _commit(row: Commit, formatted: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "id": row.oid,
        "title": row.title,
        "message": row.message,
        "authors": [{"user": row.author_name, "avatar": ""}],
        "date": date(row.date),
    }
    if formatted:
        answer["formatted"] = {"title": escape(row.title), "message": escape(row.message)}
    return answer
