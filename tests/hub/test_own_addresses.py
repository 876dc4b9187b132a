"""Every address that an answer names is under the site's own base URL or at the one configured storage host.

All addresses of the site are asked, as they stand in the resolver: a new one needs a sample here, or a reason
why it has none.
"""

import json
import re
from html import unescape
from urllib.parse import urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver, resolve
from django.urls.resolvers import URLPattern

from accounts.enums import TokenScope
from accounts.services import tokens
from tests.factories.datasets import png
from tests.hub.everything import THEIRS, everything

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600)]

BASE = "https://hub.wellspring.test:8443"
ROOMS = ("hub.", "accounts.", "common.", "config.")

# Addresses that name a thing and lead nowhere.
IDENTIFIERS = (
    "https://schema.org", "http://mlcommons.org/croissant/", "http://purl.org/dc/terms/",
    "http://www.sitemaps.org/schemas/sitemap/0.9", "https://git-lfs.github.com/spec/v1", "http://www.w3.org/",
    "hf://",  # clients read it as a path on the site that they are set to
)  # fmt: skip
# Where a policy lets the forms of a page lead: to the payment service, or back to the application that asked.
PERMITTED = {"Content-Security-Policy": r"https://checkout\.stripe\.com|https://elsewhere\.example"}
EXAMPLES = {
    "hub.views.imports": "https://huggingface.co",
    "hub.api.imports": "https://huggingface.co",
    # Words in a form: where a person's own builds run.
    "hub.views.publishers": "https://token.actions.githubusercontent.com",
}  # fmt: skip

# Not asked, because:
NOT_ASKED = {
    "hub.api.bucket_events.events": "it goes on for as long as somebody listens; its lines are paths and hashes",
    "hub.api.git_http.upload_pack": "it answers a pack",
    "hub.api.git_http.receive_pack": "it answers lines about refs",
    "hub.api.xet.upload_xorb": "it answers whether the xorb is new",
    "hub.api.xet.upload_shard": "it answers a number",
    "hub.api.xet.upload_shard_v2": "it answers numbers",
    "hub.views.imports.import_live": "it goes on for as long as somebody looks; the page is asked",
}

# Refused to everybody, which is an answer too.
REFUSED = {
    "/oauth/userinfo": "for tokens of applications", "/api/models/nobody": "no such name", "/api/none": "no address",
    "/cas/none": "no address", "/gpt2/resolve/main/x": "no such name", "/cas/v1/chunks/default/x": "for Xet tokens",
    "/cas/v1/reconstructions/{xet}": "for Xet tokens, which are shown below", "/cas/v2/reconstructions/{xet}": "so too",
    "/api/storage/objects/{lfs}": "for signed links", "/api/storage/xorbs/{xorb}": "for signed links",
    "/api/storage/viewer/x.png": "for signed links",
}  # fmt: skip

