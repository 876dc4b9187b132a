"""Queries whose SQL is composed once.

Django composes the SQL of a query anew at each call; for a short query on the hottest paths that costs more
than PostgreSQL's answer. Here it is composed at the first call, and later calls only fill in the values.
"""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=Model)


class Compiled(Generic[M]):
    """A query as a function of its values, for example

        by_name = Compiled(lambda name: Namespace.objects.select_related("user").filter(name=name), str)

    `build` is called once, with stand-ins of the types given; it must put each value into the query as it is
    (`name__in=[name]`, not `name=name.lower()`) and must not depend on what the values are. Rows come with
    what `select_related` and annotations add, as from the query itself.
    """

    def __init__(self, build: Callable[..., QuerySet[M]], *kinds: type[str] | type[int]) -> None:
        self._build = build
        self._kinds = kinds
        self._plan: _Plan[M] | None = None

    def __call__(self, *values: str | int) -> list[M]:
        if self._plan is None:
            self._plan = _Plan(self._build, self._kinds)
        return list(self._plan.rows(values))


class _Plan(Generic[M]):
    def __init__(self, build: Callable[..., QuerySet[M]], kinds: tuple[type, ...]) -> None:
        numbers = count(987_654_321)  # nothing else in a query looks like that
        stand_ins = [f"A Value {next(numbers)}" if kind is str else next(numbers) for kind in kinds]
        query = build(*stand_ins).query
        compiler = query.get_compiler(connection=connection)
        self._sql, parameters = compiler.as_sql()
        self._fill = [(stand_ins.index(value), None) if value in stand_ins else (None, value) for value in parameters]
        if missing := set(range(len(kinds))) - {place for place, _value in self._fill}:
            raise ValueError(f"the values {sorted(missing)} are not in the query as they are")
        self._compiler = compiler
        select, klass_info = compiler.select, compiler.klass_info
        own = klass_info["select_fields"]
        self._model = klass_info["model"]
        self._first, self._end = own[0], own[-1] + 1
        self._names = [expression.target.attname for expression, _sql, _alias in select[self._first : self._end]]
        self._related = get_related_populators(klass_info, select, connection.alias)  # type: ignore[call-arg]
        self._annotations = list(compiler.annotation_col_map.items())
        self._converters = compiler.get_converters([expression for expression, _sql, _alias in select])

    def rows(self, values: tuple[Any, ...]) -> Iterator[M]:
        parameters = [constant if place is None else values[place] for place, constant in self._fill]
        with connection.cursor() as cursor:
            cursor.execute(self._sql, parameters)
            found: Any = cursor.fetchall()
        if self._converters:
            found = self._compiler.apply_converters(found, self._converters)
        for row in found:
            one = self._model.from_db(connection.alias, self._names, row[self._first : self._end])
            for populator in self._related:
                populator.populate(row, one)
            for name, place in self._annotations:
                setattr(one, name, row[place])
            yield one
