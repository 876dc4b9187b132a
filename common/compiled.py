"""Queries whose SQL is composed once.

Django composes the SQL of a query anew at each call; for a short query on the hottest paths that costs more
than PostgreSQL's answer. Here it is composed at the first call, and later calls only fill in the values.
`Compiled` is for a query of one shape, `rows_of` for one put together from steps, as lists are by what is
asked for.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import count
from typing import Any, Generic, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BooleanField, Func, Lookup, Model, QuerySet, TextField
from django.db.models.query import ModelIterable, get_related_populators

M = TypeVar("M", bound=Model)
# What may be filled in. A list holds values of one kind, and is not empty.
Value = str | int | datetime | list[str] | list[int]
SHAPES = 300  # composed queries that are kept, of all that were asked for


class Compiled(Generic[M]):
    """A query as a function of its values, for example

        by_name = Compiled(lambda name: Namespace.objects.select_related("user").filter(name=name), str)

    `build` is called once, with stand-ins of the types given; it must put each value into the query as it is
    (`name__in=[name]`, not `name=name.lower()`) and must not depend on what the values are. Rows come with
    what `select_related` and annotations add, as from the query itself.
    """

    def __init__(self, build: Callable[..., QuerySet[M]], *kinds: type[str] | type[int] | type[datetime]) -> None:
        self._build = build
        self._kinds = kinds
        self._plan: _Plan | None = None

    def __call__(self, *values: str | int | datetime) -> list[M]:
        if self._plan is None:
            self._plan = _Plan(self._build, self._kinds)
        return self._plan.rows(values)


@dataclass(frozen=True)
class Step:
    """A part of a query: `apply(rows, *fixed, *values)` adds it.

    `values` go into the SQL as they are and never decide what it says; `fixed` may decide, and each
    of them makes a query of its own.
    """

    apply: Callable[..., QuerySet[Any]]
    fixed: tuple[Hashable, ...] = ()
    values: tuple[Value, ...] = ()


def queryset_of(steps: Sequence[Step]) -> QuerySet[Any]:
    """The query that steps make. The first of them begins it: it is given None as its rows."""
    rows: Any = None
    for step in steps:
        rows = step.apply(rows, *step.fixed, *step.values)
    return rows


def rows_of(steps: Sequence[Step], *, around: str = "") -> list[Any]:
    """Its rows: objects, or tuples where the last step asks for `values_list`, in the order of that.

    `around` is SQL that reads the query as `{rows}`, and gives tuples.
    """
    shape = tuple((step.apply, step.fixed, tuple(map(_kind, step.values))) for step in steps)
    plan = _plan_of(shape, around)
    return plan.rows([value for step in steps for value in step.values]) if plan is not None else []


class EqualsAny(Lookup):
    """`column = ANY(list)`: one shape however many values, where `__in` has one for each number of them."""

    template = "{} = ANY({})"
    lookup_name = "any"
    prepare_rhs = False
    output_field = BooleanField()

    def get_db_prep_lookup(self, value: Any, connection: Any) -> tuple[str, Any]:
        return "%s", (value,)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        left, parameters = self.process_lhs(compiler, connection)
        right, values = self.process_rhs(compiler, connection)
        return self.template.format(left, right), (*parameters, *values)


class Holds(EqualsAny):
    """An array that holds all of a list, where `__contains` writes each of its values on its own."""

    template = "{} @> {}"


class Overlaps(EqualsAny):
    """An array that holds some of a list."""

    template = "{} && {}"


class Like(EqualsAny):
    """`column LIKE pattern`: a pattern of the caller's, where `__contains` makes one out of each value."""

    template = "{} LIKE {}"


class Written(Func):
    """SQL as it stands, with `{}` in the places of columns: `Written("lower({})", "name")`. It gives a text."""

    def __init__(self, sql: str, *columns: str) -> None:
        super().__init__(*columns, output_field=TextField())
        self.sql = sql

    def as_sql(self, compiler: Any, connection: Any, **_context: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        return self.sql.format(*(compiler.compile(column)[0] for column in self.get_source_expressions())), []


def pattern(text: str) -> str:
    """A text as `Like` reads it literally."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _kind(value: Value) -> Any:
    return (list, type(value[0])) if isinstance(value, list) else type(value)


@lru_cache(maxsize=SHAPES)
def _plan_of(shape: tuple[Any, ...], around: str) -> "_Plan | None":
    """None for a query that finds nothing whatever the values are."""

    def build(*stand_ins: Any) -> QuerySet[Any]:
        left = iter(stand_ins)
        return queryset_of([Step(apply, fixed, tuple(next(left) for _kind in kinds)) for apply, fixed, kinds in shape])

    try:
        return _Plan(build, [kind for _apply, _fixed, kinds in shape for kind in kinds], around)
    except EmptyResultSet:
        return None


def _stand_in(kind: Any, number: int) -> Any:
    """A value that nothing else in a query looks like; small enough for a column of any width."""
    if isinstance(kind, tuple):
        return [_stand_in(kind[1], number)]
    if kind is datetime:
        return datetime(1901, 1, 1, tzinfo=UTC) + timedelta(days=number)
    return f"A Value {number}" if kind is str else number


class _Plan:
    def __init__(self, build: Callable[..., QuerySet[Any]], kinds: Sequence[Any], around: str = "") -> None:
        stand_ins = [_stand_in(kind, number) for kind, number in zip(kinds, count(31_001), strict=False)]
        rows = build(*stand_ins)
        compiler = rows.query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        self._sql = around.replace("{rows}", sql) if around else sql
        self._fill = [(stand_ins.index(value), None) if value in stand_ins else (None, value) for value in parameters]
        if missing := set(range(len(kinds))) - {place for place, _value in self._fill}:
            raise ValueError(f"the values {sorted(missing)} are not in the query as they are")
        self._reads_objects = rows._iterable_class is ModelIterable and not around  # noqa: SLF001 - said nowhere else
        select, klass_info = compiler.select, compiler.klass_info
        self._converters = (
            {} if around else compiler.get_converters([expression for expression, _sql, _alias in select])
        )
        # With its compiler the whole query would be kept.
        self._compiler = compiler if self._converters else None
        if self._reads_objects:
            own = klass_info["select_fields"]
            self._model = klass_info["model"]
            self._first, self._end = own[0], own[-1] + 1
            self._names = [expression.target.attname for expression, _sql, _alias in select[self._first : self._end]]
            self._related = get_related_populators(klass_info, select, connection.alias)  # type: ignore[call-arg]
            self._annotations = list(compiler.annotation_col_map.items())

    def rows(self, values: Sequence[Any]) -> list[Any]:
        parameters = [constant if place is None else values[place] for place, constant in self._fill]
        with connection.cursor() as cursor:
            cursor.execute(self._sql, parameters)
            found: Any = cursor.fetchall()
        if self._compiler is not None:
            found = self._compiler.apply_converters(found, self._converters)
        return list(self._objects(found)) if self._reads_objects else list(found)

    def _objects(self, found: Any) -> Iterator[Any]:
        for row in found:
            one = self._model.from_db(connection.alias, self._names, row[self._first : self._end])
            for populator in self._related:
                populator.populate(row, one)
            for name, place in self._annotations:
                setattr(one, name, row[place])
            yield one
