"""Pages for reporting, deciding, objecting, the register, tombstones and opt-outs."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.enums import Role
from accounts.services import organisations
from hub.models import Notice, OptOut, Report, Repository, Version
from hub.services import notices, opt_outs, reports, repositories
from tests.factories import hub as make
from tests.factories.accounts import StaffFactory, join
from tests.hub.api.test_safety import upheld

pytestmark = pytest.mark.django_db

PEOPLE = ("anonymous", "stranger", "member", "owner", "staff")


@pytest.fixture
def cast():
    """People and an organisation that owns a model and a data set."""
    eve, bob = make.person("eve"), make.person("bob")
    lab = organisations.create_organisation("lab", by=make.as_principal(eve))
    join(lab, bob, role=Role.READ, by=make.as_principal(eve))
    made = {}
    for kind, name in (("model", "tiny"), ("dataset", "shapes")):
        one = make.repository(eve, name, kind=kind, files={"a.txt": b"x"})
        Repository.objects.filter(pk=one.pk).update(namespace=lab.namespace)
        one.refresh_from_db()
        made[kind] = one
    people = {"stranger": make.person(), "member": bob, "owner": eve, "staff": StaffFactory()}
    return people, made["model"], made["dataset"]


def enter(client, people, who):
    if who in people:
        client.force_login(people[who])


def ask(dataset, by, **more):
    return opt_outs.request_opt_out(
        dataset, **({"matches": [("domain", "example.org")], "statement": "Secret words", "by": by} | more)
    )


FORM = {"kind": "copyright", "statement": "It is mine", "in_good_faith": "on"}


@pytest.mark.parametrize("who", PEOPLE)
def test_everybody_reports_and_follows(client, cast, who):
    people, _model, _dataset = cast
    enter(client, people, who)
    assert client.get("/report?about=/lab/tiny").status_code == 200
    sent = client.post("/report", FORM | {"about": "http://testserver/lab/tiny/blob/main/a.txt", "paths": "a.txt\n"})
    report = Report.objects.get()
    assert sent["Location"] == f"/report/{report.key}"
    assert (report.asset, report.paths) == ("model:lab/tiny", ["a.txt"])
    client.logout()
    page = client.get(sent["Location"])
    assert "It is mine" in page.content.decode()
    assert page["Referrer-Policy"] == "no-referrer"
    assert client.get("/report/nonsense").status_code == 404


def test_what_a_form_refuses(client, cast):
    _people, model, _dataset = cast
    Repository.objects.filter(pk=model.pk).update(visibility="private")
    for about in ("/lab/tiny", "/lab/nothing", "nonsense", "http://["):
        assert client.post("/report", FORM | {"about": about}).status_code == 200
    Repository.objects.filter(pk=model.pk).update(visibility="public")
    for change in ({"website": "x"}, {"in_good_faith": ""}, {"kind": "x"}, {"statement": ""}, {"contact": "x"}):
        assert client.post("/report", FORM | {"about": "/lab/tiny"} | change).status_code == 200
    assert not Report.objects.exists()
    for _number in range(reports.PER_HOUR):
        assert client.post("/report", FORM | {"about": "/lab/tiny"}).status_code == 302
    answer = client.post("/report", FORM | {"about": "/lab/tiny"})
    assert "Too many" in answer.content.decode()


@pytest.mark.parametrize("who", PEOPLE)
def test_the_desk_is_for_staff(client, cast, who):
    people, model, _dataset = cast
    by = make.as_principal(people["stranger"])
    report = reports.file_report(model, kind="copyright", statement="x", by=by)
    enter(client, people, who)
    expected = {"staff": (200, 302), "anonymous": (302, 302)}.get(who, (403, 403))
    for address in ("/desk/reports", "/desk/reports?state=upheld", f"/desk/reports/{report.pk}"):
        assert client.get(address).status_code == expected[0]
    assert client.post(f"/desk/reports/{report.pk}/act", {"act": "take_up"}).status_code == expected[1]
    report.refresh_from_db()
    assert report.state == ("under_review" if who == "staff" else "received")


def test_the_desk_decides(client, cast):
    people, model, _dataset = cast
    report = reports.file_report(model, kind="copyright", statement="x", by=make.as_principal(people["stranger"]))
    client.force_login(people["staff"])
    act = f"/desk/reports/{report.pk}/act"
    client.post(act, {"act": "take_up"})
    short = client.post(act, {"act": "uphold", "rule": "", "reason": "y", "is_whole": "on"})
    assert "Name the rule" in short.content.decode()
    wrong = client.post(act, {"act": "uphold", "rule": "r", "reason": "y", "paths": "nothing.txt"})
    assert "nothing.txt" in wrong.content.decode()
    assert client.post(act, {"act": "uphold", "rule": "Terms 3", "reason": "y", "paths": "a.txt"}).status_code == 302
    assert report.blocks.get().path == "a.txt"


@pytest.mark.parametrize(
    ("who", "status"), [("anonymous", 302), ("stranger", 404), ("member", 404), ("owner", 200), ("staff", 200)]
)
def test_those_concerned_read_the_complaint_and_object(client, cast, who, status):
    people, model, _dataset = cast
    report = upheld(model)
    Report.objects.update(contact="secret@example.org")
    enter(client, people, who)
    page = client.get(f"/reports/{report.pk}")
    assert page.status_code == status
    assert "secret@" not in page.content.decode()
    sent = client.post(f"/reports/{report.pk}", {"statement": "It is ours"})
    report.refresh_from_db()
    assert report.state == ("counter_noticed" if who == "owner" else "upheld")
    assert sent.status_code == {"owner": 302, "anonymous": 302, "staff": 403}.get(who, 404)


@pytest.mark.parametrize("who", PEOPLE)
def test_the_tombstone_of_what_is_disabled(client, cast, who):
    people, model, _dataset = cast
    Version.objects.create(repository=model, asset="model:lab/tiny", owner="lab", number=1, commit="c" * 40)
    report = upheld(model)
    enter(client, people, who)
    page = client.get("/lab/tiny")
    text = page.content.decode()
    if who == "staff":
        assert page.status_code == 200
        return
    assert page.status_code == 451
    assert "Terms 3" in text
    assert "cccccccccc" in text
    assert (f'href="/reports/{report.pk}"' in text) is (who == "owner")
    assert client.get("/lab/tiny/tree/main").status_code == 403
    assert client.get("/lab/tiny", headers={"Accept-Language": "zh-hans"}).status_code == 451


def test_the_tombstone_of_what_was_deleted(client, cast):
    people, model, _dataset = cast
    Version.objects.create(repository=model, asset="model:lab/tiny", owner="lab", number=1, commit="c" * 40)
    repositories.delete(model, by=make.as_principal(people["owner"]))
    page = client.get("/lab/tiny")
    assert page.status_code == 410
    assert "cccccccccc" in page.content.decode()
    assert client.get("/api/models/lab/tiny").status_code == 401
    assert client.get("/lab/never").status_code == 401


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("address", ["/register", "/desk/reports?state=upheld", "/datasets/lab/shapes/opt-outs"])
def test_lists_take_the_same_number_of_queries(client, cast, count, address):
    people, model, dataset = cast
    client.force_login(people["staff"])

    def queries():
        with CaptureQueriesContext(connection) as seen:
            assert client.get(address).status_code == 200
        return len(seen)

    upheld(model)
    ask(dataset, make.as_principal(people["stranger"]))
    queries()
    before = queries()
    for _number in range(count):
        upheld(model)
        ask(dataset, make.as_principal(people["stranger"]))
    assert queries() == before


def test_the_register_page(client, cast):
    _people, model, dataset = cast
    upheld(model)
    Repository.objects.filter(pk=dataset.pk).update(visibility="private")
    dataset.refresh_from_db()
    upheld(dataset)
    text = client.get("/register").content.decode()
    assert "model:lab/tiny" in text
    assert "shapes" not in text
    assert "model:lab/tiny" not in client.get("/register?kind=malware").content.decode()


@pytest.mark.parametrize("who", PEOPLE)
def test_everybody_asks_and_follows_by_the_number(client, cast, who):
    people, _model, _dataset = cast
    enter(client, people, who)
    assert client.get("/datasets/lab/shapes/opt-outs/new").status_code == 200
    given = {"match_domain": "example.org\nexample.com", "statement": "Secret words", "contact": "a@example.org"}
    sent = client.post("/datasets/lab/shapes/opt-outs/new", given)
    request = OptOut.objects.get()
    assert sent["Location"] == f"/opt-outs/{request.pk}?key={request.key}"
    assert "Secret words" in client.get(sent["Location"]).content.decode()
    client.logout()
    public = client.get(f"/opt-outs/{request.pk}").content.decode()
    assert "received" in public
    assert not any(word in public for word in ("Secret words", "a@example.org", "example.com", request.key))
    assert str(request.pk) in client.get("/datasets/lab/shapes/opt-outs").content.decode()
    Repository.objects.update(visibility="private")
    assert client.get(f"/opt-outs/{request.pk}").status_code == 404


@pytest.mark.parametrize("who", PEOPLE)
def test_only_those_who_may_write_answer(client, cast, who):
    people, _model, dataset = cast
    request = ask(dataset, make.as_principal(make.person()))
    enter(client, people, who)
    page = client.get(f"/opt-outs/{request.pk}").content.decode()
    assert ('value="acknowledged"' in page) is (who == "owner")
    assert ("Secret words" in page) is (who in {"owner", "staff"})
    answer = client.post(f"/opt-outs/{request.pk}/act", {"act": "acknowledged"})
    assert answer.status_code == (302 if who == "owner" else 403)
    request.refresh_from_db()
    assert request.state == ("acknowledged" if who == "owner" else "received")


def test_an_appeal_with_the_key_and_its_decision(client, cast):
    people, _model, dataset = cast
    request = ask(dataset, make.as_principal(people["stranger"]))
    opt_outs.answer(request, "declined", by=make.as_principal(people["owner"]), reason="No")
    act = f"/opt-outs/{request.pk}/act"
    assert client.post(act, {"act": "appealed", "reason": "Look again", "key": "x"}).status_code == 403
    assert client.post(act, {"act": "appealed", "reason": "Look again", "key": request.key}).status_code == 302
    client.force_login(people["staff"])
    assert 'value="honoured"' in client.get(f"/opt-outs/{request.pk}").content.decode()
    assert str(request.pk) in client.get("/desk/reports").content.decode()
    client.post(act, {"act": "honoured"})
    request.refresh_from_db()
    assert request.state == "honoured"
    assert "example.org" in client.get(f"/opt-outs/{request.pk}").content.decode()


def test_notices_stand_where_they_belong_and_can_be_put_away(client, cast):
    people, model, _dataset = cast
    facts = {"number": 5, "name": "lab/tiny", "source": "lab/source"}
    notices.tell(model.namespace, "opt_out_descendant", key="x", facts=facts, repository=model, address="/opt-outs/5")
    assert "lab/source" in client.get("/lab/tiny").content.decode()
    for who in PEOPLE:
        client.logout()
        enter(client, people, who)
        assert ("lab/source" in client.get("/lab").content.decode()) is (who == "owner")
    notice = Notice.objects.get()
    for who, status in (("stranger", 404), ("member", 403), ("owner", 302)):
        client.force_login(people[who])
        assert client.post(f"/notices/{notice.pk}/read").status_code == status
    assert "lab/source" not in client.get("/lab").content.decode()
    assert "lab/source" in client.get("/lab/tiny").content.decode()


@pytest.mark.parametrize(
    "kind", ["token_revoked", "report_upheld", "report_restored", "report_final", "opt_out_received", "opt_out_overdue"]
)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_notice_has_words(client, cast, kind, language):
    people, model, _dataset = cast
    facts = {"number": 5, "name": "<b>x</b>", "hint": "hf_abcd", "path": "a", "in": "b"}
    notices.tell(model.namespace, kind, key="x", facts=facts)
    client.force_login(people["owner"])
    text = client.get("/lab", headers={"Accept-Language": language}).content.decode()
    assert "&lt;b&gt;x" in text
    assert re.search(r"<p>\s*</p>", text) is None
