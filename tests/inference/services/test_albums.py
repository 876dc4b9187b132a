"""One title once, also when two ask at the same time."""

import threading

import pytest
from django.db import connection, transaction

from accounts.principal import Principal
from common.errors import Conflict
from inference.models import Album
from inference.services import albums
from tests.factories.accounts import UserFactory


@pytest.mark.django_db(transaction=True)
def test_the_second_of_two_is_told_that_the_title_is_taken():
    ada = Principal(user=UserFactory())
    answers = []

    def second():
        try:
            answers.append(albums.create(title="circles", by=ada))
        except Exception as error:
            answers.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=second)
    with transaction.atomic():
        albums.create(title="Circles", by=ada)
        thread.start()
        thread.join(0.5)
        assert answers == [], "it waits for the first"
    thread.join()
    assert isinstance(answers[0], Conflict)
    assert Album.objects.count() == 1
