"""Looking into a data set: rows with pictures, statistics of columns, SQL."""

# Queries are made as examples for the asker, who may ask anything.
# ruff: noqa: S608

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from common.errors import Refusal
from hub.algorithms.histograms import Bar, bars_of, common_values, number
from hub.api.dataset_files import ask
from hub.api.dataset_viewer import page
from hub.api.links import viewer_link
from hub.enums import RepositoryKind, ViewState
from hub.errors import GatedRepository
from hub.models import DatasetSplit, DatasetView, Repository
from hub.selectors.dataset_views import lost_file, split_named, splits_of
from hub.selectors.repositories import repository_for
from hub.services.dataset_access import dataset_for, view_for
from hub.services.dataset_rows import QueryRefused
from hub.views.frame import context_of

ROWS = 50
_NUMBERS = ("int", "uint", "float", "double", "decimal")
SHORT = 240  # characters of a text that are shown at once


@dataclass(frozen=True)
class Cell:
    """`kind` is media, null, number, label, text or json; `rest` is what unfolds."""

    kind: str
    text: str = ""
    rest: str = ""
    media: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Column:
    """A column with its type in words and, if it was measured, bars and facts."""

    name: str
    type: str
    bars: list[Bar]
    summary: str
    facts: dict[str, str]

    @property
    def is_number(self) -> bool:
        return self.type.startswith(_NUMBERS)


