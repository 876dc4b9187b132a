import pytest
from django.db import IntegrityError, transaction

from common.models import AuditEntry
from common.services import audit

pytestmark = pytest.mark.django_db


def test_an_entry_says_who_did_what():
    audit.record("thing.done", "thing:1", actor="ada", amount=3)
    entry = AuditEntry.objects.get(target="thing:1")
    assert (entry.actor, entry.action, entry.details) == ("ada", "thing.done", {"amount": 3})


@pytest.mark.parametrize("change", [lambda rows: rows.update(actor="eve"), lambda rows: rows.delete()])
def test_entries_cannot_be_changed_or_deleted(change):
    audit.record("thing.done", "thing:1")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        change(AuditEntry.objects.all())
    assert AuditEntry.objects.filter(target="thing:1").count() == 1