_M, _D, _API = "/ada/tiny", "/datasets/ada/shapes", "/api/models/ada/tiny"
GETS = [
    "/", "/health", "/robots.txt", "/.well-known/jwks.json", "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server", "/login", "/sign-up", "/settings/tokens", "/settings/applications",
    "/settings/applications/{app}", "/settings/connected-apps", "/settings/identity", "/settings/identity/orcid",
    "/settings/identity/orcid/start", "/device?user_code={user_code}", "/oauth/userinfo", "/organisations/new",
    "/organisations/lab/members", "/organisations/lab/settings", "/organisations/invitations",
    "/oauth/authorize?{consent}",
    "/sitemap.xml", "/sitemap-0.xml", "/settings/bulk", "/bulk", "/settings/storage", "/settings/storage/lab",
    "/models", "/models?search=tiny", "/datasets", "/new", "/settings/access", "/report?about=/ada/tiny",
    "/report/{report}", "/reports/{report_number}", "/register", "/desk/reports", "/desk/reports/{report_number}",
    "/opt-outs/{opt_out}", "/disputes", "/disputes/{dispute}", "/uploads/{picture}",
    "/buckets/ada/store", "/buckets/ada/store/tree/a", "/collections", "/collections/new",
    "/collections/ada", "/collections/{slug}", "/settings/webhooks", "/settings/webhooks/{hook}", "/import",
    "/settings/imports", "/settings/imports/{import}", "/users/ada/followers", "/users/ada/following",
    "/users/ada/likes", f"{_D}/viewer", f"{_D}/viewer/default/train", f"{_D}/sql", "/ada", "/lab",
    *(
        f"{page}{rest}" for page in (_M, _D, "/spaces/ada/thing", "/kernels/ada/thing") for rest in (
            "", "/tree/main", "/blob/main/README.md", "/commits/main", "/compare", "/compare/main..main",
            "/edit/main/README.md", "/new/main", "/upload/main", "/move/main/README.md", "/delete/main/README.md",
            "/cite.bib", "/cite.cff", "/lineage", "/downloads", "/discussions", "/discussions/new", "/likers",
            "/settings/publishers", "/settings", "/duplicate",
        )
    ),
    f"{_M}/commit/{{head}}", f"{_M}/discussions/1", f"{_M}/discussions/2", f"{_M}/tree/{{old}}/odd%20folder",
    f"{_M}/disputes/new?matter=missing", f"{_M}/disputes/{{dispute}}", f"{_M}/credits", f"{_M}/blob/main/xet.bin",
    f"{_D}/opt-outs", f"{_D}/opt-outs/new", "/ada/gated", "/ada/gated/access", "/ada/gated/access/{request}",
    # programs
    "/api/export/repositories.jsonl", "/api/export/lineage.jsonl", "/api/export/credits.jsonl", "/api/whoami-v2",
    "/api/users/ada/overview", "/api/organizations/lab/overview", "/api/organizations/lab/members",
    "/api/users/ada/likes?limit=1", "/api/users/bob/followers?limit=1", "/api/users/ada/following?limit=1",
    "/api/organizations/lab/followers", "/api/organizations/lab/settings/repositories", "/api/settings/webhooks",
    "/api/settings/webhooks/{hook}", "/api/imports", "/api/imports/{import}", "/api/settings/repositories",
    "/api/models-tags-by-type", "/api/datasets-tags-by-type", "/api/telemetry/x", "/api/agent-harnesses",
    "/api/tasks", "/api/collections?limit=1", "/api/collections/{slug}", "/api/buckets/ada?limit=1",
    "/api/buckets/ada/store", "/api/buckets/ada/store/tree", "/api/buckets/ada/store/tree/a?limit=1",
    "/api/buckets/ada/store/xet-read-token", "/api/buckets/ada/store/xet-write-token",
    "/buckets/ada/store/resolve/a/b.txt", "/api/quicksearch?q=tiny", "/api/trending",
    "/api/spaces/semantic-search?q=thing&includeNonRunning=1", "/api/models?full=true&limit=1", "/api/datasets?limit=1",
    "/api/spaces", "/api/register", "/api/datasets/ada/shapes/opt-outs",
    *(f"/datasets-server/{what}?dataset=ada/shapes&config=default&split=train&query=shape" for what in (
        "is-valid", "splits", "parquet", "size", "info", "first-rows", "rows", "statistics", "search",
    )),
    "/api/datasets/ada/shapes/parquet", "/api/datasets/ada/shapes/parquet/default",
    "/api/datasets/ada/shapes/parquet/default/train", "/api/datasets/ada/shapes/parquet/default/train/0.parquet",
    "/api/datasets/ada/shapes/croissant",
    _API, f"{_API}/revision/main", "/api/datasets/ada/shapes",
    f"{_API}/safetensors-metadata/model.safetensors.index.json",
    "/api/models/ada/gated/user-access-request/pending?limit=1", f"{_API}/lineage", f"{_API}/credits",
    f"{_API}/likers", f"{_API}/tree/main?limit=1&expand=true", f"{_API}/refs", f"{_API}/commits/main?limit=1",
    f"{_API}/discussions", f"{_API}/discussions/1", f"{_API}/discussions/2?diff=1", f"{_API}/lfs-files?limit=1",
    f"{_API}/auth-check", f"{_API}/auth-check/write", f"{_API}/xet-read-token", f"{_API}/xet-read-token/main",
    f"{_API}/xet-write-token", f"{_API}/xet-write-token/main", "/api/models/nobody", "/api/none",
    "/api/storage/objects/{lfs}", "/api/storage/xorbs/{xorb}", "/api/storage/viewer/x.png", "/cas/v1/chunks/default/x",
    "/cas/v1/reconstructions/{xet}", "/cas/v2/reconstructions/{xet}", "/cas/none",
    f"{_M}.git/info/refs?service=git-upload-pack", f"{_M}/resolve/main/model.bin", f"{_M}/resolve/main/xet.bin",
    f"{_M}/resolve/main/config.json", f"{_M}/raw/main/config.json", "/gpt2/resolve/main/x",
]  # fmt: skip
_LFS = {"transfers": ["basic", "multipart"], "hash_algo": "sha256"}
_HELD = {"oid": "{lfs}", "size": 63_000}
_NEW = {"oid": "ab" * 32, "size": 200 * 2**20}
POSTS = [
    ("/api/repos/create", {"name": "made"}), ("/api/repos/create", {"name": "tiny"}),
    ("/api/repos/move", {"fromRepo": "ada/made", "toRepo": "ada/moved"}),
    ("/api/validate-yaml", {"content": "---\nlicense: none-such\n---\n"}),
    ("/api/settings/webhooks", {"url": THEIRS, "watched": [{"type": "user", "name": "ada"}]}),
    ("/api/settings/webhooks/{hook}/disable", {}), ("/api/settings/webhooks/{hook}/enable", {}),
    ("/api/imports", {"source": "grace/more", "target": "ada/more"}), ("/api/imports/{import}/act", {"act": "cancel"}),
    ("/api/users/bob/follow", {}), ("/api/organizations/lab/follow", {}),
    ("/api/collections", {"title": "Another", "namespace": "ada"}),
    ("/api/collections/{slug}/items", {"item": {"type": "model", "id": "ada/gated"}}),
    ("PATCH /api/collections/{slug}/items/{item}", {"note": "Read it"}),
    ("/api/collections/{slug}/resource-group", {}),
    ("/api/buckets/ada/more", {}), ("PUT /api/buckets/ada/store/settings", {"private": False}),
    ("/api/buckets/ada/store/paths-info", {"paths": ["a/b.txt"]}), ("/api/buckets/ada/store/batch", {}),
    ("/api/datasets/ada/shapes/sql", {"sql": "SELECT 1"}), ("DELETE /api/datasets/ada/shapes/sql/x", {}),
    ("PUT /api/models/ada/tiny/settings", {"private": False}), (f"{_API}/duplicate", {"repository": "ada/copy"}),
    ("/api/models/ada/gated/user-access-request/handle", {"user": "bob", "status": "accepted"}),
    ("/api/models/ada/gated/user-access-request/grant", {"user": "bob"}),
    (f"{_API}/like", {}), (f"{_API}/paths-info/main", {"paths": ["README.md", "xet.bin"]}),
    (f"{_API}/branch/side", {}), (f"{_API}/tag/main", {"tag": "v1"}), (f"{_API}/super-squash/side", {}),
    (f"{_API}/preupload/main", {"files": [{"path": "x.bin", "size": 9, "sample": ""}]}),
    (f"{_API}/commit/main", [{"key": "header", "value": {"summary": "Change"}},
                             {"key": "file", "value": {"path": "n.txt", "content": "eA==", "encoding": "base64"}}]),
    (f"{_API}/commit/main?create_pr=1", [{"key": "header", "value": {"summary": "Ask"}},
                                         {"key": "deletedFile", "value": {"path": "config.json"}}]),
    (f"{_API}/uploads", {"objects": [_NEW]}), (f"{_API}/discussions", {"title": "More", "description": "words"}),
    (f"{_API}/discussions/1/comment", {"comment": "words"}), (f"{_API}/discussions/1/title", {"title": "Again"}),
    (f"{_API}/discussions/1/comment/{{comment}}/edit", {"content": "other words"}),
    (f"{_API}/lfs-files/batch", {"deletions": {"sha": [], "rewriteHistory": False}}),
    (f"{_API}/lfs-files/duplicate", {"target": {"type": "model", "name": "ada/gated"}, "files": [{"sha256": "{lfs}"}]}),
    (f"{_M}.git/info/lfs/objects/batch", _LFS | {"operation": "upload", "objects": [_NEW | {"size": 9}]}),
    (f"{_M}.git/info/lfs/objects/batch", _LFS | {"operation": "upload", "objects": [_NEW]}),
    (f"{_M}.git/info/lfs/objects/batch", _LFS | {"operation": "download", "objects": [_HELD]}),
    ("PUT /api/storage/uploads/1-1-x-1", {}), ("/api/storage/uploads/1-1-x-1/complete", {}),
    ("PUT /api/storage/uploads/1-1-x-1/1", {}), ("/api/storage/verify/1-1-x-1", {}),
    ("/uploads", {}), ("DELETE /api/repos/delete", {"name": "moved"}),
]  # fmt: skip
# Forms of pages; what is wrong with them is said on a page, or by a way back to one.
FORMS = [
    "/logout", "/language", "/settings/tokens/1/revoke", "/settings/tokens/1/renew", "/settings/tokens/1/limits",
    "/oauth/token",
    "/settings/applications/{app}/secret", "/settings/connected-apps/{app}/disconnect", "/oauth/device",
    "/oauth/revoke", "/organisations/lab/members/set", "/organisations/lab/members/bob/remove", "/settings/bulk/1/end",
    "/organisations/lab/invitation", "/organisations/lab/invitations/bob/withdraw",
    "/credits/{credit}/answer", "/desk/reports/{report_number}/act", "/opt-outs/{opt_out}/act", "/notices/1/read",
    "/credits/mentions/1/claim", "/lineage/1/confirm", "/lineage/1/deny", "/collections/{slug}/edit",
    "/collections/{slug}/add", "/collections/{slug}/items/{item}", "/settings/following/bob",
    "/settings/webhooks/{hook}/act", "/settings/webhooks/{hook}/deliveries/x", "/settings/imports/{import}/act",
    f"{_M}/preview", f"{_M}/discussions/1/act", f"{_M}/discussions/1/hide/{{event}}", f"{_M}/like", f"{_M}/collect",
    "/ada/gated/ask-access", "/ada/gated/access/grant", "/ada/gated/access/{request}/act",
    "/settings/applications/{app}/delete", "/collections/{slug}/delete",
]  # fmt: skip


