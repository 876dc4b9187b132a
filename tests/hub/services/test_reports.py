"""The desk for reports."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.principal import ANONYMOUS
from common.errors import Conflict, Forbidden, Invalid, TooManyRequests
from common.models import AuditEntry
from hub.enums import REPORT_MOVES, ReportState
from hub.errors import ContentRemoved, RepositoryDisabled
from hub.models import Block, Notice, Report, ReportEvent, Tombstone, UsedTag, Version
from hub.selectors import reports as selectors
from hub.selectors.repositories import repositories_visible_to, repository_for
from hub.services import duplicates, reports, repositories, search
from tests.factories import hub as make
from tests.factories.accounts import StaffFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return make.person("ada")


@pytest.fixture
def repository(ada):
    return make.repository(ada, "tiny", files={"a.txt": b"mine", "b.txt": b"stolen"})


@pytest.fixture
def staff():
    return make.as_principal(StaffFactory())


def report_on(repository, **more):
    return reports.file_report(
        repository, **({"kind": "copyright", "statement": "It is mine.", "by": ANONYMOUS, "address": "1.2.3.4"} | more)
    )


def upheld(repository, staff, **more):
    report = reports.take_up(report_on(repository), by=staff)
    return reports.uphold(
        report, **({"rule": "Terms 3.1", "reason": "It is hers.", "by": staff, "is_whole": True} | more)
    )


def test_from_complaint_to_restoration(repository, ada, staff):
    report = upheld(repository, staff)
    repository.refresh_from_db()
    assert repository.is_disabled
    assert Notice.objects.filter(namespace=repository.namespace, kind="report_upheld").count() == 1

    reports.object_to(report, statement="I made it.", by=make.as_principal(ada))
    reports.restore(report, reason="She made it.", by=staff)

    repository.refresh_from_db()
    assert not repository.is_disabled
    states = list(ReportEvent.objects.filter(report=report).order_by("id").values_list("state", flat=True))
    assert states == ["received", "under_review", "upheld", "counter_noticed", "restored"]
    assert AuditEntry.objects.filter(target=f"report:{report.pk}").count() == 5
    assert Block.objects.get().lifted_at is not None


def test_without_an_objection_in_time_it_becomes_final(repository, ada, staff):
    report = upheld(repository, staff)
    assert reports.settle_overdue() == 0
    Report.objects.update(deadline=timezone.now() - timedelta(minutes=1))
    with pytest.raises(Conflict, match="time to object"):
        reports.object_to(report, statement="Too late", by=make.as_principal(ada))
    assert reports.settle_overdue() == 1
    assert reports.settle_overdue() == 0
    report.refresh_from_db()
    assert report.state == ReportState.FINAL
    repository.refresh_from_db()
    assert repository.is_disabled
    assert Notice.objects.filter(kind="report_final").count() == 1


def test_two_reports_disable_until_both_are_lifted(repository, ada, staff):
    first, second = upheld(repository, staff), upheld(repository, staff)
    for report, still in ((first, True), (second, False)):
        reports.object_to(report, statement="No", by=make.as_principal(ada))
        reports.restore(report, reason="Right", by=staff)
        repository.refresh_from_db()
        assert repository.is_disabled is still


@pytest.mark.parametrize("before", list(ReportState))
@pytest.mark.parametrize("after", list(ReportState))
def test_only_the_moves_of_the_table(repository, ada, staff, before, after):
    report = report_on(repository)
    Report.objects.update(state=before, deadline=timezone.now() + timedelta(days=1))
    steps = {
        ReportState.UNDER_REVIEW: lambda: reports.take_up(report, by=staff),
        ReportState.REJECTED: lambda: reports.reject(report, reason="No", by=staff),
        ReportState.UPHELD: lambda: reports.uphold(report, rule="r", reason="Yes", by=staff, is_whole=True),
        ReportState.COUNTER_NOTICED: lambda: reports.object_to(report, statement="No", by=make.as_principal(ada)),
        ReportState.RESTORED: lambda: reports.restore(report, reason="Right", by=staff),
        ReportState.FINAL: lambda: reports.confirm(report, reason="Wrong", by=staff),
    }
    if after not in steps:
        assert after not in {state for moves in REPORT_MOVES.values() for state in moves}
        return
    # By hand only an objection is dismissed; the rest becomes final by its deadline.
    allowed = after in REPORT_MOVES[before] and (after, before) != (ReportState.FINAL, ReportState.UPHELD)
    if allowed:
        steps[after]()
        assert Report.objects.get().state == after
    else:
        with pytest.raises(Conflict):
            steps[after]()
        assert Report.objects.get().state == before


def test_only_staff_decide_and_only_those_concerned_object(repository, ada, staff):
    report = report_on(repository)
    for by in (ANONYMOUS, make.as_principal(make.person()), make.as_principal(ada)):
        with pytest.raises(Forbidden):
            reports.take_up(report, by=by)
        with pytest.raises(Forbidden):
            reports.reject(report, reason="x", by=by)
    report = upheld(repository, staff)
    for by in (ANONYMOUS, make.as_principal(make.person()), staff):
        with pytest.raises(Forbidden):
            reports.object_to(report, statement="x", by=by)


def test_decisions_need_reasons_rules_and_an_object(repository, staff):
    report = reports.take_up(report_on(repository), by=staff)
    for wrong in ({"rule": " "}, {"reason": ""}, {"is_whole": False}, {"paths": ["no.txt"]}, {"contents": ["xyz"]}):
        with pytest.raises(Invalid):
            reports.uphold(report, **({"rule": "r", "reason": "y", "by": staff, "is_whole": True} | wrong))
    assert not Block.objects.exists()
    assert Report.objects.get().state == ReportState.UNDER_REVIEW


def test_one_place_reports_only_so_much(repository):
    for _number in range(reports.PER_HOUR):
        report_on(repository)
    with pytest.raises(TooManyRequests):
        report_on(repository)
    report_on(repository, address="5.6.7.8")
    Report.objects.update(received_at=timezone.now() - timedelta(hours=2))
    report_on(repository)
    assert "1.2.3.4" not in str(Report.objects.values())


def test_who_sees_what_is_disabled(repository, ada, staff):
    upheld(repository, staff)
    for by in (ANONYMOUS, make.as_principal(make.person()), make.as_principal(ada)):
        with pytest.raises(RepositoryDisabled):
            repository_for(by, "model", "ada/tiny")
        assert not repositories_visible_to(by).exists()
    assert repository_for(staff, "model", "ada/tiny") == repository
    assert repository_for(make.as_principal(ada), "model", "ada/tiny", even_disabled=True) == repository
    with pytest.raises(RepositoryDisabled):
        repository_for(ANONYMOUS, "model", "ada/tiny", even_disabled=True)
    with pytest.raises(RepositoryDisabled):
        repositories.update_settings(repository, by=make.as_principal(ada), visibility="private")
    with pytest.raises(RepositoryDisabled):
        repositories.move(repository, repository.namespace, "other", by=make.as_principal(ada))


def test_steps_and_reports_stay(repository, staff):
    report = upheld(repository, staff)
    for change in (
        lambda: ReportEvent.objects.update(text="rewritten"),
        lambda: ReportEvent.objects.all().delete(),
        lambda: ReportEvent.objects.filter(pk=0)._raw_delete("default"),
        lambda: Report.objects.filter(pk=report.pk)._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change()


def test_the_register_names_no_people_and_nothing_private(ada, repository, staff):
    hidden = make.repository(ada, "hidden", visibility="private")
    report_on(repository, contact="bob@example.org", statement="I am bob")
    reports.take_up(report_on(hidden), by=staff)
    assert [report.is_private for report in selectors.register()] == [True]


def test_what_is_deleted_leaves_a_tombstone_if_others_refer_to_it(ada, repository, staff):
    by = make.as_principal(ada)
    Version.objects.create(repository=repository, asset="model:ada/tiny", owner="ada", number=1, commit="a" * 40)
    upheld(repository, staff)
    repository.refresh_from_db()
    repositories.delete(repository, by=by)
    repositories.delete(make.repository(ada, "plain"), by=by)
    stone = Tombstone.objects.get()
    assert (stone.full_name, stone.versions.count(), stone.reports.count()) == ("ada/tiny", 1, 1)
    assert Report.objects.get().asset == "model:ada/tiny"
    assert selectors.tombstone_of("model", "ADA/Tiny") == stone


def test_a_private_repository_leaves_no_tombstone(ada):
    hidden = make.repository(ada, "hidden", visibility="private")
    Version.objects.create(repository=hidden, asset="model:ada/hidden", owner="ada", number=1, commit="a" * 40)
    repositories.delete(hidden, by=make.as_principal(ada))
    assert not Tombstone.objects.exists()


def test_a_copy_does_not_carry_along_what_was_removed(repository, staff):
    eve = make.person("eve")
    by = make.as_principal(eve)
    upheld(repository, staff, is_whole=False, paths=["b.txt"])
    with pytest.raises(ContentRemoved):
        duplicates.duplicate(repository, eve.namespace, "copy", by=by)
    Block.objects.update(lifted_at=timezone.now())
    assert duplicates.duplicate(repository, eve.namespace, "copy", by=by).full_name == "eve/copy"


def test_tags_of_what_is_disabled_are_not_offered(ada, staff):
    made = make.repository(ada, "tagged", files={"README.md": b"---\ntags: [rare-tag]\n---\n"})
    search.count_tags()
    assert UsedTag.objects.filter(tag="rare-tag").exists()
    upheld(made, staff)
    search.count_tags()
    assert not UsedTag.objects.filter(tag="rare-tag").exists()
