"""Every door with what no client would send: it refuses in its own words, and never fails.

An exception of a view reaches the test; nothing that an example changes is kept.
"""

import gzip
import json
import re
from contextlib import suppress
from urllib.parse import quote, urlencode

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.enums import TokenScope
from accounts.services import tokens
from hub.git.errors import GitError
from tests.fuzz.strange import DEEP, TEXTS, bytes_like, changed, spelt
from tests.fuzz.test_readers import CARD, SHARD, XORB
from tests.hub.everything import everything
from tests.hub.test_own_addresses import FORMS, GETS, POSTS, filled

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600)]

PARAMETERS = st.sampled_from([
    "limit", "cursor", "search", "sort", "direction", "filter", "author", "expand", "full", "p", "q", "type", "gated",
    "offset", "length", "where", "orderby", "query", "dataset", "config", "split", "path", "from", "kind", "state",
    "rev", "revision", "recursive", "service", "download", "num_parameters", "sdk", "models", "tag", "order", "size",
    "library", "create_pr", "diff", "user_code", "matter", "credit", "edge", "key", "next", "expires", "signature",
])  # fmt: skip
KINDS = st.sampled_from([
    "application/json", "application/x-ndjson", "application/x-www-form-urlencoded", "multipart/form-data",
    "multipart/form-data; boundary=x", "application/octet-stream", "application/vnd.git-lfs+json", "text/plain",
    "application/json; charset=none", "application/x-git-receive-pack-request", "",
])  # fmt: skip
_ODD_RANGES = ["bytes=0-", "bytes=-1", "bytes=9-1", "bytes=0-0,2-3", f"bytes={'9' * 40}-", "bytes=-0", "x=1-2"]
RANGES = st.one_of(
    st.sampled_from(_ODD_RANGES),
    st.from_regex(r"bytes=[0-9]{0,25}-[0-9]{0,25}(,[0-9]{0,3}-)?", fullmatch=True),
)
# What a header can carry: no line ends, nothing beyond latin-1.
PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60)
ZERO = "0" * 40
_LINE = f"{ZERO} {'1' * 40} refs/heads/x\0report-status side-band-64k agent=git".encode()
LINES = b"%04x" % (len(_LINE) + 4) + _LINE + b"0000PACK\0\0\0\2\0\0\0\1"
WANTS = b"0032want " + b"1" * 40 + b"\n00000009done\n"
COMMANDS = b"0014command=ls-refs\n0001000bpeel\n0000"
PARTS = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\nc\r\n--x--\r\n'


@pytest.fixture
def scene():
    found = everything()
    token = tokens.issue_token(found.ada, name="t", scope=TokenScope.WRITE)
    program = Client(headers={"Authorization": f"Bearer {token}"})
    issued = program.get("/api/models/ada/tiny/xet-write-token/main").json()
    program.cas = {"Authorization": f"Bearer {issued['accessToken']}"}
    return program, found.names | {"user_code": "AAAA-AAAA"}


def ask(client, method, address, body=b"", kind="application/json", **headers):
    """Read the answer to its end. What it says is an answer, not a failure; nothing is kept."""
    with transaction.atomic():
        answer = client.generic(method, address, body, content_type=kind, headers=headers)
        said = b"".join(answer.streaming_content) if answer.streaming else answer.content
        transaction.set_rollback(True)
    assert answer.status_code < 500 or answer.status_code in {501, 503}, (answer.status_code, said[:500])
    if 400 <= answer.status_code < 500 and method != "HEAD" and address.startswith("/api/"):
        assert said or answer.status_code == 416, "A refusal says why."


def test_json_of_any_shape(scene):
    client, names = scene
    bodies = [(address, json.loads(filled(json.dumps(body), names))) for address, body in POSTS]

    @given(st.data())
    def send(data):
        address, body = data.draw(st.sampled_from(bodies))
        method, _, address = filled(address, names).rpartition(" ")
        strange = data.draw(st.one_of(changed(body).map(of_lines(body)), DEEP))
        ask(client, method or "POST", address, strange)

    send()


def of_lines(body):
    """A list was sent as lines, one a value."""
    if isinstance(body, list):
        return lambda value: b"\n".join(spelt(one) for one in value) if isinstance(value, list) else spelt(value)
    return spelt


def test_questions_of_any_kind(scene):
    client, names = scene
    addresses = [filled(one, names) for one in GETS if "/viewer" not in one and "/sql" not in one]

    @given(st.sampled_from(addresses), st.lists(st.tuples(PARAMETERS, TEXTS), min_size=1, max_size=3))
    def look(address, parameters):
        query = urlencode(parameters, errors="surrogatepass")
        ask(client, "GET", f"{address}{'&' if '?' in address else '?'}{query}")

    look()


def test_tables_of_any_question(scene):
    client, _names = scene
    known = {"dataset": "ada/shapes", "config": "default", "split": "train", "length": "2", "query": "shape"}
    questions = st.sampled_from(["rows", "search", "filter", "statistics", "first-rows"])
    wheres = st.sampled_from(['"size">1', "\"text\"='a'", '"size" IS NULL', "1=1; DROP TABLE x", '"a"."b"', "(" * 500])
    changes = st.dictionaries(st.sampled_from([*known, "where", "orderby", "offset"]), TEXTS | wheres, max_size=2)

    @given(questions, changes)
    def look(what, change):
        ask(client, "GET", f"/datasets-server/{what}?{urlencode(known | change, errors='surrogatepass')}")

    look()


