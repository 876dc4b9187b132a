"""The public data-set viewer's questions, in its own shapes: `/datasets-server/rows?dataset=…&config=…&split=…`."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, JsonResponse

from common.errors import Invalid, NotFound, Unavailable
from hub.api.links import viewer_link
from hub.api.protocol import absolute, door, principal_of
from hub.enums import ViewState
from hub.errors import RepositoryMoved, Unprocessable
from hub.models import DatasetSplit, DatasetView, Repository
from hub.selectors.dataset_views import lost_file, split_named, splits_of
from hub.services import dataset_rows
from hub.services.dataset_access import dataset_for, view_for
from hub.services.dataset_views import renew_view


@door("GET")
def answer(request: HttpRequest, what: str) -> HttpResponse:
    """One of the questions below, about the data set that `dataset` names."""
    question = _QUESTIONS.get(what)
    if question is None:
        raise NotFound("There is no such address.", hint=f"Ask one of {', '.join(sorted(_QUESTIONS))}.")
    repository = _dataset(request)
    revision, view = view_for(repository, request.GET.get("revision", ""))
    response = JsonResponse(question(request, repository, view))
    response["X-Repo-Commit"] = revision.commit
    return response


def ready_view(view: DatasetView) -> DatasetView:
    """The view, if it is there. Raises Unavailable with a time to come back, or Unprocessable."""
    if view.state == ViewState.WAITING:
        raise Unavailable(
            "The tables of this data set are being prepared.",
            hint="Ask again in a few seconds.",
            code="ResponseNotReady",
            retry_after=3,
        )
    if view.state == ViewState.FAILED:
        raise Unprocessable(view.problem, hint="Add such files, or name them in `configs` of the card.")
    return view


def readable_split(view: DatasetView, config: str, split: str) -> DatasetSplit:
    """Raises NotFound, Unprocessable with the reason why it cannot be shown."""
    found = split_named(ready_view(view), config, split)
    if found.problem:
        raise Unprocessable(found.problem, hint="Repair the files of this split.")
    return found


def parquet_url(request: HttpRequest, repository: Repository, split: DatasetSplit, number: int) -> str:
    path = f"{quote(split.config, safe='')}/{quote(split.split, safe='')}/{number}.parquet"
    return absolute(request, f"/api/datasets/{repository.full_name}/parquet/{path}")


def parquet_sizes(split: DatasetSplit) -> list[int]:
    return [split.converted_size] if split.converted else [entry["size"] for entry in split.files]


def shown_row(request: HttpRequest, row: dict[str, Any], features: dict[str, Any]) -> dict[str, Any]:
    """A row with the addresses of its pictures and sounds in their cells."""
    cells = dict(row["row"])
    for name, media in row["media"].items():
        shown = [_medium(request, medium) for medium in media]
        feature = features.get(name)
        is_single = not (isinstance(feature, list) or (isinstance(feature, dict) and "feature" in feature))
        # Sounds are a list even when there is one: of each there may be several formats.
        cells[name] = shown[0] if is_single and media[0]["type"].startswith("image/") else shown
    return cells


def _medium(request: HttpRequest, medium: dict[str, Any]) -> dict[str, Any]:
    address = viewer_link(request, medium["name"])
    if medium["type"].startswith("image/"):
        return {"src": address, "height": medium["height"], "width": medium["width"]}
    return {"src": address, "type": medium["type"]}


def _is_valid(request: HttpRequest, repository: Repository, view: DatasetView) -> dict[str, Any]:
    shown = view.state == ViewState.READY and any(not split.problem for split in splits_of(view))
    return dict.fromkeys(("preview", "viewer", "search", "filter", "statistics"), shown)


def _splits(request: HttpRequest, repository: Repository, view: DatasetView) -> dict[str, Any]:
    rows = _of_config(request, splits_of(ready_view(view)))
    named = [_named(repository, split) | ({"problem": split.problem} if split.problem else {}) for split in rows]
    good = [entry for entry in named if "problem" not in entry]
    return {"splits": good, "pending": [], "failed": [entry for entry in named if "problem" in entry]}


def _parquet(request: HttpRequest, repository: Repository, view: DatasetView) -> dict[str, Any]:
    found = []
    failed = []
    for split in _of_config(request, splits_of(ready_view(view))):
        if split.problem:
            failed.append(_named(repository, split))
            continue
        for number, size in enumerate(parquet_sizes(split)):
            url = parquet_url(request, repository, split, number)
            found.append(_named(repository, split) | {"url": url, "filename": f"{number:04}.parquet", "size": size})
    return {"parquet_files": found, "pending": [], "failed": failed, "partial": False}


def _size(request: HttpRequest, repository: Repository, view: DatasetView) -> dict[str, Any]:
    rows = _of_config(request, splits_of(ready_view(view)))
    splits = [_named(repository, split) | _bytes([split]) | {"num_columns": len(split.features)} for split in rows]
    configs = []
    for config in dict.fromkeys(split.config for split in rows):
        own = [split for split in rows if split.config == config]
        facts = {"dataset": repository.full_name, "config": config, "num_columns": len(own[0].features)}
        configs.append(facts | _bytes(own))
    whole = {"dataset": repository.full_name} | _bytes(rows)
    return {"size": {"dataset": whole, "configs": configs, "splits": splits}, "pending": [], "failed": []}


def _info(request: HttpRequest, repository: Repository, view: DatasetView) -> dict[str, Any]:
    rows = _of_config(request, splits_of(ready_view(view)))
    found: dict[str, Any] = {}
    for split in rows:
        config = found.setdefault(
            split.config,
            {
                "builder_name": "parquet",
                "dataset_name": repository.name,
                "config_name": split.config,
                "features": split.features,
                "splits": {},
                "license": repository.license,
                "dataset_size": 0,
            },
        )
        facts = {"name": split.split, "num_bytes": split.size, "num_examples": split.rows}
        config["splits"][split.split] = facts | {"dataset_name": repository.name}
        config["dataset_size"] += split.size
    if config_name := request.GET.get("config"):
        return {"dataset_info": found[config_name], "partial": False}
    return {"dataset_info": found, "pending": [], "failed": [], "partial": False}


def _first_rows(request: HttpRequest, repository: Repository, view: DatasetView) -> dict[str, Any]:
    split = _split(request, view)
    found = page(repository, split, offset=0, length=dataset_rows.MOST_ROWS)
    return _named(repository, split) | _shown(request, split, found) | {"truncated": found["has_more"]}


def _rows(request: HttpRequest, repository: Repository, view: DatasetView) -> dict[str, Any]:
    split = _split(request, view)
    found = page(repository, split, offset=_number(request, "offset", 0), length=_length(request))
    return _shown(request, split, found) | _counted(split)


def _search(request: HttpRequest, repository: Repository, view: DatasetView) -> dict[str, Any]:
    return _found(request, repository, view, text=_wanted(request, "query"))


def _filter(request: HttpRequest, repository: Repository, view: DatasetView) -> dict[str, Any]:
    return _found(request, repository, view, where=_wanted(request, "where"))


def _found(request: HttpRequest, repository: Repository, view: DatasetView, **condition: str) -> dict[str, Any]:
    """Rows that fit; their number is only known when this is the last page, and else left out."""
    split = _split(request, view)
    offset = _number(request, "offset", 0)
    found = page(repository, split, offset=offset, length=_length(request), **condition)
    counted = _counted(split) | {"num_rows_total": None if found["has_more"] else offset + len(found["rows"])}
    return _shown(request, split, found) | counted | {"has_more": found["has_more"]}


def _statistics(request: HttpRequest, repository: Repository, view: DatasetView) -> dict[str, Any]:
    split = _split(request, view)
    if lost := lost_file(repository, split):
        raise Unprocessable(f"The content of {lost} was deleted.")
    facts = {"num_examples": split.measured_rows, "statistics": split.statistics}
    return facts | {"partial": not split.is_whole_measured}


def page(repository: Repository, split: DatasetSplit, **wanted: Any) -> dict[str, Any]:
    """A page of rows; when the table that was made for it is gone, it is made again. Raises Unavailable."""
    try:
        return dataset_rows.page_of_rows(repository, split, **wanted)
    except dataset_rows.ConvertedGone:
        renew_view(split.view)
        ready_view(split.view)
        raise


def _dataset(request: HttpRequest) -> Repository:
    name = request.GET.get("dataset", "")
    if not name:
        raise Invalid("Parameter `dataset` is required.", hint="Send ?dataset=namespace/name.")
    try:
        return dataset_for(principal_of(request), name)
    except RepositoryMoved as moved:
        return dataset_for(principal_of(request), moved.repository.full_name)


def _split(request: HttpRequest, view: DatasetView) -> DatasetSplit:
    return readable_split(view, request.GET.get("config", ""), request.GET.get("split", ""))


def _of_config(request: HttpRequest, rows: list[DatasetSplit]) -> list[DatasetSplit]:
    config = request.GET.get("config")
    found = [split for split in rows if not config or split.config == config]
    if not found:
        raise NotFound("This data set has no such configuration.", hint="Ask /splits for those that there are.")
    return found


def _named(repository: Repository, split: DatasetSplit) -> dict[str, Any]:
    return {"dataset": repository.full_name, "config": split.config, "split": split.split}


def _bytes(rows: list[DatasetSplit]) -> dict[str, Any]:
    return {
        "num_bytes_original_files": sum(split.size for split in rows),
        "num_bytes_parquet_files": sum(sum(parquet_sizes(split)) for split in rows),
        "num_rows": sum(split.rows for split in rows),
        "estimated_num_rows": None,
    }


def _shown(request: HttpRequest, split: DatasetSplit, found: dict[str, Any]) -> dict[str, Any]:
    features = [
        {"feature_idx": at, "name": name, "type": feature} for at, (name, feature) in enumerate(split.features.items())
    ]
    rows = [
        {
            "row_idx": row["row_idx"],
            "row": shown_row(request, row, split.features),
            "truncated_cells": row["truncated_cells"],
        }
        for row in found["rows"]
    ]
    return {"features": features, "rows": rows}


def _counted(split: DatasetSplit) -> dict[str, Any]:
    return {"num_rows_total": split.rows, "num_rows_per_page": dataset_rows.MOST_ROWS, "partial": False}


def _length(request: HttpRequest) -> int:
    length = _number(request, "length", dataset_rows.MOST_ROWS)
    if length > dataset_rows.MOST_ROWS:
        raise Invalid(f"Parameter `length` must not be greater than {dataset_rows.MOST_ROWS}.")
    return length


def _number(request: HttpRequest, name: str, default: int) -> int:
    text = request.GET.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise Invalid(f"Parameter `{name}` must be a whole number, 0 or more.")
    return int(text)


def _wanted(request: HttpRequest, name: str) -> str:
    text = request.GET.get(name, "")
    if not text:
        raise Invalid(f"Parameter `{name}` is required.")
    return text


_QUESTIONS: dict[str, Callable[[HttpRequest, Repository, DatasetView], dict[str, Any]]] = {
    "is-valid": _is_valid,
    "splits": _splits,
    "parquet": _parquet,
    "size": _size,
    "info": _info,
    "first-rows": _first_rows,
    "rows": _rows,
    "search": _search,
    "filter": _filter,
    "statistics": _statistics,
}
