"""Bulk tokens: what they read, and every byte counted."""

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.principal import Principal
from accounts.selectors import principal_of_token
from common.errors import Conflict, Forbidden, Invalid, TooManyRequests
from hub.models import BulkUsage
from hub.services import bulk
from tests.factories import hub as make
from tests.hub.api.test_resolve import body

pytestmark = pytest.mark.django_db

PURPOSE = "To measure how words of many languages are spread."
DATA = bytes(range(256)) * 40


def granted(user, daily_bytes=None):
    grant, text = bulk.ask(PURPOSE, by=Principal(user=user))
    if daily_bytes is not None:
        staff = make.person(is_staff=True)
        bulk.change_budget(grant, daily_bytes, by=Principal(user=staff))
    return grant, {"Authorization": f"Bearer {text}"}


def used(grant):
    return sum(grant.usage.values_list("bytes", flat=True))


def large(owner, **facts):
    repository = make.repository(owner, "tiny", **facts)
    make.put_large(repository, {"x.bin": DATA}, by=make.as_principal(owner))
    return repository


def test_a_budget_counts_the_bytes_of_each_answer(client):
    large(make.person("ada"))
    grant, headers = granted(make.person("bob"), daily_bytes=len(DATA) + 150)
    address = "/ada/tiny/resolve/main/x.bin"

    assert body(client.get(address, headers=headers)) == DATA
    assert used(grant) == len(DATA)
    assert body(client.get(address, headers=headers | {"Range": "bytes=100-199"})) == DATA[100:200]
    assert used(grant) == len(DATA) + 100
    assert client.head(address, headers=headers).status_code == 200
    refused = client.get(address, headers=headers | {"Range": "bytes=0-50"})
    assert (refused.status_code, refused.json()["code"]) == (429, "bulk_budget_spent")
    assert "50 are left today" in refused["X-Error-Message"]
    assert 0 < int(refused["Retry-After"]) <= 86_400
    assert body(client.get(address, headers=headers | {"Range": "bytes=0-49"})) == DATA[:50]
    assert used(grant) == len(DATA) + 150
    assert client.get("/api/models/ada/tiny", headers=headers).status_code == 200, "metadata costs nothing"


def test_what_broke_off_counts_as_far_as_it_came(client, monkeypatch):
    from hub.api import content

    monkeypatch.setattr(content, "_BLOCK", 1000)
    large(make.person("ada"))
    grant, headers = granted(make.person("bob"))

    answer = client.get("/ada/tiny/resolve/main/x.bin", headers=headers)
    blocks = iter(answer.streaming_content)
    taken = len(next(blocks)) + len(next(blocks))
    assert used(grant) == len(DATA), "reserved before the first byte"
    for closer in answer._resource_closers * 2:  # some servers close twice
        closer()

    assert taken == 2000
    assert used(grant) == taken


def test_an_answer_closed_before_its_first_block_leaves_no_file_open(client):
    large(make.person("ada"))
    _, headers = granted(make.person("bob"))

    client.get("/ada/tiny/resolve/main/x.bin", headers=headers).close()

    assert not [file for file in psutil.Process().open_files() if "/objects/plain/" in file.path]


def test_it_reads_what_is_public_and_nothing_else(client):
    ada = make.person("ada")
    make.repository(ada, "secret", visibility="private", files={"a.txt": b"a"})
    _grant, headers = granted(ada)

    assert client.get("/api/models/ada/secret", headers=headers).status_code == 404
    assert client.get("/ada/secret/resolve/main/a.txt", headers=headers).status_code == 404
    assert client.get("/api/models?author=ada", headers=headers).json() == []
    assert client.post("/api/repos/create", {"name": "x"}, "application/json", headers=headers).status_code == 403


def test_doors_that_cannot_count_are_closed_to_it(client):
    repository = large(make.person("ada"))
    from hub.models import LargeObject

    LargeObject.objects.update(xet_hash="0" * 64)
    _grant, headers = granted(make.person("bob"))
    batch = {"operation": "download", "objects": []}

    assert client.get("/api/models/ada/tiny/xet-read-token/main", headers=headers).status_code == 403
    lfs = client.post("/ada/tiny.git/info/lfs/objects/batch", batch, "application/json", headers=headers)
    assert lfs.status_code == 403
    assert client.get("/ada/tiny/info/refs?service=git-upload-pack", headers=headers).status_code == 403
    tree = client.get("/api/models/ada/tiny/tree/main", headers=headers).json()
    assert "xetHash" not in next(one for one in tree if one["path"] == "x.bin")
    assert "X-Xet-Hash" not in client.head("/ada/tiny/resolve/main/x.bin", headers=headers)
    assert "X-Xet-Hash" in client.head("/ada/tiny/resolve/main/x.bin")
    assert repository


def test_the_rule_gives_one_at_a_time_to_people_who_say_why():
    ada, staff = make.person("ada"), make.person(is_staff=True)
    by = Principal(user=ada)
    with pytest.raises(Invalid):
        bulk.ask("because", by=by)
    with pytest.raises(Forbidden):
        bulk.ask(PURPOSE, by=Principal())
    grant, text = bulk.ask(PURPOSE, by=by)
    with pytest.raises(Conflict):
        bulk.ask(PURPOSE, by=by)
    with pytest.raises(Forbidden):
        bulk.change_budget(grant, 10, by=by)
    with pytest.raises(Forbidden):
        bulk.end(grant, by=Principal(user=make.person("eve")))
    with pytest.raises(Forbidden):
        bulk.end(grant, by=principal_of_token(text))

    bulk.end(grant, by=Principal(user=staff))

    assert principal_of_token(text).is_anonymous
    with pytest.raises(Conflict):
        bulk.end(grant, by=by)
    bulk.ask(PURPOSE, by=by)


def test_a_bulk_token_has_a_rate_of_its_own(client, settings):
    settings.RATES = dict.fromkeys(settings.RATES, (1, 1))
    settings.BULK_RATE = 3
    _grant, headers = granted(make.person("bob"))

    answers = [client.get("/api/models", headers=headers) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert ";q=3;" in answers[0]["RateLimit-Policy"]


class Budgets(TestCase):
    """Whatever is asked, however much of it is sent: the sum is exact and never above the budget."""

    @settings(max_examples=40, deadline=None)
    @given(st.integers(1, 1000), st.lists(st.tuples(st.integers(0, 400), st.floats(0, 1)), max_size=20))
    def test_the_sum_is_what_was_sent(self, budget, requests):
        grant, _headers = granted(make.person(), daily_bytes=budget)
        token = grant.token
        sent = 0
        for size, part in requests:
            try:
                usage = bulk.reserve(token, size)
            except TooManyRequests:
                assert sent + size > budget
                continue
            went = int(size * part)
            bulk.give_back(usage, size - went)
            sent += went
            assert sum(BulkUsage.objects.filter(grant=grant).values_list("bytes", flat=True)) == sent <= budget