@require_safe
def viewer(request: HttpRequest, namespace: str, name: str, config: str = "", split: str = "") -> HttpResponse:
    """A page of rows; `p` counts pages from 0, `q` searches texts, `where` is a condition in SQL."""
    try:
        repository = dataset_for(request.principal, f"{namespace}/{name}")
    except GatedRepository as refusal:
        return _closed(request, f"{namespace}/{name}", refusal)
    revision, view = view_for(repository, request.GET.get("revision", ""))
    context = context_of(request, repository, "viewer", view=view, revision=revision)
    if view.state != ViewState.READY:
        return _not_ready(request, view, context)
    found = split_named(view, config, split)
    context |= _of_split(view, found)
    if found.problem:
        return render(request, "hub/dataset_viewer.html", context)
    asked = request.GET.get("p", "0")
    start = (int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 10 else 0) * ROWS
    where, text = request.GET.get("where", "").strip(), request.GET.get("q", "").strip()
    context |= {"where": where, "text": text, "start": start, "number": start // ROWS}
    try:
        rows = page(repository, found, offset=start, length=ROWS, where=where, text=text)
    except Refusal as refusal:
        view.refresh_from_db()
        if view.state != ViewState.READY:
            return _not_ready(request, view, context)
        return render(request, "hub/dataset_viewer.html", context | {"refusal": refusal} | _position(refusal))
    context |= {
        "rows": [
            (row["row_idx"], [_cell(request, row, column, found.features[column]) for column in found.features])
            for row in rows["rows"]
        ],
        "more": rows["has_more"],
        "last": start + len(rows["rows"]),
        "first": start + 1,
    }
    return render(request, "hub/dataset_viewer.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def sql_page(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """SQL over the splits of a configuration. Links may fill in a query, only sending the form runs it."""
    try:
        repository = dataset_for(request.principal, f"{namespace}/{name}")
    except GatedRepository as refusal:
        return _closed(request, f"{namespace}/{name}", refusal)
    revision, view = view_for(repository, request.GET.get("revision", ""))
    context = context_of(request, repository, "viewer", view=view, revision=revision)
    if view.state != ViewState.READY:
        return _not_ready(request, view, context)
    found = split_named(view, request.GET.get("config", ""), request.GET.get("split", ""))
    context |= _of_split(view, found)
    query = request.POST.get("query", request.GET.get("query", "")) or "SELECT * FROM data LIMIT 20"
    context |= {"query": query, "examples": _examples(found), "key": secrets.token_urlsafe(18)}
    if request.method == "POST" and not found.problem:
        context |= _answered(request, repository, view, found, query)
    return render(request, "hub/dataset_sql.html", context)


def _answered(
    request: HttpRequest, repository: Repository, view: DatasetView, found: DatasetSplit, query: str
) -> dict[str, Any]:
    try:
        answer = ask(repository, view, found, query, key=request.POST.get("key", ""))
    except Refusal as refusal:
        return {"refusal": refusal} | _position(refusal)
    columns = [(str(at), column) for at, column in enumerate(answer["columns"])]
    rows = [[_cell(request, row, key, {"dtype": column["type"]}) for key, column in columns] for row in answer["rows"]]
    for column in answer["columns"]:
        column["is_number"] = column["type"].startswith(_NUMBERS)
    return {"answer": answer, "rows": rows, "count": len(rows)}


def _closed(request: HttpRequest, full_name: str, refusal: GatedRepository) -> HttpResponse:
    """The head of the page without anything of the content, and the way to ask for it."""
    repository = repository_for(request.principal, RepositoryKind.DATASET, full_name)
    context = context_of(request, repository, "viewer")
    return render(request, "hub/dataset_viewer.html", context, status=refusal.status)


def _not_ready(request: HttpRequest, view: DatasetView, context: dict[str, Any]) -> HttpResponse:
    response = render(request, "hub/dataset_viewer.html", context)
    if view.state == ViewState.WAITING:
        response["Refresh"] = "3"
    return response


def _of_split(view: DatasetView, found: DatasetSplit) -> dict[str, Any]:
    """The split that is shown and those beside it, its columns, how long it is."""
    splits = splits_of(view)
    return {
        "split": found,
        "splits": [one for one in splits if one.config == found.config],
        "configs": [one for at, one in enumerate(splits) if one.config not in {x.config for x in splits[:at]}],
        "columns": _columns(found),
        "total_rows": ngettext("%(count)s row", "%(count)s rows", found.rows) % {"count": f"{found.rows:,}"},
    }


def _position(refusal: Refusal) -> dict[str, Any]:
    if not isinstance(refusal, QueryRefused) or not refusal.context.get("line"):
        return {}
    return {"line": refusal.context["line"], "column": refusal.context["column"]}


def _columns(found: DatasetSplit) -> list[Column]:
    # What a file held shows in its statistics too.
    shown = [] if lost_file(found.view.repository, found) else found.statistics
    measured = {entry["column_name"]: entry for entry in shown}
    return [_column(name, feature, measured.get(name, {})) for name, feature in found.features.items()]


def _column(name: str, feature: Any, entry: dict[str, Any]) -> Column:
    facts = entry.get("column_statistics", {})
    bars = bars_of(facts)
    kind = entry.get("column_type", "")
    return Column(name, type_of(feature), bars, _summary(kind, facts), _facts(kind, facts))


def type_of(feature: Any) -> str:
    """A feature in few words: int64, label, picture, list of float32."""
    if isinstance(feature, list):
        return _("list of %(type)s") % {"type": type_of(feature[0] if feature else {})}
    if not isinstance(feature, dict):
        return "?"
    kind = feature.get("_type")
    if kind in {"List", "LargeList", "Sequence"}:
        return _("list of %(type)s") % {"type": type_of(feature.get("feature"))}
    names = {"Image": _("picture"), "Audio": _("sound"), "ClassLabel": _("label")}
    if kind in names:
        return names[kind]
    dtype = feature.get("dtype")
    return dtype if isinstance(dtype, str) else _("structure")


def _summary(kind: str, facts: dict[str, Any]) -> str:
    """One line below the bars."""
    if "frequencies" in facts:
        count = facts.get("n_unique", len(facts["frequencies"]))
        return ngettext("%(count)s value", "%(count)s values", count) % {"count": count}
    if facts.get("min") is None:
        return ""
    span = f"{number(facts['min'])} – {number(facts['max'])}"
    if kind in {"string_text", "list"}:
        return _("length %(span)s") % {"span": span}
    return span


def _facts(kind: str, facts: dict[str, Any]) -> dict[str, str]:
    """Everything that was measured, in words, for the table below the rows."""
    if not facts:
        return {}
    shown = {_("empty"): f"{facts['nan_count']:,}"} if "nan_count" in facts else {}
    of_length = {"min": _("shortest"), "max": _("longest"), "mean": _("mean length"), "median": _("median length")}
    names = {
        "n_unique": _("distinct"), "min": _("least"), "max": _("most"), "mean": _("mean"), "median": _("median"),
        "std": _("standard deviation"),
    }  # fmt: skip
    if kind in {"string_text", "list"}:
        names |= of_length
    shown |= {label: number(facts[key]) for key, label in names.items() if facts.get(key) is not None}
    if facts.get("frequencies"):
        common = common_values(facts["frequencies"])
        shown[_("most common")] = ", ".join(f"{value[:40]} ({count:,})" for value, count in common)
    return shown


def _cell(request: HttpRequest, row: dict[str, Any], name: str, feature: Any) -> Cell:
    if name in row["media"]:
        media = [medium | {"src": viewer_link(request, medium["name"])} for medium in row["media"][name]]
        return Cell("media", media=media)
    value = row["row"].get(name)
    if value is None:
        return Cell("null")
    if isinstance(value, bool):
        return Cell("text", "true" if value else "false")
    if isinstance(value, int | float):
        return _numeric(value, feature)
    kind = "text" if isinstance(value, str) else "json"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return Cell(kind, text[:SHORT], text if len(text) > SHORT else "")


def _numeric(value: float, feature: Any) -> Cell:
    names = feature.get("names") if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" else None
    if names and isinstance(value, int) and 0 <= value < len(names):
        return Cell("label", str(names[value]))
    return Cell("number", repr(value))


def _examples(found: DatasetSplit) -> list[tuple[str, str]]:
    """Queries that work on these very columns."""
    texts = [name for name, feature in found.features.items() if type_of(feature) == "string"]
    numbers = [name for name, feature in found.features.items() if type_of(feature).startswith(("int", "float"))]
    groups = [name for name, feature in found.features.items() if _is_label(feature)] or texts[:1]
    shown = [(_("The first rows"), "SELECT * FROM data LIMIT 20"), (_("Columns and types"), "DESCRIBE data")]
    if groups:
        name = _quoted(groups[0])
        shown.append((_("Count by value"), f"SELECT {name}, count(*) AS n FROM data GROUP BY 1 ORDER BY n DESC"))
    if numbers:
        name = _quoted(numbers[0])
        shown.append((_("Least, mean, most"), f"SELECT min({name}), avg({name}), max({name}) FROM data"))
    if texts:
        name = _quoted(texts[0])
        shown.append((_("Longest texts"), f"SELECT {name} FROM data ORDER BY length({name}) DESC LIMIT 10"))
    return shown


def _is_label(feature: Any) -> bool:
    return isinstance(feature, dict) and feature.get("_type") == "ClassLabel"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