def test_parts_of_addresses(scene):
    client, names = scene
    addresses = [filled(one, names).partition("?")[0] for one in GETS if one.count("/") > 1]

    @given(st.data())
    def look(data):
        parts = data.draw(st.sampled_from(addresses)).split("/")
        place = data.draw(st.integers(1, len(parts) - 1))
        strange = data.draw(TEXTS).encode("utf-8", "surrogatepass")
        parts[place] = quote(strange, safe=data.draw(st.sampled_from(["", "/"])))
        ask(client, data.draw(st.sampled_from(["GET", "GET", "HEAD", "DELETE"])), "/".join(parts))

    look()


def test_headers_and_ranges(scene):
    client, names = scene
    files = ["/ada/tiny/resolve/main/model.bin", "/ada/tiny/resolve/main/xet.bin", "/ada/tiny/raw/main/config.json",
             "/buckets/ada/store/resolve/a/b.txt", "/ada/tiny", "/api/models",
             f"/cas/v1/reconstructions/{names['xet']}", f"/cas/v2/reconstructions/{names['xet']}"]  # fmt: skip
    fields = st.sampled_from([
        "Authorization", "Accept", "Accept-Language", "Accept-Encoding", "If-None-Match", "If-Range", "Git-Protocol",
        "If-Modified-Since", "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Id", "Cookie", "User-Agent", "Host",
        "Origin", "Content-Length", "Transfer-Encoding", "Content-Encoding", "X-HTTP-Method-Override",
    ])  # fmt: skip

    @given(st.sampled_from(files), st.one_of(st.none(), RANGES, PLAIN), st.dictionaries(fields, PLAIN, max_size=3))
    def look(address, part, more):
        headers = (client.cas if "/cas/" in address else {}) | more | ({"Range": part} if part is not None else {})
        ask(client, "GET", address, **headers)

    look()


def test_bodies_of_any_kind(scene):
    client, names = scene
    samples = bytes_like(b'{"a": 1}', PARTS, b"a=b&c=%00&d=%ff", CARD.encode(), gzip.compress(b"{}"), b"\xff\xfe{}")
    targets = [filled(one, names).rpartition(" ") for one in [*FORMS, *(address for address, _body in POSTS)]]

    @given(st.sampled_from(targets), samples, KINDS)
    def send(target, body, kind):
        ask(client, target[0] or "POST", target[2], body, kind)

    send()


def test_git_and_what_it_never_says(scene):
    client, _names = scene
    bodies = bytes_like(LINES, WANTS, COMMANDS, gzip.compress(LINES), b"0000", b"ffff", b"0004", b"PACK")

    @given(
        st.sampled_from(["receive", "upload"]), bodies, st.booleans(), st.sampled_from(["", "version=2", "version=9"])
    )
    def send(service, body, gzipped, protocol):
        headers = {"Git-Protocol": protocol} | ({"Content-Encoding": "gzip"} if gzipped else {})
        kind = f"application/x-git-{service}-pack-request"
        # A body that breaks off after its start cuts the answer off; git must not take it for a whole one.
        with suppress(GitError):
            ask(client, "POST", f"/ada/tiny.git/git-{service}-pack", body, kind, **headers)

    send()


def test_xorbs_and_shards(scene):
    client, _names = scene

    @given(bytes_like(XORB.body), st.sampled_from([XORB.name, "0" * 64, "x", "ab" * 32]))
    def send_xorb(body, name):
        ask(client, "POST", f"/cas/v1/xorbs/default/{name}", body, "application/octet-stream", **client.cas)

    @given(bytes_like(SHARD), st.sampled_from(["/cas/v1/shards", "/cas/v2/shards"]))
    def send_shard(body, address):
        ask(client, "POST", address, body, "application/octet-stream", **client.cas)

    send_xorb()
    send_shard()


def test_signed_links_that_were_changed(scene):
    client, _names = scene
    wanted = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": "cd" * 32, "size": 4}]}
    kind = "application/vnd.git-lfs+json"
    said = client.post("/ada/tiny.git/info/lfs/objects/batch", wanted, content_type=kind).json()
    actions = said["objects"][0]["actions"]
    links = [("PUT", actions["upload"]["href"]), ("POST", actions["verify"]["href"])]
    links.append(("GET", client.get("/api/models/ada/tiny/tree/main").request["PATH_INFO"]))

    @given(st.sampled_from(links), bytes_like(b'{"oid": "x", "size": 4}', b"abcd"), st.data())
    def send(link, body, data):
        method, address = link
        if data.draw(st.booleans()):
            address = quote(data.draw(bytes_like(address.encode())), safe="/:?&=%")
            address = "/" + re.sub(r"^.*?//[^/]*/|^/", "", address)
        ask(client, method, address, body, kind)

    send()
