"""Calls are checked when they are opened; what is changed afterwards can be read by everybody."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from grants.enums import Track
from grants.models import Call, Change
from grants.services import calls, closings
from tests.factories import grants as make
from tests.factories.accounts import StaffFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "bad",
    [
        {"award_days": 0},
        {"most_open_awards": 0},
        {"largest_gpu_seconds": 10_001},
        {"opens_at": timezone.now(), "closes_at": timezone.now() - timedelta(days=1)},
    ],
)
def test_a_call_that_makes_no_sense_is_refused(bad):
    with pytest.raises(Invalid):
        make.call(**bad)
    assert not Call.objects.exists()


def test_a_call_of_a_class_that_no_flavor_has_is_refused():
    make.flavor()
    with pytest.raises(Invalid) as refusal:
        calls.open_call(
            "odd",
            by=None,
            programme="x",
            title="Odd",
            track=Track.INSTANT,
            flavor_class="nonsense",
            budget_gpu_seconds=10,
            largest_gpu_seconds=10,
        )
    assert "cpu-demo" in refusal.value.hint


def test_closings_move_with_a_reason_that_everybody_reads():
    call, staff = make.call(opens_at=timezone.now() - timedelta(days=1)), StaffFactory()
    by = Principal(user=staff)
    with pytest.raises(Forbidden):
        closings.move_closing_of_call(call, None, reason="So.", by=Principal(user=UserFactory()))
    with pytest.raises(Invalid):
        closings.move_closing_of_call(call, timezone.now(), reason=" ", by=by)
    closed = closings.move_closing_of_call(call, timezone.now() - timedelta(days=9), reason="The machine left.", by=by)
    assert not closed.is_open()
    later = timezone.now() + timedelta(days=3)
    assert closings.move_closing_of_call(call, later, reason="It is back.", by=by).is_open()
    page = Client().get(call.get_absolute_url()).content.decode()
    assert "The machine left." in page
    assert staff.username in page


def test_staff_with_a_proposal_in_a_call_do_not_move_its_closing():
    staff, call = StaffFactory(), make.call()
    make.draft(call, applicant=staff)
    with pytest.raises(Forbidden):
        closings.move_closing_of_call(call, None, reason="I am late.", by=Principal(user=staff))


def test_budgets_leave_a_trace_that_stays():
    call = make.call()
    calls.add_budget(call, 3600, by=make.staff())
    assert "raised by 1 h 00 min" in Client().get(call.get_absolute_url()).content.decode()
    with pytest.raises(IntegrityError), transaction.atomic():
        Change.objects.update(reason="Nothing happened.")


def test_who_has_a_stake_does_not_move_the_closing_of_a_round():
    staff, round_ = StaffFactory(), make.community_round()
    make.nomination(round_, owner=staff)
    later = timezone.now() + timedelta(days=3)
    with pytest.raises(Forbidden):
        closings.move_closing_of_round(round_, later, reason="More time for me.", by=Principal(user=staff))
    closings.move_closing_of_round(round_, timezone.now(), reason="All is said.", by=make.staff())
    make.decide(round_)
    with pytest.raises(Conflict):
        closings.move_closing_of_round(round_, later, reason="Again.", by=make.staff())


def test_closing_by_page_says_what_is_missing():
    call, staff = make.call(), Client()
    staff.force_login(StaffFactory())
    url = f"{call.get_absolute_url()}/closing"
    assert "Say when it closes" in staff.post(url, {"reason": "So."}, follow=True).content.decode()
    assert "has moved" in staff.post(url, {"reason": "So.", "when": "now"}, follow=True).content.decode()
    call.refresh_from_db()
    assert not call.is_open()
