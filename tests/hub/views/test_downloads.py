"""The page that shows how often something was taken, and by whose count."""

import pytest

from accounts.principal import ANONYMOUS
from hub.services import downloads
from tests.factories import hub as make

pytestmark = pytest.mark.django_db


def taken(repository, number):
    for client in range(number):
        downloads.count(repository, by=ANONYMOUS, address=f"198.51.100.{client}", agent="curl/8")
        downloads.count(repository, by=ANONYMOUS, address=f"198.51.100.{client}", agent="is_ci/true")


def test_numbers_come_with_their_definition(client):
    repository = make.repository(make.person("ada"), "tiny")
    taken(repository, 3)

    page = client.get("/ada/tiny/downloads").content.decode()

    assert "3 by others, 0 by its own people, 3 by builds and jobs" in page
    assert "One client on one day" in page
    assert page.count('class="bar"') == page.count('class="bar-2"') == 1
    assert "/ada/tiny/downloads" in client.get("/ada/tiny").content.decode()


def test_clients_cost_no_queries(client):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    repository = make.repository(make.person("ada"), "tiny")
    client.get("/ada/tiny/downloads")
    counts = []
    for number in (1, 3):
        taken(repository, number)
        with CaptureQueriesContext(connection) as found:
            client.get("/ada/tiny/downloads")
        counts.append(len(found))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(("who", "status"), [(None, 404), ("eve", 404), ("ada", 200), ("staff", 200)])
def test_a_private_repository_shows_no_numbers_to_others(client, who, status):
    ada = make.person("ada")
    people = {"ada": ada, "eve": make.person("eve"), "staff": make.person("root2", is_staff=True)}
    make.repository(ada, "tiny", visibility="private")
    if who:
        client.force_login(people[who])

    answer = client.get("/ada/tiny/downloads")

    assert answer.status_code == status or (who is None and answer.status_code == 401)
