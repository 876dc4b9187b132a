"""What the values of each column are like, in the shapes of the public data-set viewer's `/statistics`."""

# Nothing but the asker's own data can be reached by these statements.
# ruff: noqa: S608

from typing import Any

import duckdb

from hub.viewer.cells import value_of
from hub.viewer.features import is_media, label_names
from hub.viewer.queries import identifier
from hub.viewer.tables import reason

BINS = 10
MOST_LABELS = 30
_INTEGERS = {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
_FLOATS = {"float16", "float32", "float64"}
_TEXTS = {"string", "large_string", "string_view"}


def statistics_of(
    connection: duckdb.DuckDBPyConnection, view: str, features: dict[str, Any], *, rows: int
) -> list[dict[str, Any]]:
    """One entry a column, over the first `rows` rows; a column that cannot be measured says why."""
    found = []
    for name, feature in features.items():
        source = f"(SELECT {identifier(name)} AS v FROM {identifier(view)} LIMIT {rows})"
        try:
            kind, facts = _Column(connection, source, feature).measured()
        except duckdb.Error as error:
            kind, facts = "unknown", {"problem": reason(error)}
        found.append({"column_name": name, "column_type": kind, "column_statistics": facts})
    return found


class _Column:
    def __init__(self, connection: duckdb.DuckDBPyConnection, source: str, feature: Any) -> None:
        self._connection = connection
        self._source = source
        self._feature = feature
        self._dtype = feature.get("dtype", "") if isinstance(feature, dict) else ""

    def measured(self) -> tuple[str, dict[str, Any]]:
        missing = self._missing()
        if names := label_names(self._feature):
            return "class_label", missing | self._labels(names)
        if is_media(self._feature):
            return self._media_type(), missing
        if self._is_list():
            return "list", missing | self._numbers("len(v)", whole=True)
        if self._dtype == "bool":
            return "bool", missing | {"frequencies": self._frequencies()}
        if self._dtype in _INTEGERS:
            return "int", missing | self._numbers("v", whole=True)
        if self._dtype in _FLOATS or self._dtype.startswith("decimal"):
            return "float", missing | self._numbers("v::DOUBLE", whole=False)
        if self._dtype in _TEXTS:
            return self._text(missing)
        if self._dtype.startswith(("timestamp", "date")):
            return "datetime", missing | self._moments()
        return "other", missing

    def _text(self, missing: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        (unique,) = self._row("SELECT least(approx_count_distinct(v), count(v)) FROM {source}")
        if unique <= MOST_LABELS * 2:
            frequencies = self._frequencies()
            if 0 < len(frequencies) <= MOST_LABELS:
                lengths = {"lengths": self._numbers("length(v)", whole=True)}
                return "string_label", missing | {"n_unique": len(frequencies), "frequencies": frequencies} | lengths
        return "string_text", missing | {"n_unique": unique} | self._numbers("length(v)", whole=True)

    def _missing(self) -> dict[str, Any]:
        total, missing = self._row("SELECT count(*), count(*) - count(v) FROM {source}")
        return {"nan_count": missing, "nan_proportion": round(missing / total, 5) if total else 0.0}

    def _numbers(self, expression: str, *, whole: bool) -> dict[str, Any]:
        """Infinities and NaN have no mean; they are left out of all but the count of values."""
        finite = "" if whole else " AND isfinite(x)"
        source = f"(SELECT {expression} AS x FROM {self._source}) WHERE x IS NOT NULL{finite}"
        low, high, mean, median, deviation = self._row(
            f"SELECT min(x), max(x), avg(x::DOUBLE), median(x::DOUBLE), stddev_samp(x::DOUBLE) FROM {source}"
        )
        facts = {"min": low, "max": high, "mean": mean, "median": median, "std": deviation}
        plain = {name: value_of(value)[0] for name, value in facts.items()}
        if low is None:
            return plain | {"histogram": None}
        return plain | {"histogram": self._histogram(source, low, high, whole=whole)}

    def _histogram(self, source: str, low: Any, high: Any, *, whole: bool) -> dict[str, Any]:
        """Bins of equal width that hold their lower edge, the last one also the upper."""
        span = high - low
        bins = max(1, min(BINS, span + 1)) if whole else BINS
        width = -(-(span + 1) // bins) if whole else float(span) / bins
        if span == 0 or width == 0 or not width < float("inf"):
            (count,) = self._row(f"SELECT count(*) FROM {source}")
            return {"hist": [count], "bin_edges": [value_of(low)[0], value_of(high)[0]]}
        bins = -(-(span + 1) // width) if whole else bins
        number = f"(x::HUGEINT - {low}) // {width}" if whole else f"floor((x - {low!r}) / {width!r})"
        rows = self._rows(f"SELECT least({number}, {bins - 1})::INT, count(*) FROM {source} GROUP BY 1")
        counts = {int(key): count for key, count in rows}
        edges = [low + at * width for at in range(bins)] + [high]
        return {"hist": [counts.get(at, 0) for at in range(bins)], "bin_edges": edges}

    def _frequencies(self) -> dict[str, int]:
        rows = self._rows(
            "SELECT left(v::VARCHAR, 200), count(*) AS n FROM {source} WHERE v IS NOT NULL "
            f"GROUP BY 1 ORDER BY n DESC, 1 LIMIT {MOST_LABELS + 1}"
        )
        return {value_of(value)[0]: count for value, count in rows}

    def _labels(self, names: list[str]) -> dict[str, Any]:
        rows = self._rows("SELECT v::BIGINT, count(*) FROM {source} WHERE v IS NOT NULL GROUP BY 1")
        by_number = dict(rows)
        named = {name: by_number.get(number, 0) for number, name in enumerate(names[:1000])}
        without = sum(count for number, count in rows if not 0 <= number < len(names))
        return {"no_label_count": without, "n_unique": len(rows), "frequencies": named}

    def _moments(self) -> dict[str, Any]:
        low, high = self._row("SELECT min(v)::VARCHAR, max(v)::VARCHAR FROM {source}")
        return {"min": low, "max": high}

    def _is_list(self) -> bool:
        feature = self._feature
        return isinstance(feature, list) or (
            isinstance(feature, dict) and feature.get("_type") in {"List", "LargeList"}
        )

    def _media_type(self) -> str:
        kind = self._feature
        return str(kind["_type"]).lower() if isinstance(kind, dict) and "_type" in kind else "list"

    def _row(self, sql: str) -> tuple[Any, ...]:
        return self._rows(sql)[0]

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql.replace("{source}", self._source)).fetchall()
