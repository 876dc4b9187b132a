"""Requests to leave something out of a data set."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.principal import ANONYMOUS
from common.errors import Conflict, Forbidden, Invalid, TooManyRequests
from hub.enums import OPT_OUT_MOVES, OptOutState
from hub.models import LineageEdge, Notice, OptOut, OptOutEvent, Version
from hub.selectors import opt_outs as selectors
from hub.services import opt_outs, reports
from tests.factories import hub as make
from tests.factories.accounts import StaffFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return make.person("ada")


@pytest.fixture
def dataset(ada):
    return make.repository(ada, "shapes", kind="dataset")


@pytest.fixture
def staff():
    return make.as_principal(StaffFactory())


def ask(dataset, **more):
    return opt_outs.request_opt_out(
        dataset,
        **(
            {"matches": [("domain", "Example.ORG"), ("sha256", "AB" * 32)], "statement": "Mine.", "by": ANONYMOUS}
            | {"address": "1.2.3.4"}
            | more
        ),
    )


def honour(request, by):
    for state in (OptOutState.ACKNOWLEDGED, OptOutState.VERIFIED, OptOutState.HONOURED):
        opt_outs.answer(request, state, by=by)


def version_of(repository, *parents, number=1):
    version = Version.objects.create(
        repository=repository, asset=str(repository), owner="x", number=number, commit=f"{number}" * 40
    )
    for parent in parents:
        LineageEdge.objects.create(
            version=version, kind="dataset", parent_kind=parent.kind, parent_name=parent.full_name, parent=parent
        )
    return version


def test_honoured_requests_are_read_by_programs(dataset, ada):
    honour(ask(dataset), make.as_principal(ada))
    ask(dataset, matches=[("text", "not yet")])
    found = selectors.honoured(dataset)
    assert found["matches"]["domain"] == ["example.org"]
    assert found["matches"]["sha256"] == ["ab" * 32]
    assert found["matches"]["text"] == []
    assert len(found["requests"]) == 1


def test_all_descendants_are_told_once(dataset, ada):
    bob, eve = make.person("bob"), make.person("eve")
    child, grandchild, other = make.repository(bob, "child"), make.repository(eve, "grandchild"), make.repository(eve)
    version_of(child, dataset)
    version_of(child, dataset, number=2)
    version_of(grandchild, child)
    version_of(other)
    request = ask(dataset)
    honour(request, make.as_principal(ada))
    told = Notice.objects.filter(kind="opt_out_descendant")
    assert sorted(notice.repository.full_name for notice in told) == ["bob/child", "eve/grandchild"]
    assert [edge.version.asset for edge in selectors.descendants_visible_to(ANONYMOUS, dataset)[0]] == [
        "model:bob/child", "model:bob/child", "model:eve/grandchild",
    ]  # fmt: skip


def test_a_circle_of_descent_ends(dataset, ada):
    other = make.repository(ada, "other", kind="dataset")
    version_of(other, dataset)
    version_of(dataset, other)
    honour(ask(dataset), make.as_principal(ada))
    assert len(selectors.descendants_of(dataset)) == 2


def test_private_descendants_are_told_but_not_named(dataset, ada):
    hidden = make.repository(make.person("bob"), "hidden", visibility="private")
    version_of(hidden, dataset)
    honour(ask(dataset), make.as_principal(ada))
    assert Notice.objects.filter(repository=hidden).count() == 1
    assert selectors.descendants_visible_to(ANONYMOUS, dataset) == ([], 1)


def test_declined_appealed_and_decided_by_staff(dataset, ada, staff):
    request = ask(dataset)
    by = make.as_principal(ada)
    with pytest.raises(Invalid):
        opt_outs.answer(request, "declined", by=by)
    opt_outs.answer(request, "declined", by=by, reason="Not in it.")
    with pytest.raises(Forbidden):
        opt_outs.appeal(request, key="wrong", statement="It is", by=ANONYMOUS)
    opt_outs.appeal(request, key=request.key, statement="It is", by=ANONYMOUS)
    with pytest.raises(Forbidden):
        opt_outs.answer(request, "closed", by=by, reason="No")
    opt_outs.answer(request, "honoured", by=staff)
    request.refresh_from_db()
    assert request.state == OptOutState.HONOURED
    states = list(OptOutEvent.objects.order_by("id").values_list("state", flat=True))
    assert states == ["received", "declined", "appealed", "honoured"]


@pytest.mark.parametrize("before", list(OptOutState))
@pytest.mark.parametrize("after", [state for state in OptOutState if state != OptOutState.APPEALED])
def test_only_the_moves_of_the_table(dataset, ada, staff, before, after):
    request = ask(dataset)
    OptOut.objects.update(state=before)
    by = staff if before == OptOutState.APPEALED else make.as_principal(ada)
    if after in OPT_OUT_MOVES[before]:
        opt_outs.answer(request, after, by=by, reason="Because")
        assert OptOut.objects.get().state == after
    else:
        with pytest.raises(Conflict):
            opt_outs.answer(request, after, by=by, reason="Because")
        assert OptOut.objects.get().state == before


def test_who_answers(dataset, ada, staff):
    request = ask(dataset)
    for by in (ANONYMOUS, make.as_principal(make.person()), staff):
        with pytest.raises(Forbidden):
            opt_outs.answer(request, "acknowledged", by=by)
    opt_outs.answer(request, "acknowledged", by=make.as_principal(ada))


def test_a_passed_deadline_is_told_once(dataset):
    request = ask(dataset)
    assert opt_outs.note_overdue() == 0
    OptOut.objects.update(deadline=timezone.now() - timedelta(minutes=1))
    assert opt_outs.note_overdue() == 1
    assert opt_outs.note_overdue() == 0
    request.refresh_from_db()
    assert request.overdue_since is not None
    assert Notice.objects.filter(kind="opt_out_overdue").count() == 1
    assert list(selectors.for_staff()) == [request]


@pytest.mark.parametrize(
    "match",
    [
        ("sha256", "abc"), ("domain", "no domain"), ("domain", "localhost"), ("url", "ftp://x"), ("path", ""),
        ("text", "a\x00b"), ("other", "x"), ("text", "x" * 1001),
    ],
)  # fmt: skip
def test_what_cannot_be_matched_is_refused(dataset, match):
    with pytest.raises(Invalid):
        ask(dataset, matches=[match])


def test_requests_are_about_data_sets_and_bounded(dataset, ada):
    with pytest.raises(Invalid):
        ask(make.repository(ada, "model"))
    with pytest.raises(Invalid):
        ask(dataset, matches=[])
    with pytest.raises(Invalid):
        ask(dataset, statement=" ")
    for _number in range(reports.PER_HOUR):
        ask(dataset)
    with pytest.raises(TooManyRequests):
        ask(dataset)


def test_steps_stay(dataset):
    ask(dataset)
    for change in (
        lambda: OptOutEvent.objects.update(text="x"),
        lambda: OptOut.objects.filter(pk=0)._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change()
