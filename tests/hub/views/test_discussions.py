"""The pages of discussions."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.principal import Principal
from hub.enums import DiscussionState
from hub.services import discussions
from hub.services.commits import AddBytes
from tests.factories import hub as make
from tests.factories.accounts import StaffFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return UserFactory(username="ada")


@pytest.fixture
def author():
    return UserFactory(username="bob")


@pytest.fixture
def repository(owner):
    return make.repository(owner, "shapes", files={"a.txt": b"one\n"})


@pytest.fixture
def pull_request(repository, author):
    found, _result = discussions.propose(
        repository, [AddBytes("b.txt", b"two\n")], by=Principal(user=author), message="Add b", description="**Why**"
    )
    return found


BUTTONS = {
    "anonymous": [],
    "stranger": ["comment"],
    "author": ["comment", "closed"],
    "staff": ["comment", "closed"],
    "owner": ["comment", "merge", "closed"],
}


@pytest.mark.parametrize("who", BUTTONS)
def test_everybody_sees_what_they_may_do(client, owner, author, pull_request, who):
    people = {"stranger": UserFactory, "author": lambda: author, "staff": StaffFactory, "owner": lambda: owner}
    if who in people:
        client.force_login(people[who]())

    page = client.get("/ada/shapes/discussions/1").content.decode()

    assert [act for act in ("comment", "merge", "open", "closed") if f'name="act" value="{act}"' in page] == BUTTONS[
        who
    ]
    assert "<strong>Why</strong>" in page
    assert '<td class="sign">+</td><td>two</td>' in page


def test_a_reader_opens_comments_and_hides(client, repository, author):
    client.force_login(author)
    assert client.get("/ada/shapes/discussions/new").status_code == 200
    short = client.post("/ada/shapes/discussions/new", {"title": "x", "text": "y"})
    made = client.post("/ada/shapes/discussions/new", {"title": "A question", "text": "Why <b onclick='x()'>so</b>?"})
    said = repository.discussions.get().events.get()
    client.post("/ada/shapes/discussions/1/act", {"act": "comment", "text": "Never mind"})
    empty = client.post("/ada/shapes/discussions/1/act", {"act": "comment", "text": " "}, follow=True)
    assert client.post("/ada/shapes/discussions/1/act", {"act": "comment", "text": "a\x00b"}).status_code == 200
    client.post(f"/ada/shapes/discussions/1/hide/{said.pk}")
    page = client.get("/ada/shapes/discussions/1").content.decode()

    assert short.status_code == 200
    assert made.headers["Location"] == "/ada/shapes/discussions/1"
    assert "Write something first" in empty.content.decode()
    assert "Never mind" in page
    assert "onclick" not in empty.content.decode()
    assert "Why" not in page
    assert "A question" in client.get("/ada/shapes/discussions").content.decode()


def test_the_owner_merges_by_a_button(client, owner, pull_request):
    client.force_login(owner)
    answer = client.post("/ada/shapes/discussions/1/act", {"act": "merge", "text": "Thanks"}, follow=True)
    again = client.post("/ada/shapes/discussions/1/act", {"act": "merge"}, follow=True)

    pull_request.refresh_from_db()
    assert pull_request.state == DiscussionState.MERGED
    assert "Merged." in answer.content.decode()
    assert again.status_code == 200
    assert 'value="merge"' not in again.content.decode()
    assert "Add b" in client.get("/ada/shapes/discussions?status=closed").content.decode()
    assert "Add b" not in client.get("/ada/shapes/discussions").content.decode()


def test_a_conflict_is_shown_and_takes_the_button_away(client, owner, repository, pull_request):
    make.put(repository, {"b.txt": b"ours\n"}, by=Principal(user=owner))
    client.force_login(owner)
    page = client.get("/ada/shapes/discussions/1").content.decode()

    assert '<li class="mono">b.txt</li>' in page
    assert 'value="merge"' not in page


def test_what_one_may_not_do(client, author, owner, pull_request):
    assert client.post("/ada/shapes/discussions/1/act", {"act": "comment", "text": "x"}).status_code == 302
    client.force_login(UserFactory())
    assert client.post("/ada/shapes/discussions/1/act", {"act": "closed"}).status_code == 403
    assert client.post("/ada/shapes/discussions/1/act", {"act": "merge"}).status_code == 403
    said = pull_request.events.order_by("id").first()
    assert client.post(f"/ada/shapes/discussions/1/hide/{said.pk}").status_code == 403
    assert client.get("/ada/shapes/discussions/9").status_code == 404


@pytest.mark.parametrize(("who", "status"), [("anonymous", 401), ("stranger", 404), ("owner", 200)])
def test_a_private_repository_keeps_its_discussions(client, owner, who, status):
    made = make.repository(owner, "hidden", visibility="private")
    discussions.open_discussion(made, title="Hello", by=Principal(user=owner))
    if who != "anonymous":
        client.force_login(owner if who == "owner" else UserFactory())

    assert client.get("/ada/hidden/discussions").status_code == status
    assert client.get("/ada/hidden/discussions/1").status_code == status


@pytest.mark.parametrize("page", ["", "/1"])
def test_more_rows_need_no_more_queries(client, owner, repository, page):
    def add():
        discussions.open_discussion(repository, title="Hello", by=Principal(user=UserFactory()))
        discussions.comment(repository.discussions.get(number=1), "Hi", by=Principal(user=UserFactory()))

    def count():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/ada/shapes/discussions{page}").status_code == 200
        return len(queries)

    add()
    client.force_login(owner)
    one = count()
    add()
    add()
    assert count() == one
