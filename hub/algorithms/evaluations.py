"""Results of evaluations: from `model-index` on the card and from files in `.eval_results/`."""

import json
from dataclasses import dataclass
from typing import Any

from hub.algorithms import cards

FOLDER = ".eval_results"
ENDINGS = (".yaml", ".yml")
MAX_FILES = 100
MAX_RESULTS = 500
MAX_ARGUMENTS = 40


@dataclass(frozen=True)
class Result:
    """A line of the table. `dataset_id` names a data set by its full name, `dataset` is what to show; `arguments` are
    what the metric was measured with, by name."""

    dataset: str
    task: str
    metric: str
    value: str
    dataset_id: str = ""
    source: str = ""
    source_url: str = ""
    notes: str = ""
    arguments: tuple[tuple[str, str], ...] = ()


def read_file(text: str, filename: str) -> list[dict[str, Any]]:
    """The entries of a file, as the protocol names them: `{filename, data}`, or `{filename, error}`."""
    try:
        value = cards.read_yaml(text)
    except cards.CardUnreadable as error:
        return [{"filename": filename, "error": str(error)}]
    entries = value if isinstance(value, list) else [value]
    found = []
    for number, entry in enumerate(entries[:MAX_RESULTS], 1):
        fault = _fault(entry)
        found.append({"filename": filename} | ({"error": f"entry {number}: {fault}"} if fault else {"data": entry}))
    return found


def results_of(card: dict[str, Any], entries: list[dict[str, Any]]) -> list[Result]:
    """All lines of the table, those of files first."""
    found = [_of_entry(entry["data"]) for entry in entries if "data" in entry]
    models = card.get("model-index")
    for model in models if isinstance(models, list) else []:
        for one in _dicts(model, "results"):
            found += [_of_metric(one, metric) for metric in _dicts(one, "metrics")]
    return found[:MAX_RESULTS]


def _fault(entry: Any) -> str:
    dataset = entry.get("dataset") if isinstance(entry, dict) else None
    if not isinstance(dataset, dict):
        return "it needs a `dataset` with `id` and `task_id`"
    missing = [key for key in ("id", "task_id") if not isinstance(dataset.get(key), str) or not dataset[key]]
    if missing:
        return f"its `dataset` needs `{missing[0]}`"
    return "it needs a `value`" if entry.get("value") is None else ""


def _of_entry(data: dict[str, Any]) -> Result:
    dataset, source = data["dataset"], data.get("source")
    source = source if isinstance(source, dict) else {}
    named = source.get("name") or source.get("user") or source.get("org") or source.get("url")
    return Result(
        dataset=_text(dataset["id"]),
        dataset_id=_text(dataset["id"]),
        task=_text(dataset["task_id"]),
        metric="",
        value=_number(data["value"]),
        source=_text(named),
        source_url=_link(source.get("url")),
        notes=_text(data.get("notes")),
    )


def _of_metric(result: dict[str, Any], metric: dict[str, Any]) -> Result:
    task, dataset, source = (_dict(result.get(key)) for key in ("task", "dataset", "source"))
    kind = _text(dataset.get("type"))
    return Result(
        dataset=_text(dataset.get("name")) or kind,
        dataset_id=kind if kind.count("/") == 1 else "",
        task=_text(task.get("name") or task.get("type")),
        metric=_text(metric.get("name") or metric.get("type")),
        value=_number(metric.get("value")),
        source=_text(source.get("name") or source.get("url")),
        source_url=_link(source.get("url")),
        arguments=_arguments(metric.get("args")),
    )


def _arguments(value: Any) -> tuple[tuple[str, str], ...]:
    """Those that fit into a line each; what is nested is said as JSON."""
    told = [(str(name)[:100], _argument(one)) for name, one in list(_dict(value).items())[:MAX_ARGUMENTS]]
    return tuple((name, text) for name, text in told if text)


def _argument(value: Any) -> str:
    nested = isinstance(value, dict | list)
    return json.dumps(value, ensure_ascii=False, default=str)[:300] if nested else _number(value)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any, key: str) -> list[dict[str, Any]]:
    inner = _dict(value).get(key)
    return [one for one in inner if isinstance(one, dict)] if isinstance(inner, list) else []


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, dict | list) else str(value)[:300]


def _number(value: Any) -> str:
    """As it was measured, without the noise of floating point."""
    return f"{value:.6g}" if isinstance(value, float) else _text(value)


def _link(value: Any) -> str:
    return value if isinstance(value, str) and value.startswith(("https://", "http://")) else ""
