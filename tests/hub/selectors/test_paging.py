from datetime import UTC, datetime

import pytest

from accounts.principal import ANONYMOUS
from common.errors import Invalid
from hub.models import Repository
from hub.selectors import listing, paging
from hub.selectors.listing import COLUMNS, Filters
from hub.services import repositories
from tests.factories import hub as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def seven():
    ada = make.person("ada")
    for number in range(7):
        made = make.repository(ada, f"m{number}")
        when = datetime(2026, 1, 1 + number // 2, tzinfo=UTC)
        Repository.objects.filter(pk=made.pk).update(
            downloads=number % 3, trending=number % 2, updated_at=when, created_at=when
        )
    return ada


def rows():
    return listing.listed(ANONYMOUS, "model", Filters())


@pytest.mark.parametrize("column", COLUMNS.values())
def test_pages_forward_and_back_show_the_same(seven, column):
    whole = [row.name for row in paging.by_column(rows(), column, paging.objects(), size=20).rows]
    assert sorted(whole) == [f"m{number}" for number in range(7)]

    pages, cursor = [], ""
    while True:
        page = paging.by_column(rows(), column, paging.objects(), size=3, after=cursor)
        pages.append(page)
        cursor = page.next
        if not cursor:
            break
    assert [row.name for page in pages for row in page.rows] == whole
    assert not pages[0].previous

    back = paging.by_column(rows(), column, paging.objects(), size=3, before=pages[2].previous)
    assert [row.name for row in back.rows] == whole[3:6]
    first = paging.by_column(rows(), column, paging.objects(), size=3, before=back.previous)
    assert [row.name for row in first.rows] == whole[:3]
    assert (first.previous, bool(first.next)) == ("", True)


def test_rows_that_come_and_go_shift_nothing(seven):
    whole = [row.name for row in paging.by_column(rows(), "created_at", paging.objects(), size=20).rows]
    first = paging.by_column(rows(), "created_at", paging.objects(), size=3)
    make.repository(seven, "newer")
    for gone in (first.rows[0], first.rows[-1]):
        repositories.delete(gone, by=make.as_principal(seven))

    second = paging.by_column(rows(), "created_at", paging.objects(), size=20, after=first.next)

    assert [row.name for row in second.rows] == whole[3:]


@pytest.mark.parametrize("column", COLUMNS.values())
@pytest.mark.parametrize(
    "place",
    [[], {}, 5, [1], ["x", 1], [[], 1], [None, 1], [True, 1], [1, "1"], [1, 2**70], [2**70, 1], ["2026-01-01", 1]],
)
def test_forged_cursors_are_refused(column, place):
    with pytest.raises(Invalid):
        paging.by_column(rows(), column, paging.objects(), size=3, after=paging.encode(place))
