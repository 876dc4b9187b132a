"""Queries whose SQL is composed once give what the query itself gives."""

import pytest
from django.db.models import F, Q
from django.db.models.functions import Lower

from accounts.models import AccessToken, Namespace
from common import compiled
from common.compiled import Compiled, EqualsAny, Like, Step, _Plan, pattern, queryset_of, rows_of
from tests.factories import hub as make

pytestmark = pytest.mark.django_db


def by_name(name):
    names = Namespace.objects.select_related("user", "organisation").alias(small=Lower("name"))
    return names.filter(small=name, kind="user").order_by("pk")


def facts(rows):
    return [{name: value for name, value in vars(row).items() if name != "_state"} for row in rows]


def test_rows_are_those_of_the_query_with_what_it_brings_along(django_assert_num_queries):
    for name in ("ada", "bob"):
        make.person(name)
    by_values = Compiled(by_name, str)

    for name in ("ada", "bob", "ada", "nobody", "987654321"):
        with django_assert_num_queries(1):
            found = by_values(name)
            people = [row.user.username for row in found]
        assert people == [row.user.username for row in by_name(name)]
        assert facts(found) == facts(by_name(name))
        assert all(row.organisation is None for row in found)


def test_values_of_several_kinds_and_places(django_assert_num_queries):
    ada = make.person("ada")
    by_values = Compiled(
        lambda digest, pk: AccessToken.objects.filter(Q(digest=digest) | Q(user=pk, name=digest)), str, int
    )
    token = AccessToken.objects.create(user=ada, name="one", digest="d" * 64, hint="x", scope="read")

    with django_assert_num_queries(3):
        assert by_values("d" * 64, 0) == [token]
        assert by_values("one", ada.pk) == [token]
        assert by_values("one", ada.pk + 1) == []


def test_a_value_that_the_query_changes_is_refused():
    by_values = Compiled(lambda name: Namespace.objects.filter(name=name.lower()), str)

    with pytest.raises(ValueError, match="not in the query"):
        by_values("ada")


def test_a_row_knows_where_it_came_from():
    ada = make.person("ada")
    row = Compiled(by_name, str)("ada")[0]

    row.refresh_from_db()
    assert not row._state.adding
    assert row._state.db == ada._state.db


def begin(_rows):
    return Namespace.objects.all()


def of_kinds(rows, reverse, names):
    return rows.filter(EqualsAny(F("name"), names)).order_by("-name" if reverse else "name")


def like(rows, shape):
    return rows.filter(Like(F("name"), shape))


def names_only(rows):
    return rows.values_list("name", "pk")


def test_steps_are_composed_once_for_all_values(django_assert_num_queries, monkeypatch):
    for name in ("ada", "ad_a", "bob"):
        make.person(name)
    composed = []
    monkeypatch.setattr(compiled, "_Plan", lambda *given: composed.append(given) or _Plan(*given))

    def found(reverse, names, shape):
        steps = [Step(begin), Step(of_kinds, (reverse,), (names,)), Step(like, (), (shape,)), Step(names_only)]
        with django_assert_num_queries(1):
            rows = rows_of(steps)
        assert rows == list(queryset_of(steps))
        return [name for name, _pk in rows]

    compiled._plan_of.cache_clear()
    assert found(False, ["bob", "ada"], "%") == ["ada", "bob"]
    assert found(False, ["bob"], "a%") == []
    assert found(False, ["ad_a", "ada", "bob"], f"%{pattern('d_')}%") == ["ad_a"]
    assert len(composed) == 1
    assert found(True, ["bob", "ada"], "%") == ["bob", "ada"]
    assert len(composed) == 2


def test_steps_that_find_nothing_ask_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert rows_of([Step(begin), Step(lambda rows: rows.none())]) == []


def test_sql_around_a_query():
    for name in ("ada", "bob"):
        make.person(name)
    steps = [Step(begin), Step(of_kinds, (False,), (["ada", "bob"],)), Step(names_only)]

    assert rows_of(steps, around="SELECT 'n', count(*) FROM ({rows}) AS found") == [("n", 2)]


def test_objects_of_steps_are_those_of_the_query():
    make.person("ada")
    steps = [Step(begin), Step(of_kinds, (False,), (["ada"],))]

    assert facts(rows_of(steps)) == facts(queryset_of(steps))
