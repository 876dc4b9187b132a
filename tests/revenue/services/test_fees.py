import pytest
from django.utils import timezone

from common.errors import Conflict, Invalid, NotFound
from revenue.services.fees import record_fee
from tests.factories import revenue as make
from tests.revenue.services.test_books_hold import check
from tests.revenue.services.test_sales import accounts

pytestmark = pytest.mark.django_db
UNIT = make.UNIT


def fee(amount=3 * UNIT, *, reference="order:1", key="f1"):
    return record_fee(reference, amount=amount, key=key, at=timezone.now())


def test_a_fee_that_becomes_known_later_is_booked_once():
    make.sale(make.customer(), reference="order:1")
    assert fee() == fee()
    assert accounts() == {
        "processor_clearing": 97 * UNIT,
        "licence": 100 * UNIT,
        "processor_fees": 3 * UNIT,
    }
    check()


def test_fees_that_belong_nowhere_are_refused():
    with pytest.raises(NotFound):
        fee()
    make.sale(make.customer(), reference="order:1")
    with pytest.raises(Invalid):
        fee(0)
    fee()
    with pytest.raises(Conflict):
        fee(1)
