"""A data set as Parquet, as Croissant metadata, and as tables to ask by SQL: below `/api/datasets/{id}`."""

from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse

from common.errors import NotFound
from hub import stores
from hub.algorithms import croissant as croissants
from hub.api import content
from hub.api.counting import count
from hub.api.dataset_viewer import parquet_sizes, parquet_url, readable_split, ready_view, shown_row
from hub.api.protocol import absolute, door, error_response, json_body, principal_of, text_of
from hub.models import DatasetSplit, DatasetView, Repository
from hub.selectors.dataset_views import lost_file, splits_of
from hub.services import dataset_rows
from hub.services.dataset_access import dataset_for, view_for
from hub.services.dataset_views import renew_view


@door("GET")
def parquet(request: HttpRequest, namespace: str, name: str, config: str = "", split: str = "") -> HttpResponse:
    """Addresses by configuration and split; of one configuration; of one split."""
    repository, view = _asked(request, namespace, name)
    found: dict[str, dict[str, list[str]]] = {}
    for one in splits_of(ready_view(view)):
        if not one.problem:
            urls = [parquet_url(request, repository, one, number) for number in range(len(parquet_sizes(one)))]
            found.setdefault(one.config, {})[one.split] = urls
    if not config:
        return JsonResponse(found)
    if config not in found or (split and split not in found[config]):
        raise NotFound("This data set has no such configuration or split.")
    return JsonResponse(found[config][split] if split else found[config], safe=False)


@door("GET")
def parquet_file(request: HttpRequest, namespace: str, name: str, config: str, split: str, number: int) -> HttpResponse:
    """One file: the data set's own, or the one that was made of its CSV or JSON lines."""
    repository, view = _asked(request, namespace, name)
    found = readable_split(view, config, split)
    if number >= len(parquet_sizes(found)):
        raise NotFound("This split has no such file.", hint=f"It has {len(parquet_sizes(found))}.")
    if not found.converted:
        path = quote(found.files[number]["path"])
        return HttpResponseRedirect(f"{repository.get_absolute_url()}/resolve/{view.commit}/{path}")
    if lost := lost_file(repository, found):
        raise NotFound(f"The content of {lost} was deleted.")
    store = stores.viewer_files()
    if not store.exists(found.converted):
        renew_view(view)
        ready_view(view)
    if content.starts_a_download(request):
        count(request, repository)
    whole = content.of_stored(store, found.converted, found.converted_size, name=f"{number:04}.parquet")
    return content.answer(request, whole, {"X-Repo-Commit": view.commit})


@door("GET")
def croissant(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Metadata as Croissant 1.0 (JSON-LD)."""
    repository, view = _asked(request, namespace, name)
    splits = [split for split in splits_of(ready_view(view)) if not split.problem]
    value = croissants.metadata_of(
        full_name=repository.full_name,
        url=absolute(request, repository.get_absolute_url()),
        commit=view.commit,
        card=repository.card,
        licence=repository.license,
        created=repository.created_at,
        changed=repository.updated_at,
        creator=repository.namespace.name,
        creator_url=absolute(request, repository.namespace.get_absolute_url()),
        is_organisation=repository.namespace.organisation_id is not None,
        tables=[
            croissants.Table(split.config, split.split, split.format, split.files, split.features) for split in splits
        ],
    )
    response = JsonResponse(value)
    response["Content-Type"] = "application/ld+json"
    return response


@door("POST")
def sql(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """`{query, config?, split?, revision?, key?}`: one SELECT over the splits of a configuration."""
    body = json_body(request)
    repository, view = _asked(request, namespace, name, revision=text_of(body, "revision", default=""))
    current = readable_split(view, text_of(body, "config", default=""), text_of(body, "split", default=""))
    try:
        found = ask(repository, view, current, text_of(body, "query", default=""), key=text_of(body, "key", default=""))
    except dataset_rows.QueryRefused as refusal:
        return _with_position(refusal)
    names = [str(at) for at in range(len(found["columns"]))]
    rows = [shown_row(request, row, {}) for row in found["rows"]]
    return JsonResponse(
        {
            "columns": found["columns"],
            "rows": [[row[name] for name in names] for row in rows],
            "truncated": found["has_more"],
        }
    )


@door("DELETE")
def cancel(request: HttpRequest, namespace: str, name: str, key: str) -> HttpResponse:
    """End the query that was asked with this key."""
    repository = dataset_for(principal_of(request), f"{namespace}/{name}")
    dataset_rows.cancel(repository, key)
    return HttpResponse(status=204)


def ask(
    repository: Repository, view: DatasetView, current: DatasetSplit, query: str, *, key: str = ""
) -> dict[str, Any]:
    """The answer to a query over the splits beside this one. Raises QueryRefused, Unavailable."""
    beside = [split for split in splits_of(view) if split.config == current.config and not split.problem]
    try:
        return dataset_rows.query(repository, beside, query, current=current, key=key)
    except dataset_rows.ConvertedGone:
        renew_view(view)
        ready_view(view)
        raise


def _with_position(refusal: dataset_rows.QueryRefused) -> HttpResponse:
    response = error_response(refusal)
    line, column = refusal.context.get("line", 0), refusal.context.get("column", 0)
    if line:
        body = {"error": str(refusal.message), "code": refusal.code, "hint": str(refusal.hint)}
        replaced = JsonResponse(body | {"line": line, "column": column}, status=refusal.status)
        replaced["X-Error-Message"] = response["X-Error-Message"]
        return replaced
    return response


def _asked(request: HttpRequest, namespace: str, name: str, *, revision: str = "") -> tuple[Repository, DatasetView]:
    repository = dataset_for(principal_of(request), f"{namespace}/{name}")
    _revision, view = view_for(repository, revision or request.GET.get("revision", ""))
    return repository, view
