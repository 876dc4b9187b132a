import pytest
from django.db import transaction

from common.models import AuditEntry, OutboxDelivery, OutboxEvent
from common.services import outbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def topic():
    name = "test.happened"
    outbox._receivers.pop(name, None)
    yield name
    outbox._receivers.pop(name, None)


def write_line(payload):
    AuditEntry.objects.create(action="heard", target=payload["what"])


def test_an_event_reaches_its_receiver_once(topic):
    outbox.receiver(topic)(write_line)
    outbox.emit(topic, "k1", {"what": "rain"})
    outbox.emit(topic, "k1", {"what": "rain"})
    assert outbox.relay() == 1
    assert outbox.relay() == 0
    assert AuditEntry.objects.filter(action="heard").count() == 1


def test_an_event_of_a_rolled_back_change_never_happened(topic):
    outbox.receiver(topic)(write_line)
    with pytest.raises(RuntimeError), transaction.atomic():
        outbox.emit(topic, "k1", {"what": "rain"})
        raise RuntimeError
    assert outbox.relay() == 0


def test_a_failing_receiver_is_tried_again_and_the_others_are_not_called_twice(topic):
    calls = []

    def fails_once(payload):
        calls.append(payload)
        AuditEntry.objects.create(action="half", target="done")
        if len(calls) == 1:
            raise ValueError("not now")

    outbox.receiver(topic)(write_line)
    outbox.receiver(topic)(fails_once)
    outbox.emit(topic, "k1", {"what": "rain"})
    assert outbox.relay() == 0
    event = OutboxEvent.objects.get(key="k1")
    assert "not now" in event.last_error
    assert event.not_before is not None
    assert AuditEntry.objects.filter(action="half").count() == 0  # its work was rolled back with its delivery
    assert outbox.relay() == 0  # waits for not_before
    OutboxEvent.objects.update(not_before=None)
    assert outbox.relay() == 1
    assert AuditEntry.objects.filter(action="heard").count() == 1
    assert AuditEntry.objects.filter(action="half").count() == 1
    assert OutboxDelivery.objects.filter(event=event).count() == 2