@pytest.fixture(params=["files", "s3"])
def storage(request, settings):
    """The origin of the storage host, if there is one."""
    settings.BASE_URL = BASE
    if request.param == "files":
        return None
    place = request.getfixturevalue("s3_settings")
    settings.OBJECTS_ORIGIN = place.endpoint
    return place.endpoint


def test_no_answer_names_a_foreign_host(storage):
    scene = everything()
    device = Client().post("/oauth/device", {"client_id": scene.names["app"]}).json()
    names = scene.names | {"user_code": device.get("user_code", "AAAA-AAAA")}
    token = tokens.issue_token(scene.ada, name="t", scope=TokenScope.WRITE)
    person, program = Client(), Client(headers={"Authorization": f"Bearer {token}"})
    person.force_login(scene.ada)
    found: dict[str, set[str]] = {}
    useless = []

    def check(address: str, answer: HttpResponse) -> None:
        for origin in foreign_and_own(answer, resolve(address.partition("?")[0]).func.__module__):
            found.setdefault(origin, set()).add(address)

    for template in GETS:
        address = filled(template, names)
        answers = [who.get(address) for who in (person, program, Client())]
        for answer in answers:
            check(address, answer)
        if min(answer.status_code for answer in answers) >= 400 and template not in REFUSED:
            useless.append((address, [answer.status_code for answer in answers]))
    cas = program.get(f"{_API}/xet-read-token/main")["X-Xet-Access-Token"]
    for version in (1, 2):
        address = f"/cas/v{version}/reconstructions/{names['xet']}"
        answer = Client().get(address, headers={"Authorization": f"Bearer {cas}"})
        assert answer.status_code == 200
        check(address, answer)
    address = "/uploads"
    check(address, program.post(address, png(), content_type="image/png"))
    for template, body in POSTS:
        method, _, address = filled(template, names).rpartition(" ")
        text = filled("\n".join(map(json.dumps, body)) if isinstance(body, list) else json.dumps(body), names)
        check(address, program.generic(method or "POST", address, text, content_type="application/json"))
    for template in FORMS:
        address = filled(template, names)
        check(address, person.post(address))

    foreign = {origin: sorted(where)[:5] for origin, where in found.items() if origin not in {BASE, storage}}
    assert useless == []
    assert foreign == {}
    assert found.keys() == {BASE, storage} - {None}


