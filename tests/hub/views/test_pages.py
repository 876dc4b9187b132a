import re

import pytest

from accounts.models import Namespace
from hub.models import Repository
from tests.factories import hub as make
from tests.factories.accounts import MembershipFactory, OrganisationFactory, StaffFactory, UserFactory

pytestmark = pytest.mark.django_db

CARD = b"""---
license: apache-2.0
pipeline_tag: text-to-image
library_name: diffusers
tags: [shapes]
---
# Shapes

A [link](config.json), a picture ![p](samples/one.png), and <script>alert(1)</script> <b onclick="x()">bold</b>.
"""
PAGES = ["", "/tree/main", "/tree/main/samples", "/blob/main/config.json", "/commits/main", "/lineage"]


@pytest.fixture
def owner():
    return UserFactory(username="ada")


@pytest.fixture
def repository(owner):
    files = {"README.md": CARD, "config.json": b'{"a": 1}', "samples/one.png": b"\x89PNG\x00"}
    return make.repository(owner, "shapes", files=files)


@pytest.mark.parametrize("page", PAGES)
def test_everybody_reads_every_page_of_a_public_repository(client, repository, page):
    answer = client.get(f"/ada/shapes{page}")
    assert answer.status_code == 200
    assert "ada" in answer.content.decode()


@pytest.mark.parametrize("page", [*PAGES, "/settings"])
@pytest.mark.parametrize(
    ("who", "status"), [("anonymous", 401), ("stranger", 404), ("reader", 200), ("owner", 200), ("staff", 200)]
)
def test_a_private_repository_shows_itself_to_its_own_people_only(client, page, who, status):
    admin = UserFactory()
    organisation = OrganisationFactory(name="lab", admin=admin)
    make.put(
        made := make.repository(admin, "shapes", visibility="private", files=None),
        {"README.md": CARD, "config.json": b"{}", "samples/one.png": b"1"},
        by=make.as_principal(admin),
    )
    Repository.objects.filter(pk=made.pk).update(namespace=Namespace.objects.get(name="lab"))
    people = {
        "stranger": UserFactory,
        "reader": lambda: MembershipFactory(organisation=organisation).user,
        "owner": lambda: admin,
        "staff": StaffFactory,
    }
    if who in people:
        client.force_login(people[who]())
    if page == "/settings" and who != "owner":
        status = {"anonymous": 302, "stranger": 404}.get(who, 403)
    assert client.get(f"/lab/shapes{page}").status_code == status


def test_a_card_is_rendered_without_what_could_harm(client, repository):
    html = client.get("/ada/shapes").content.decode()
    commit = repository.head
    assert f'href="/ada/shapes/blob/{commit}/config.json"' in html
    assert f'src="/ada/shapes/resolve/{commit}/samples/one.png"' in html
    assert "<script>alert" not in html
    assert "onclick" not in html
    assert "license: apache-2.0" not in html


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?search=shapes",
        "?search=ADA",
        "?task=text-to-image",
        "?library=diffusers",
        "?licence=apache-2.0",
        "?tag=shapes",
    ],
)
def test_the_list_finds_it(client, repository, query):
    assert "ada/shapes" in client.get(f"/models{query}").content.decode()


@pytest.mark.parametrize("query", ["?search=nothing", "?task=other", "?licence=mit"])
def test_the_list_leaves_out_what_does_not_fit(client, repository, query):
    assert "ada/shapes" not in client.get(f"/models{query}").content.decode()


def test_somebody_makes_and_deletes_a_repository_in_the_browser(client, owner):
    client.force_login(owner)
    fields = {"kind": "dataset", "namespace": "ada", "name": "pictures", "visibility": "private"}
    assert client.post("/new", fields)["Location"] == "/datasets/ada/pictures"
    assert "You already created this" in client.post("/new", fields).content.decode()
    client.post("/datasets/ada/pictures/settings", {"visibility": "public"})
    assert Repository.objects.get().visibility == "public"
    assert (
        "This is not its full name."
        in client.post("/datasets/ada/pictures/settings", {"full_name": "x"}).content.decode()
    )
    assert client.post("/datasets/ada/pictures/settings", {"full_name": "ada/pictures"})["Location"] == "/ada"
    assert Repository.objects.count() == 0


def test_an_old_revision_shows_its_own_files(client, repository, owner):
    first = repository.head
    make.put(repository, {"config.json": b'{"a": 2}'}, by=make.as_principal(owner))
    assert "{&quot;a&quot;: 1}" in client.get(f"/ada/shapes/blob/{first}/config.json").content.decode()
    assert "{&quot;a&quot;: 2}" in client.get("/ada/shapes/blob/main/config.json").content.decode()
    repository.refresh_from_db()
    diff = client.get(f"/ada/shapes/commit/{repository.head}").content.decode()
    assert 'class="removed"' in diff


@pytest.mark.parametrize("address", ["/ada/none", "/nobody", "/ada/shapes/blob/main/none", "/ada/shapes/tree/none"])
def test_what_is_missing_is_said_to_be_missing(client, repository, owner, address):
    client.force_login(owner)
    answer = client.get(address, HTTP_ACCEPT="text/html")
    assert answer.status_code == 404


def test_the_front_page_shows_what_is_new_and_visible(client, repository, owner):
    make.repository(owner, "hidden", visibility="private")
    html = client.get("/").content.decode()
    assert "ada/shapes" in html
    assert "ada/hidden" not in html


@pytest.mark.parametrize("at", ["main", "old"])
def test_long_folders_have_pages_forth_and_back(client, monkeypatch, at):
    """At the head of a branch from the index, before that out of git."""
    monkeypatch.setattr("hub.views.files.PAGE", 3)
    ada = make.person("ada")
    repository = make.repository(ada, "m")
    old = make.put(repository, {f"f{number}": b"x" for number in range(7)}, by=make.as_principal(ada))
    if at == "old":
        make.put(repository, {"new": b"x"}, by=make.as_principal(ada))

    def look(query=""):
        html = client.get(f"/ada/m/tree/{old if at == 'old' else 'main'}{query}").content.decode()
        links = dict(re.findall(r'rel="(prev|next)" href="([^"]*)"', html))
        return re.findall(r">(\.gitattributes|f\d)</a>", html), links

    first, links = look()
    assert (first, set(links)) == ([".gitattributes", "f0", "f1"], {"next"})
    second, links = look(links["next"])
    assert (second, set(links)) == (["f2", "f3", "f4"], {"prev", "next"})
    third, links = look(links["next"])
    assert (third, set(links)) == (["f5", "f6"], {"prev"})
    back, links = look(links["prev"])
    assert (back, set(links)) == (second, {"prev", "next"})
    assert look(links["prev"]) == (first, {"next": links["prev"].replace("before=f2", "after=f1")})
