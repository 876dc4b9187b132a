"""Files written, moved and deleted in the browser."""

import pytest

from accounts.enums import Role
from hub.models import Discussion, LargeObject
from hub.selectors.revisions import entries_named, read_bytes, revision_of
from hub.services.commits import AddBytes
from tests.factories import hub as make
from tests.factories.accounts import MembershipFactory, OrganisationFactory, StaffFactory, UserFactory
from tests.hub.api.test_safety import upheld
from tests.hub.gated import CLOSED_TO, OPEN_TO, scene

pytestmark = pytest.mark.django_db
CARD = b"---\nlicense: mit\n---\n# Shapes\n"


@pytest.fixture
def ada():
    return UserFactory(username="ada")


@pytest.fixture
def repository(ada):
    return make.repository(ada, "shapes", files={"README.md": CARD, "docs/notes.txt": b"one\r\ntwo\r\n"})


def head(repository, branch="main"):
    return revision_of(repository, branch).commit


def content(repository, path, branch="main"):
    return read_bytes(revision_of(repository, branch), path, limit=2**21)


def send(client, repository, page, **fields):
    fields = {"head": head(repository), "act": "commit"} | fields
    return client.post(f"{repository.get_absolute_url()}/{page}", fields)


def test_a_text_is_edited_and_keeps_its_line_ends(client, ada, repository):
    client.force_login(ada)
    page = client.get("/ada/shapes/edit/main/docs/notes.txt")
    assert "one\ntwo\n" in page.content.decode()

    answer = send(client, repository, "edit/main/docs/notes.txt", text="one\r\nthree\r\n", message="Count on")

    assert answer.url == "/ada/shapes/blob/main/docs/notes.txt"
    assert content(repository, "docs/notes.txt") == b"one\r\nthree\r\n"
    assert "Count on" in client.get("/ada/shapes/commits/main?path=docs/notes.txt").content.decode()


def test_a_file_with_plain_line_ends_gets_no_others(client, ada, repository):
    client.force_login(ada)
    send(client, repository, "edit/main/README.md", text="---\r\nlicense: mit\r\n---\r\n# Two\r\n")
    assert content(repository, "README.md") == b"---\nlicense: mit\n---\n# Two\n"


@pytest.mark.parametrize(
    "data",
    [b"\xff\xfe no text", b"a\x00b", b"mixed\r\nends\n", b"x" * (2**20 + 1)],
    ids=["latin", "nul", "mixed", "long"],
)
def test_what_a_form_would_harm_is_not_edited(client, ada, repository, data):
    make.put(repository, {"odd.txt": data}, by=make.as_principal(ada))
    client.force_login(ada)
    assert client.get("/ada/shapes/edit/main/odd.txt").status_code == 409
    assert send(client, repository, "edit/main/odd.txt", text="new").status_code == 409
    assert content(repository, "odd.txt") == data


def test_a_large_file_is_not_edited(client, ada, repository):
    make.put_large(repository, {"w.safetensors": b"weights"}, by=make.as_principal(ada))
    client.force_login(ada)
    assert client.get("/ada/shapes/edit/main/w.safetensors").status_code == 409


def test_who_was_slower_keeps_what_they_wrote(client, ada, repository):
    client.force_login(ada)
    old = head(repository)
    make.put(repository, {"README.md": CARD + b"Somebody else\n"}, by=make.as_principal(ada))

    answer = send(client, repository, "edit/main/README.md", head=old, text="---\nlicense: mit\n---\n# Mine")

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "# Mine" in page
    assert "Somebody else" in page
    assert f'value="{head(repository)}"' in page
    assert content(repository, "README.md").endswith(b"Somebody else\n")
    assert send(client, repository, "edit/main/README.md", text="---\nlicense: mit\n---\n# Mine").status_code == 302
    assert content(repository, "README.md").endswith(b"# Mine")


def test_wrong_metadata_is_named_before_the_commit_and_not_committed(client, ada, repository):
    client.force_login(ada)
    text = "---\nlicense: no-such-licence\n---\n"

    shown = client.post("/ada/shapes/preview", {"text": text, "card": "yes"}).content.decode()
    refused = send(client, repository, "edit/main/README.md", text=text)

    assert "&quot;license&quot; must be one of" in shown
    assert refused.status_code == 200
    assert "must be one of" in refused.content.decode()
    assert content(repository, "README.md") == CARD


def test_the_preview_is_safe_and_works_without_scripts(client, ada, repository):
    client.force_login(ada)
    text = '# Big\n<script>alert(1)</script><b onclick="x()">bold</b>'

    alone = client.post("/ada/shapes/preview", {"text": text}).content.decode()
    whole = send(client, repository, "edit/main/README.md", text=text, act="preview").content.decode()

    for page in (alone, whole.split('id="preview"')[1].split("</section>")[0]):
        assert "<h2>Big</h2>" in page
        assert "<b>bold</b>" in page
        assert "alert" not in page
    assert content(repository, "README.md") == CARD


def test_a_new_file_makes_its_folders_and_replaces_nothing(client, ada, repository):
    client.force_login(ada)
    assert 'value="docs/"' in client.get("/ada/shapes/new/main/docs").content.decode()

    made = send(client, repository, "new/main", path="a/b/c.py", text="x = 1\r\n")
    taken = send(client, repository, "new/main", path="README.md", text="mine")
    bad = send(client, repository, "new/main", path="../c.py", text="x")
    large = send(client, repository, "new/main", path="a.safetensors", text="x")

    assert made.url == "/ada/shapes/blob/main/a/b/c.py"
    assert content(repository, "a/b/c.py") == b"x = 1\n"
    assert "There is something at README.md already" in taken.content.decode()
    assert "not allowed" in bad.content.decode()
    assert "large file" in large.content.decode()
    assert content(repository, "README.md") == CARD


