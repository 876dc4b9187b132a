"""Whoever relays events knows the receivers of this room, also a plain `manage.py`."""

from common.services.outbox import _receivers


def test_returns_are_heard_of():
    assert "grants.receivers.return_to_source" in _receivers["allocation.returned"]
