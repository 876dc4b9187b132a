"""How many hold a licence now, on the page of downloads."""

from datetime import timedelta

import pytest
from django.utils import timezone

from licensing.models import GrantOfUse
from licensing.selectors.grants import licensees_of

pytestmark = pytest.mark.django_db


def test_holders_of_valid_licences_are_counted_with_their_definition(shop, client):
    repository = shop.paid().grant.repository
    address = f"{repository.get_absolute_url()}/downloads"

    assert licensees_of(repository) == {"organisations": 1, "people": 0}
    page = client.get(address).content.decode()
    assert "1 organisation, 0 people" in page
    assert "Who holds several counts once." in page

    now = timezone.now()
    GrantOfUse.objects.update(starts_at=now - timedelta(days=2), ends_at=now - timedelta(days=1))
    assert licensees_of(repository) == {"organisations": 0, "people": 0}