def test_a_large_file_moves_without_its_bytes(client, ada, repository):
    digest = make.put_large(repository, {"w.safetensors": b"weights"}, by=make.as_principal(ada))["w.safetensors"]
    client.force_login(ada)

    answer = send(client, repository, "move/main/w.safetensors", path="weights/model.safetensors")

    assert answer.url == "/ada/shapes/blob/main/weights/model.safetensors"
    found = entries_named(revision_of(repository, "main"), ["w.safetensors", "weights/model.safetensors"])
    assert [(file.path, file.lfs_sha256) for file in found] == [("weights/model.safetensors", digest)]
    assert LargeObject.objects.count() == 1
    shown = client.get("/ada/shapes/commits/main?path=weights/model.safetensors").content.decode()
    assert "Add large files" in shown
    assert "Move w.safetensors to" in shown


def test_a_folder_moves_and_goes(client, ada, repository):
    client.force_login(ada)
    moved = send(client, repository, "move/main/docs", path="papers/2026")
    assert moved.url == "/ada/shapes/tree/main/papers/2026"
    assert content(repository, "papers/2026/notes.txt") == b"one\r\ntwo\r\n"
    assert "already" in send(client, repository, "move/main/papers", path="README.md").content.decode()
    gone = send(client, repository, "delete/main/papers")
    assert gone.url == "/ada/shapes/tree/main"
    assert content(repository, "papers/2026/notes.txt") is None


def test_others_propose(client, repository):
    bob = UserFactory(username="bob")
    client.force_login(bob)
    before = head(repository)
    assert "becomes a pull request" in client.get("/ada/shapes/edit/main/README.md").content.decode()

    answer = send(
        client, repository, "edit/main/README.md", text="---\nlicense: mit\n---\n# Better\n", message="Better"
    )

    opened = Discussion.objects.get()
    assert answer.url == opened.get_absolute_url()
    assert (opened.title, opened.author, head(repository)) == ("Better", bob, before)
    assert content(repository, "README.md", "refs/pr/1").endswith(b"# Better\n")
    more = client.post(
        "/ada/shapes/edit/refs/pr/1/README.md",
        {"head": head(repository, "refs/pr/1"), "act": "commit", "text": "# Best"},
    )
    assert more.status_code == 302
    assert content(repository, "README.md", "refs/pr/1") == b"# Best"


EDITS = {"anonymous": 302, "stranger": 404, "reader": 403, "writer": 200, "owner": 200, "staff": 403}


@pytest.mark.parametrize("page", ["edit/main/a.txt", "new/main", "move/main/a.txt", "delete/main/a.txt"])
@pytest.mark.parametrize("who", EDITS)
def test_a_private_repository_is_changed_by_its_own_people_only(client, ada, page, who):
    lab = OrganisationFactory(name="lab", admin=ada)
    repository = make.repository(ada, "secret", files={"a.txt": b"a"}, visibility="private")
    repository.namespace, repository.has_discussions = lab.namespace, False
    repository.save()
    people = {
        "stranger": UserFactory,
        "reader": lambda: MembershipFactory(organisation=lab).user,
        "writer": lambda: MembershipFactory(organisation=lab, role=Role.WRITE).user,
        "owner": lambda: ada,
        "staff": StaffFactory,
    }
    if who in people:
        client.force_login(people[who]())
    before = head(repository)

    assert client.get(f"/lab/secret/{page}").status_code == EDITS[who]
    sent = client.post(f"/lab/secret/{page}", {"head": before, "act": "commit", "text": "b", "path": "b.txt"})

    assert (head(repository) != before) == (EDITS[who] == 200)
    assert sent.status_code == (302 if EDITS[who] == 200 else EDITS[who])


@pytest.mark.parametrize("who", [*OPEN_TO, *CLOSED_TO])
def test_a_form_lets_nothing_out_of_a_gated_repository(client, who):
    found = scene()
    if user := found.people.get(who):
        client.force_login(user)
    answer = client.get("/lab/gated/edit/main/secret.txt")
    assert (b"behind the gate" in answer.content) == (who in OPEN_TO)


def test_a_commit_is_no_branch(client, ada, repository):
    client.force_login(ada)
    assert client.get(f"/ada/shapes/edit/{head(repository)}/README.md").status_code == 404
    assert send(client, repository, "edit/main/README.md", head="main", text="x").status_code == 200


def test_the_api_refuses_a_card_with_wrong_metadata(client, ada, repository):
    from hub.errors import Unprocessable
    from hub.services import commits

    with pytest.raises(Unprocessable, match="must be a string"):
        commits.commit(
            repository,
            [AddBytes("README.md", b"---\npipeline_tag: [a]\n---\n")],
            by=make.as_principal(ada),
            message="Wrong",
        )


def test_what_a_report_took_away_is_shown_nowhere(client, ada, repository):
    before, first = (
        head(repository),
        make.put(repository, {"CITATION.cff": b"title: Stolen words\n"}, by=make.as_principal(ada)),
    )
    assert b"Stolen" in client.get("/ada/shapes/cite.bib").content
    upheld(repository, is_whole=False, paths=["CITATION.cff"])
    client.force_login(ada)

    pages = ["edit/main/CITATION.cff", f"commit/{first}", f"compare/{before}..main", "cite.bib", "cite.cff", ""]
    answers = {page: client.get(f"/ada/shapes/{page}".rstrip("/")) for page in pages}

    assert [page for page, answer in answers.items() if b"Stolen" in answer.content] == []
    assert answers["edit/main/CITATION.cff"].status_code == 451
    assert "taken away by a report" in answers[f"commit/{first}"].content.decode()
