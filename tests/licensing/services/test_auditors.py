"""The proof proves something: each kind of damage, done behind the triggers' back, is found."""

import pytest
from django.conf import settings as site
from django.db import connection

from accounts.principal import Principal
from licensing.checks import payments_are_configured
from licensing.services import auditors, refunds
from tests.factories import licensing as make

pytestmark = pytest.mark.django_db
AUDITORS = [
    auditors.orders_are_booked,
    auditors.sales_have_orders,
    auditors.grants_are_paid,
    auditors.certificates_verify,
    auditors.revocations_are_complete,
]


def findings():
    return {auditor.__name__ for auditor in AUDITORS if auditor()}


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("UPDATE licensing_order SET gross = gross + 1", {"orders_are_booked"}),
        ("UPDATE licensing_order SET fee = fee + 1", {"orders_are_booked"}),
        ("UPDATE licensing_order SET refunded = refunded - 1", {"orders_are_booked"}),
        (
            "UPDATE licensing_order SET state = 'expired'",
            {"sales_have_orders", "grants_are_paid"},
        ),
        ("UPDATE licensing_certificate SET jws = jws || 'x'", {"certificates_verify"}),
        ("UPDATE licensing_revocation SET seq = 2", {"revocations_are_complete"}),
        ("UPDATE licensing_grantofuse SET state = 'active'", {"revocations_are_complete"}),
        ("DELETE FROM licensing_revocation", {"revocations_are_complete"}),
    ],
)
def test_damage_is_found(shop, sql, found):
    order = shop.paid()
    refunds.refund_order(order, reason="x", by=Principal(user=make.person("operator", is_staff=True)))
    assert findings() == set()
    table = sql.split()[2 if sql.startswith("DELETE") else 1]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(sql)
    assert findings() == found


def test_a_paid_order_without_its_grant_is_found(shop):
    shop.paid()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE licensing_certificate DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM licensing_certificate; DELETE FROM licensing_grantofuse")
    assert findings() == {"grants_are_paid"}


@pytest.mark.parametrize(
    ("environment", "key", "secret", "base", "ids"),
    [
        ("dev", "", "", "", []),
        ("dev", "sk_test_x", "whsec", "http://127.0.0.1:1", []),
        ("dev", "sk_test_x", "", "", ["licensing.E001"]),
        ("production", "sk_live_x", "whsec", "", []),
        ("production", "sk_test_x", "whsec", "http://127.0.0.1:1", ["licensing.E002", "licensing.E003"]),
    ],
)
def test_system_checks(settings, environment, key, secret, base, ids):
    assert site.ENVIRONMENT == "test"
    settings.ENVIRONMENT, settings.STRIPE_API_KEY = environment, key
    settings.STRIPE_WEBHOOK_SECRET, settings.STRIPE_API_BASE = secret, base
    assert [message.id for message in payments_are_configured()] == ids