def test_every_address_of_the_site_is_asked():
    names = dict.fromkeys(re.findall(r"\{(\w+)\}", str([GETS, POSTS, FORMS])), "1") | {"slug": "ada/x", "old": "1"}
    addresses = [*GETS, *FORMS, *(address.rpartition(" ")[2] for address, _body in POSTS)]
    asked = {plain(resolve(filled(address, names).partition("?")[0]).route) for address in addresses}
    known = list(routes())
    missing = {route for route, view in known if route not in asked and view not in NOT_ASKED}

    assert missing == set(), "Give a sample above, or a reason in NOT_ASKED."
    assert len({route for route, _view in known}) > 200


def test_what_counts_as_a_foreign_address():
    """What people wrote is let pass where they wrote it, and the test would see the rest."""
    page = f'<p><img srcset="//cdn.example/x.png 2x"><a href="{BASE}/x">x</a><a href="{THEIRS}">theirs</a>'
    said = r'{"a": ["http:\/\/testserver/x", "https://schema.org/Dataset"], "b": {"c": "see http://other.example"}}'
    moved = HttpResponse(status=302, headers={"Location": "http://moved.example/x"})

    assert foreign_and_own(HttpResponse(page)) == {BASE, "//cdn.example"}
    assert foreign_and_own(HttpResponse(said, content_type="application/json")) == {
        "http://testserver", "http://other.example",
    }  # fmt: skip
    assert foreign_and_own(moved) == {"http://moved.example"}


