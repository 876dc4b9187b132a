"""Queries whose SQL is composed once give what the query itself gives."""

import pytest
from django.db.models import Q
from django.db.models.functions import Lower

from accounts.models import AccessToken, Namespace
from common.compiled import Compiled
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
    compiled = Compiled(by_name, str)

    for name in ("ada", "bob", "ada", "nobody", "987654321"):
        with django_assert_num_queries(1):
            found = compiled(name)
            people = [row.user.username for row in found]
        assert people == [row.user.username for row in by_name(name)]
        assert facts(found) == facts(by_name(name))
        assert all(row.organisation is None for row in found)


def test_values_of_several_kinds_and_places(django_assert_num_queries):
    ada = make.person("ada")
    compiled = Compiled(
        lambda digest, pk: AccessToken.objects.filter(Q(digest=digest) | Q(user=pk, name=digest)), str, int
    )
    token = AccessToken.objects.create(user=ada, name="one", digest="d" * 64, hint="x", scope="read")

    with django_assert_num_queries(3):
        assert compiled("d" * 64, 0) == [token]
        assert compiled("one", ada.pk) == [token]
        assert compiled("one", ada.pk + 1) == []


def test_a_value_that_the_query_changes_is_refused():
    compiled = Compiled(lambda name: Namespace.objects.filter(name=name.lower()), str)

    with pytest.raises(ValueError, match="not in the query"):
        compiled("ada")


def test_a_row_knows_where_it_came_from():
    ada = make.person("ada")
    row = Compiled(by_name, str)("ada")[0]

    row.refresh_from_db()
    assert not row._state.adding
    assert row._state.db == ada._state.db
