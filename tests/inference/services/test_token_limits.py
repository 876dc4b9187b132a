"""What an access token may spend and ask for, also when it asks many times at once."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.enums import TokenScope
from accounts.principal import Principal
from accounts.services import tokens
from accounts.services.tokens import Limits
from common.errors import PaymentRequired, TooManyRequests
from inference import selectors
from inference.errors import Unprocessable
from inference.models import Generation
from inference.services import generations
from inference.services.planning import Wanted
from tests.factories.accounts import UserFactory
from tests.factories.inference import EURO, buy_credits, finish, model

PRICE = 1002  # micros, of one picture of the small model


def principal(person, **limits):
    tokens.issue_token(person, name="small", scope=TokenScope.WRITE, limits=Limits(**limits))
    return Principal(user=person, token=person.tokens.latest("id"))


def ask(by, repository, **facts):
    wanted = Wanted(**{"prompt": "a red circle", "steps": 4, "guidance": 2.0} | facts)
    return generations.request_generation(by, wanted, model=repository.full_name)


@pytest.fixture
def paying(db, settings):
    settings.FREE_PICTURES_PER_DAY = 0
    person = UserFactory()
    buy_credits(person.namespace)
    return person


def test_a_budget_is_kept_to_the_micro_and_failures_give_it_back(paying):
    repository, by = model(), principal(paying, budget=2 * PRICE)
    first = ask(by, repository)
    finish(ask(by, repository))
    with pytest.raises(PaymentRequired, match="this access token may spend") as caught:
        ask(by, repository)
    assert caught.value.code == "token_budget"
    assert selectors.budget_left(by.token) == 0
    generations.cancel(first, by=by)
    assert selectors.budget_left(by.token) == PRICE
    assert ask(by, repository).token == by.token
    assert ask(Principal(user=paying), repository).token is None


def test_a_budget_begins_anew_with_the_month(paying):
    repository, by = model(), principal(paying, budget=PRICE)
    ask(by, repository)
    now = timezone.now().astimezone(UTC)
    next_month = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)
    assert selectors.budget_left(by.token, now=next_month - timedelta(seconds=1)) == 0
    assert selectors.budget_left(by.token, now=next_month) == PRICE


def test_free_pictures_need_no_budget_and_other_currencies_are_refused(db, settings):
    person, repository = UserFactory(), model()
    assert ask(principal(person, budget=0), repository).price == 0
    settings.FREE_PICTURES_PER_DAY = 0
    by = principal(person, budget=EURO, currency="usd")
    buy_credits(person.namespace)
    with pytest.raises(Unprocessable) as caught:
        ask(by, repository)
    assert caught.value.context["field"] == "currency"


def test_pictures_a_minute(paying):
    repository, by = model(), principal(paying, per_minute=3)
    with pytest.raises(Unprocessable):
        ask(by, repository, count=4)
    ask(by, repository, count=2)
    with pytest.raises(TooManyRequests) as caught:
        ask(by, repository, count=2)
    assert 1 <= caught.value.context["retry_after"] <= 60
    ask(by, repository)
    Generation.objects.update(created_at=timezone.now() - timedelta(seconds=61))
    ask(by, repository, count=3)


def test_what_the_policy_refuses_counts_so_that_nobody_finds_its_edges_by_trying(paying):
    repository, by = model(), principal(paying, per_minute=3)
    ask(by, repository)
    states = [ask(by, repository, prompt="a naked child").state for _ in range(2)]
    assert states == ["refused", "refused"]
    for prompt in ("a naked child", "a red circle"):
        with pytest.raises(TooManyRequests) as caught:
            ask(by, repository, prompt=prompt)
        assert caught.value.code == "token_rate"
    assert Generation.objects.filter(token=by.token).count() == 3


@pytest.mark.django_db(transaction=True)
def test_asked_many_times_at_once_a_budget_is_never_passed(settings):
    settings.FREE_PICTURES_PER_DAY = 0
    person, repository = UserFactory(), model()
    buy_credits(person.namespace)
    by = principal(person, budget=3 * PRICE + PRICE // 2)
    answers = []

    def try_it():
        try:
            answers.append(ask(by, repository))
        except PaymentRequired as refusal:
            answers.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=try_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count("token_budget") == 5
    assert sum(Generation.objects.values_list("price", flat=True)) == 3 * PRICE


STEPS = st.lists(st.tuples(st.sampled_from(["ask", "finish", "cancel"]), st.integers(1, 4)), max_size=12)


@pytest.mark.usefixtures("paying_site")
class BudgetHolds(TestCase):
    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 12 * PRICE), STEPS)
    def test_whatever_happens_what_counts_stays_within_the_budget(self, budget, steps):
        person, repository = UserFactory(), model()
        buy_credits(person.namespace)
        by = principal(person, budget=budget)
        for what, number in steps:
            waiting = Generation.objects.filter(token=by.token, state="queued").first()
            try:
                if what == "ask":
                    ask(by, repository, count=number)
                elif waiting is not None and what == "finish":
                    finish(waiting)
                elif waiting is not None:
                    generations.cancel(waiting, by=by)
            except PaymentRequired:
                assert selectors.budget_left(by.token) < number * PRICE
            assert selectors.budget_left(by.token) >= 0


@pytest.fixture
def paying_site(settings):
    settings.FREE_PICTURES_PER_DAY = 0