def foreign_and_own(answer: HttpResponse, module: str = "") -> set[str]:
    """The origins of all addresses in an answer, without those that its people wrote."""
    texts = []
    for name, value in answer.headers.items():
        texts.append(re.sub(PERMITTED.get(name, "\0"), "", value))
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    kind = answer.headers.get("Content-Type", "")
    is_text = kind.startswith("text/") or any(word in kind for word in ("json", "xml", "yaml", "javascript", "bibtex"))
    if is_text:
        texts.append(body.decode("utf-8", "replace"))
    whole = unescape("\n".join(texts)).replace("\\/", "/").replace("\\u0026", "&")
    allowed = (THEIRS, *IDENTIFIERS, *([EXAMPLES[module]] if module in EXAMPLES else []))
    found = {match.group() for match in re.finditer(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>\\`)|,;]+", whole)}
    found |= {match.group(1) for match in re.finditer(r"""[=,\s"'](//[a-z0-9-]+\.[^\s"'<>]+)""", whole) if is_text}
    return {origin_of(url) for url in found if not url.startswith(allowed)}


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme else f"//{parts.netloc}"


def filled(template: str, names: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: names[match.group(1)], template)


def plain(route: str) -> str:
    """Pages of data sets, spaces and kernels are those of models."""
    return re.sub(r"^/?(datasets|spaces|kernels)/(?=<part:namespace>/<part:name>)", "", route.lstrip("/"))


def routes(resolver=None):
    """(route, view) of everything in the rooms that this test is about."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if not isinstance(pattern, URLPattern):
            if "admin" not in str(pattern.pattern):
                yield from routes(pattern)
        elif pattern.callback.__module__.startswith(ROOMS):
            yield plain(str(pattern.pattern)), f"{pattern.callback.__module__}.{pattern.callback.__name__}"
