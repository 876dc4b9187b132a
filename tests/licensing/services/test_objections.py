"""Who has paid for a model can fetch it as long as was agreed."""

import pytest
from django.utils import timezone

from accounts.principal import Principal
from common.errors import Conflict
from hub.models import Repository
from hub.services import repositories
from licensing.enums import GrantState
from tests.factories import licensing as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def sold(shop):
    return shop.paid()


def acts(repository, by):
    return [
        lambda: repositories.update_settings(repository, by=by, visibility="private"),
        lambda: repositories.delete(repository, by=by),
    ]


def test_a_licensed_model_is_neither_deleted_nor_hidden_by_its_owner(sold):
    repository = sold.quote.offer.repository
    by = Principal(user=repository.namespace.user)
    for act in acts(repository, by):
        with pytest.raises(Conflict, match="run until") as refusal:
            act()
        assert refusal.value.code == "licensed"
    assert repositories.update_settings(repository, by=by, gated="auto").gated == "auto"
    assert Repository.objects.filter(pk=repository.pk, visibility="public").exists()


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_afterwards_it_is(sold, end):
    repository = sold.quote.offer.repository
    grant = sold.grant
    if end == "revoked":
        grant.state = GrantState.REVOKED
    else:
        grant.ends_at = timezone.now()
    grant.save()
    for act in acts(repository, Principal(user=repository.namespace.user)):
        act()
    assert not Repository.objects.filter(pk=repository.pk).exists()


def test_others_are_as_free_as_before(sold):
    other = make.product(name="other")
    repositories.delete(other, by=Principal(user=other.namespace.user))
