from datetime import timedelta

import pytest
from django.utils import timezone

from inference.models import Generation
from tests.factories.accounts import UserFactory
from tests.factories.inference import finish, generation, model

pytestmark = pytest.mark.django_db


def shown(client, made, **filters):
    page = client.get("/studio/history", filters).content.decode()
    return [one for one in made if f'href="/generations/{one.pk}"' in page]


def test_filters_narrow_down_and_others_stay_unseen(client):
    ada, bob = UserFactory(), UserFactory()
    first, second = model(ada), model(ada)
    red, blue = finish(generation(ada, first, prompt="a red circle")), generation(ada, second, prompt="a blue square")
    theirs = generation(bob, prompt="a red circle")
    Generation.objects.filter(pk=red.pk).update(created_at=timezone.now() - timedelta(days=3))
    all_of, today = [red, blue, theirs], timezone.now().date().isoformat()
    assert client.get("/studio/history")["Location"] == "/login?next=/studio/history"
    client.force_login(ada)
    assert shown(client, all_of) == [red, blue]
    assert shown(client, all_of, text="CIRCLE") == [red]
    assert shown(client, all_of, model=second.full_name) == [blue]
    assert shown(client, all_of, state="succeeded") == [red]
    assert shown(client, all_of, since=today) == [blue]
    assert shown(client, all_of, until=(timezone.now() - timedelta(days=2)).date().isoformat()) == [red]
    assert shown(client, all_of, until=today) == [red, blue]
    assert shown(client, all_of, state="nonsense", since="nonsense") == [red, blue]


def test_history_costs_the_same_for_one_and_three(client, django_assert_num_queries):
    ada = UserFactory()
    client.force_login(ada)
    repository = model(ada)
    for number in range(3):
        finish(generation(ada, repository))
        if number in {0, 2}:
            with django_assert_num_queries(7):
                client.get("/studio/history")
