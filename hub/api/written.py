"""Repositories in lists as the protocol spells them, written by PostgreSQL.

Word for word what representations.info makes out of objects (tests hold both against each other): a
hundred rows as objects and then as JSON cost several times what their query does.
"""

import json
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from common.compiled import Step, Written
from hub.api.representations import SAME_FOR_ALL, names_given
from hub.enums import GateMode, RepositoryKind, Visibility
from hub.selectors.paging import Reading

_DATE = """to_json(to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))"""


def entries(kind: RepositoryKind, expand: Sequence[str], *, card: bool, config: bool) -> Reading | None:
    """How a list reads its rows as JSON texts; None where a property cannot be had from the row alone."""
    names = tuple(expand) or tuple(names_given(kind, card=card, config=config))
    if any(name not in _VALUES and name not in SAME_FOR_ALL and name != "siblings" for name in names):
        return None
    if "siblings" in expand:
        return None
    return Reading(Step(_with_entry, (kind == RepositoryKind.MODEL, names, bool(expand))), "entry")


def _with_tag(rows: QuerySet[Any]) -> QuerySet[Any]:
    label = "coalesce(nullif(substring({} FROM position(':' IN {}) + 1), ''), {})"
    sql = f"""concat('{{{{"id":', to_json({{}}), ',"label":', to_json({label}), ',"type":', to_json({{}}), '}}}}')"""
    return rows.annotate(entry=Written(sql, "tag", "tag", "tag", "tag", "group"))


TAG = Step(_with_tag)  # a tag among those to choose from


def _with_entry(rows: QuerySet[Any], is_model: bool, names: tuple[str, ...], with_empty: bool) -> QuerySet[Any]:
    pairs, columns = [_pair("id", "to_json({} || '/' || {})", False)], ["pk", "namespace__name", "name"]
    if is_model:
        pairs.append(_pair("modelId", "to_json({} || '/' || {})", False))
        columns += ["namespace__name", "name"]
    for name in names:
        if name in _VALUES:
            sql, *read = _VALUES[name]
            pairs.append(_pair(name, sql, with_empty))
            columns += read
        elif with_empty or SAME_FOR_ALL.get(name) is not None:
            pairs.append("'" + _in_format(f',"{name}":{json.dumps(SAME_FOR_ALL[name])}') + "'")
    # concat leaves out what is NULL.
    begin = """'{{"_id":"', lpad(to_hex({}), 24, '0'), '"'"""
    return rows.annotate(entry=Written(f"concat({begin}, {', '.join(pairs)}, '}}}}')", *columns))


def _pair(name: str, sql: str, with_empty: bool) -> str:
    """SQL of a property; NULL, or null in JSON, where its value is NULL."""
    value = f"coalesce(({sql})::text, 'null')" if with_empty else f"({sql})::text"
    return f"""',"{name}":' || {value}"""


def _in_format(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}").replace("'", "''")


def _of_card(key: str) -> tuple[str, str]:
    return f"nullif({{}} -> '{key}', 'null')", "card"


# The SQL of a JSON value, NULL for none, and the columns in the places of its braces.
_VALUES: dict[str, tuple[str, ...]] = {
    "author": ("to_json({})", "namespace__name"),
    "private": (f"to_json({{}} = '{Visibility.PRIVATE.value}')", "visibility"),
    "gated": (f"CASE {{}} WHEN '{GateMode.OPEN.value}' THEN 'false' ELSE to_json({{}})::text END", "gated", "gated"),
    "disabled": ("to_json({})", "is_disabled"),
    "downloads": ("{}", "downloads"),
    "likes": ("{}", "likes"),
    "downloadsAllTime": ("{}", "downloads_all_time"),
    "trendingScore": ("round({}::float8 / 100)", "trending"),
    "tags": ("to_json({})", "tags"),
    "createdAt": (_DATE, "created_at"),
    "lastModified": (_DATE, "updated_at"),
    "sha": ("to_json({})", "head"),
    "usedStorage": ("{}", "used_storage"),
    "cardData": ("nullif({}, '{{}}')", "card"),
    "pipeline_tag": ("to_json(nullif({}, ''))", "pipeline_tag"),
    "library_name": ("to_json(nullif({}, ''))", "library_name"),
    "config": ("nullif({}, '{{}}')", "config"),
    "evalResults": ("{}", "eval_results"),
    "safetensors": ("nullif({} -> 'safetensors', 'null')", "weights"),
    "gguf": ("nullif({} -> 'gguf', 'null')", "weights"),
    "subdomain": ("to_json(lower(translate({} || '/' || {}, '/.', '--')))", "namespace__name", "name"),
    "models": ("nullif(coalesce({} -> 'models', '[]'), 'null')", "card"),
    "datasets": ("nullif(coalesce({} -> 'datasets', '[]'), 'null')", "card"),
} | {name: _of_card(name) for name in ("model-index", "description", "paperswithcode_id", "sdk")}
