"""In the hands of workers: twice, late, lost. Nothing is lost and nothing is billed twice."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.principal import Principal
from common.errors import Unavailable
from common.models import OutboxEvent
from inference import auditors, selectors
from inference.enums import Billing, FailureCode, GenerationState
from inference.models import Generation
from inference.services import generations, running
from inference.services.planning import LoraWanted
from revenue.models import Journal, RevenueLine
from revenue.selectors import credit_balance
from tests.factories.accounts import UserFactory
from tests.factories.inference import EURO, buy_credits, drawn, finish, generation, lora, model, published

pytestmark = pytest.mark.django_db


@pytest.fixture
def paid(settings):
    """A generation on credits that waits."""
    settings.FREE_PICTURES_PER_DAY = 0
    person = UserFactory()
    buy_credits(person.namespace)
    return generation(person, count=2)


def lose_the_lease(made):
    Generation.objects.filter(pk=made.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def spent_on(made):
    return Journal.objects.filter(key=f"spend:generation:{made.pk}").count()


def test_success_keeps_the_pictures_and_takes_the_price_once(paid):
    done = finish(paid)
    assert (done.state, done.billing) == (GenerationState.SUCCEEDED, Billing.CREDITS)
    assert credit_balance(paid.billed, "eur") == EURO - paid.price
    for picture in done.pictures.all():
        assert picture.path.read_bytes()[:4] == b"\x89PNG"
    line = RevenueLine.objects.get(journal__key=f"spend:generation:{paid.pk}")
    assert line.net == paid.price


def test_a_second_delivery_is_not_claimed_while_the_first_works_nor_after(paid):
    first = running.claim(paid.pk)
    assert running.claim(paid.pk) is None
    running.succeed(first, [drawn(first), drawn(first, 1)], timings={})
    assert running.claim(paid.pk) is None
    assert running.reconcile() == 0
    assert spent_on(paid) == 1


def test_ending_twice_bills_once(paid):
    claimed = running.claim(paid.pk)
    pictures = [drawn(claimed), drawn(claimed, 1)]
    assert running.succeed(claimed, pictures, timings={}) is not None
    assert running.succeed(claimed, pictures, timings={}) is None
    assert running.fail(claimed, FailureCode.ENGINE) is None
    assert (spent_on(paid), Generation.objects.get(pk=paid.pk).pictures.count()) == (1, 2)


def test_a_worker_that_lost_its_lease_can_no_longer_end_it(paid):
    slow = running.claim(paid.pk)
    lose_the_lease(paid)
    fast = running.claim(paid.pk)
    assert (slow.attempt, fast.attempt) == (1, 2)
    assert running.beat(slow, steps_done=3) is False
    assert running.succeed(slow, [drawn(slow), drawn(slow, 1)], timings={}) is None
    assert running.beat(fast, steps_done=1) is True
    assert running.succeed(fast, [drawn(fast), drawn(fast, 1)], timings={}) is not None
    assert spent_on(paid) == 1


def test_what_a_dead_worker_held_is_sent_again(paid, django_capture_on_commit_callbacks, monkeypatch):
    sent = []
    monkeypatch.setattr(running, "send", sent.append)
    running.claim(paid.pk)
    assert running.reconcile() == 0
    lose_the_lease(paid)
    with django_capture_on_commit_callbacks(execute=True):
        assert running.reconcile() == 1
    assert sent == [paid.pk]
    assert Generation.objects.get(pk=paid.pk).state == GenerationState.QUEUED


def test_what_waits_without_a_message_is_sent_again_after_a_while(paid):
    assert running.reconcile() == 0
    Generation.objects.filter(pk=paid.pk).update(sent_at=timezone.now() - timedelta(minutes=3))
    assert running.reconcile() == 1
    assert running.reconcile() == 0


def test_what_took_three_workers_with_it_fails_and_costs_nothing(paid):
    for _ in range(3):
        assert running.claim(paid.pk) is not None
        lose_the_lease(paid)
    assert running.claim(paid.pk) is None
    paid.refresh_from_db()
    assert (paid.state, paid.failure) == (GenerationState.FAILED, FailureCode.LOST)
    assert credit_balance(paid.billed, "eur") == EURO


def test_cancel_while_running_stops_the_worker_at_its_next_beat(paid):
    claimed = running.claim(paid.pk)
    generations.cancel(paid, by=Principal(user=paid.owner))
    assert running.beat(claimed, steps_done=1) is False
    assert running.stop_cancelled(claimed).state == GenerationState.CANCELLED
    assert spent_on(paid) == 0


def test_cancelled_while_the_last_step_ran_gives_no_pictures_and_no_bill(paid):
    claimed = running.claim(paid.pk)
    generations.cancel(paid, by=Principal(user=paid.owner))
    assert running.succeed(claimed, [drawn(claimed), drawn(claimed, 1)], timings={}) is None
    paid.refresh_from_db()
    assert (paid.state, paid.pictures.count(), spent_on(paid)) == (GenerationState.CANCELLED, 0, 0)


def test_cancelled_while_its_worker_died_ends_as_cancelled(paid):
    running.claim(paid.pk)
    generations.cancel(paid, by=Principal(user=paid.owner))
    lose_the_lease(paid)
    running.reconcile()
    assert Generation.objects.get(pk=paid.pk).state == GenerationState.CANCELLED


def test_cancelled_and_past_its_deadline_while_its_worker_died_holds_nothing_up(paid):
    late, other = generation(paid.owner, deadline=60), generation(paid.owner)
    for made in (late, other):
        running.claim(made.pk)
        lose_the_lease(made)
    generations.cancel(late, by=Principal(user=paid.owner))
    Generation.objects.filter(pk=late.pk).update(deadline=timezone.now() - timedelta(seconds=1))
    assert running.reconcile() == 2
    states = Generation.objects.in_bulk([late.pk, other.pk])
    assert (states[late.pk].state, states[other.pk].state) == (GenerationState.CANCELLED, GenerationState.QUEUED)


def test_credits_that_are_gone_at_the_end_give_no_pictures(paid):
    from tests.factories.revenue import spend

    claimed = running.claim(paid.pk)
    spend(paid.billed, amount=EURO)
    ended = running.succeed(claimed, [drawn(claimed), drawn(claimed, 1)], timings={})
    assert (ended.state, ended.failure) == (GenerationState.FAILED, FailureCode.CREDITS_TOO_LOW)
    assert ended.pictures.count() == 0


def test_the_auditors_of_this_room_find_nothing_and_would_find_a_lost_picture(paid):
    done = finish(paid)
    assert (auditors.pictures_are_there(), auditors.billed_once()) == ([], [])
    done.pictures.first().delete()
    assert auditors.pictures_are_there() == [f"generation {done.pk}: 1 of 2 pictures are kept"]


def test_those_who_made_the_model_are_named_on_the_line_of_revenue(settings):
    settings.FREE_PICTURES_PER_DAY = 0
    maker, person = UserFactory(), UserFactory()
    repository = published(maker)
    buy_credits(person.namespace)
    made = generation(person, repository)
    finish(made)
    line = RevenueLine.objects.get(journal__key=f"spend:generation:{made.pk}")
    assert line.asset == f"model:{repository.full_name}@{made.commit}"
    assert line.snapshot is not None


def test_a_free_generation_spends_nothing():
    made = generation(UserFactory(), model())
    finish(made)
    assert spent_on(made) == 0


def test_what_waits_past_its_deadline_ends_as_expired_and_costs_nothing(paid):
    late = generation(paid.owner, deadline=60)
    Generation.objects.filter(pk=late.pk).update(deadline=timezone.now() - timedelta(seconds=1))
    assert running.claim(late.pk) is None
    late.refresh_from_db()
    assert (late.state, late.failure, spent_on(late)) == (GenerationState.FAILED, FailureCode.EXPIRED, 0)
    swept = generation(paid.owner, deadline=60)
    Generation.objects.filter(pk=swept.pk).update(deadline=timezone.now() - timedelta(seconds=1))
    running.reconcile()
    assert Generation.objects.get(pk=swept.pk).failure == FailureCode.EXPIRED
    assert credit_balance(paid.billed, "eur") == EURO


def test_what_is_drawn_but_not_kept_before_its_deadline_costs_nothing(paid):
    late = generation(paid.owner, deadline=60)
    claimed = running.claim(late.pk)
    Generation.objects.filter(pk=late.pk).update(deadline=timezone.now() - timedelta(seconds=1))
    assert running.succeed(claimed, [drawn(claimed)], timings={}) is None
    late.refresh_from_db()
    assert (late.failure, late.pictures.count(), spent_on(late)) == (FailureCode.EXPIRED, 0, 0)


def test_a_worker_with_a_full_engine_gives_it_back_without_an_attempt_lost(paid):
    for _ in range(5):
        claimed = running.claim(paid.pk)
        running.postpone(claimed, seconds=30)
        assert running.postpone(claimed, seconds=30) is None
        Generation.objects.filter(pk=paid.pk).update(not_before=timezone.now() - timedelta(seconds=1))
    assert running.claim(paid.pk) is not None
    paid.refresh_from_db()
    assert (paid.attempt, paid.postponed) == (6, 5)


def test_cancelled_while_its_engine_was_full_ends_as_cancelled(paid):
    claimed = running.claim(paid.pk)
    generations.cancel(paid, by=Principal(user=paid.owner))
    assert running.postpone(claimed, seconds=30).state == GenerationState.CANCELLED


def test_while_engines_turn_requests_away_new_ones_are_told_when_to_come_back(paid):
    running.postpone(running.claim(paid.pk), seconds=30)
    with pytest.raises(Unavailable) as caught:
        generation(paid.owner)
    assert 1 <= caught.value.context["retry_after"] <= 30
    assert caught.value.context["queue_position"] == 2


def test_the_place_inside_of_an_engine_is_told_and_forgotten(paid):
    claimed = running.claim(paid.pk)
    running.beat(claimed, steps_done=0, place=4, place_seconds=12.5)
    claimed.refresh_from_db()
    assert (selectors.queue_position(claimed), selectors.seconds_until_ready(claimed) >= 12) == (5, True)
    running.beat(claimed, steps_done=1)
    claimed.refresh_from_db()
    assert selectors.queue_position(claimed) == 0


def test_makers_of_loras_share_the_revenue_and_ones_own_loras_take_none(settings):
    settings.FREE_PICTURES_PER_DAY = 0
    person = UserFactory()
    buy_credits(person.namespace)
    base = published(UserFactory(), pipeline="StableDiffusionPipeline")
    adapters = [published(UserFactory(), make=lora), published(UserFactory(), make=lora)]
    own, unknown = published(person, make=lora), lora()
    uses = tuple(LoraWanted(one.full_name) for one in [*adapters, own, unknown])
    made = generation(person, base, loras=uses, count=3)
    finish(made)
    lines = RevenueLine.objects.filter(journal__key=f"spend:generation:{made.pk}")
    each = made.price // 2 // 2
    earned = {line.asset: line.net for line in lines}
    assert earned == {
        f"model:{base.full_name}@{base.head}": made.price - 2 * each,
        **{f"model:{one.full_name}@{one.head}": each for one in adapters},
    }
    assert auditors.billed_once() == []
    event = OutboxEvent.objects.get(key=f"generation.succeeded:{made.pk}")
    assert [use["model"] for use in event.payload["loras"]] == [use.model for use in uses]
