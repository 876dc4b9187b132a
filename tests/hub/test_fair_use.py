"""Limits on requests: who is counted together, what is said, what nobody is kept waiting for."""

import pytest
from django.test import Client

from accounts.enums import TokenScope
from accounts.services import tokens
from common.services.windows import Windows
from hub import middleware
from tests.factories import hub as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nobody_asked_before(monkeypatch):
    """The counts of a process of its own."""
    monkeypatch.setattr(middleware, "_windows", Windows())
    monkeypatch.setattr(middleware, "_under_way", middleware.UnderWay())


@pytest.fixture
def limits(settings):
    """Few requests for each kind of use: two for strangers, three for people."""
    settings.RATES = dict.fromkeys(settings.RATES, (2, 3))
    settings.RATE_WINDOW = 10**6  # it never ends while a test runs, but once in a fortnight
    return settings


def token_of(user, scope=TokenScope.READ):
    return {"Authorization": f"Bearer {tokens.issue_token(user, name='t', scope=scope)}"}


def asked(client, number, address="/api/models", **more):
    return [client.get(address, **more).status_code for _ in range(number)]


def test_the_headers_are_those_that_the_stock_client_reads(client, limits):
    from huggingface_hub.utils import parse_ratelimit_headers

    make.person("ada")
    first, _second, third = (client.get("/api/models") for _ in range(3))

    assert first["RateLimit"].startswith('"api";r=1;t=')
    assert first["RateLimit-Policy"] == '"fixed window";"api";q=2;w=1000000'
    assert third.status_code == 429
    read = parse_ratelimit_headers(third.headers)
    assert (read.resource_type, read.remaining, read.limit, read.window_seconds) == ("api", 0, 2, 1_000_000)
    assert third["Retry-After"] == str(read.reset_in_seconds)
    assert "used up" in third.json()["error"]
    assert third["X-Error-Message"]


def test_pages_refuse_as_pages(client, limits):
    client.get("/models")
    client.get("/models")
    refused = client.get("/models", headers={"Accept": "text/html"})
    ada = Client()
    ada.force_login(make.person("ada"))
    page = [ada.get("/models", headers={"Accept": "text/html"}) for _ in range(4)][-1]

    assert refused.status_code == page.status_code == 429
    assert refused.content.decode().startswith("You have used up")
    assert "<h1" in page.content.decode()
    assert page["Content-Security-Policy"]


def test_strangers_are_counted_by_network(client, limits):
    other = Client(REMOTE_ADDR="2001:db8::1:1")
    same_network = Client(REMOTE_ADDR="2001:db8::2:2")

    assert asked(client, 3) == [200, 200, 429]
    assert asked(other, 1) + asked(same_network, 2) == [200, 200, 429]


def test_people_are_counted_by_person_wherever_they_are(client, limits):
    ada, bob = make.person("ada"), make.person("bob")
    session = Client(REMOTE_ADDR="198.51.100.7")
    session.force_login(ada)

    assert asked(client, 1, headers=token_of(ada)) + asked(client, 1, headers=token_of(ada)) == [200, 200]
    assert asked(session, 2) == [200, 429]
    assert asked(client, 3, headers=token_of(bob)) == [200, 200, 200]
    assert asked(client, 2) == [200, 200], "their requests are not those of their network"


def test_a_made_up_forwarding_is_not_another_client(client, limits):
    answers = [client.get("/api/models", headers={"X-Forwarded-For": f"198.51.100.{n}"}).status_code for n in range(3)]
    limits.TRUSTED_PROXIES = ["127.0.0.0/8"]
    behind = [client.get("/api/models", headers={"X-Forwarded-For": f"198.51.100.{n}"}).status_code for n in range(3)]
    spoofed = [
        client.get("/api/models", headers={"X-Forwarded-For": f"8.8.8.{n}, 203.0.113.5"}).status_code for n in range(3)
    ]

    assert answers == [200, 200, 429]
    assert behind == [200, 200, 200]
    assert spoofed == [200, 200, 429]


def test_each_kind_of_use_has_its_own_budget(client, limits):
    ada = make.person("ada")
    make.repository(ada, "tiny", files={"x.txt": b"x"})

    assert asked(client, 3) == [200, 200, 429]
    assert asked(client, 3, "/ada/tiny/resolve/main/x.txt") == [200, 200, 429]
    assert asked(client, 3, "/ada/tiny") == [200, 200, 429]
    assert asked(client, 3, "/models?q=tiny") == [200, 200, 429]
    assert asked(client, 4, "/health") == [200] * 4


def test_an_upload_goes_on_when_everything_else_is_used_up(client, limits):
    ada = make.person("ada")
    make.repository(ada, "tiny")
    headers = token_of(ada, TokenScope.WRITE)
    limits.RATES = dict.fromkeys(limits.RATES, (1, 1)) | {"transfers": (100, 100)}
    assert asked(client, 2, headers=headers) == [200, 429]

    lines = b'{"key": "header", "value": {"summary": "s"}}'
    lines += b'\n{"key": "file", "value": {"path": "a", "content": "YQ==", "encoding": "base64"}}'
    sent = [
        client.post("/api/models/ada/tiny/preupload/main", {"files": []}, "application/json", headers=headers),
        client.post("/api/models/ada/tiny/commit/main", lines, "application/x-ndjson", headers=headers),
        client.get("/api/models/ada/tiny/xet-write-token/main", headers=headers),
    ]

    assert [answer.status_code for answer in sent] == [200, 200, 200]


def test_no_limit_no_header(client, settings):
    settings.RATES = dict.fromkeys(settings.RATES, (0, 0))

    assert "RateLimit" not in client.get("/api/models")


def test_a_download_is_under_way_until_its_last_byte(client, settings):
    settings.ANONYMOUS_AT_ONCE = 1
    ada = make.person("ada")
    repository = make.repository(ada, "tiny")
    make.put_large(repository, {"x.bin": b"1" * 100}, by=make.as_principal(ada))
    address = "/ada/tiny/resolve/main/x.bin"

    download = client.get(address)
    second = client.get(address)
    person = client.get(address, headers=token_of(ada))
    b"".join(person.streaming_content)
    b"".join(download.streaming_content)
    third = client.get(address)

    assert (download.status_code, second.status_code, person.status_code, third.status_code) == (200, 429, 200, 200)
    assert second["Retry-After"] == "1"
    b"".join(third.streaming_content)
