"""A database that drops every connection, as when it restarts: between requests, and in the middle of an upload."""

import hashlib
import os

import pytest
import requests
from django.db import connection

from hub.models import LargeObject
from tests.factories import hub as make

pytestmark = pytest.mark.e2e


def drop_all() -> int:
    """Ends all connections but our own and waits until they are gone; how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return cursor.fetchone()[0]


class Body:
    """Bytes of an upload; in their middle something happens."""

    def __init__(self, data: bytes, happens) -> None:
        self.data, self.place, self.happens = data, 0, happens

    def __len__(self) -> int:
        return len(self.data)

    def read(self, size: int = -1) -> bytes:
        block = self.data[self.place : self.place + (size if size >= 0 else len(self.data))]
        if self.place < len(self.data) // 2 <= self.place + len(block):
            self.happens()
        self.place += len(block)
        return block


def test_every_connection_is_opened_anew(site):
    make.repository(make.person("ada"), "tiny", files={"a.txt": b"x"})
    addresses = [
        f"{site.url}{path}" for path in ("/health", "/api/models", "/ada/tiny", "/ada/tiny/resolve/main/a.txt")
    ]
    before = [requests.get(address, timeout=30).status_code for address in addresses * 3]

    dropped = drop_all()
    after = [requests.get(address, timeout=30).status_code for address in addresses * 3]

    assert dropped >= 1
    assert before == after == [200] * 12


def test_an_upload_outlives_the_connection_it_began_with(site):
    ada = make.person("ada")
    make.repository(ada, "tiny")
    data, who = os.urandom(12_000_000), {"Authorization": f"Bearer {site.token(ada)}"}
    wanted = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data)}
    asked = {"operation": "upload", "transfers": ["basic"], "objects": [wanted]}
    said = requests.post(f"{site.url}/ada/tiny.git/info/lfs/objects/batch", json=asked, headers=who, timeout=30).json()
    dropped = []

    sent = requests.put(
        said["objects"][0]["actions"]["upload"]["href"], Body(data, lambda: dropped.append(drop_all())), timeout=60
    )

    assert (sent.status_code, len(dropped)) == (200, 1), site.log.read_text()[-3000:]
    assert LargeObject.objects.get().sha256 == wanted["oid"]
