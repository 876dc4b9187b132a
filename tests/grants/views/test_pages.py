import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from grants.models import Award, Nomination, NominationScore, Proposal
from tests.factories import grants as make
from tests.factories.accounts import StaffFactory, UserFactory
from tests.factories.hub import repository

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    return UserFactory()


@pytest.fixture
def browser(client, user):
    client.force_login(user)
    return client


def form_data(user, **changes):
    values = {
        "action": "submit",
        "key": "one",
        "holder": user.username,
        "title": "Shapes",
        "abstract": make.ABSTRACT,
        "asked_gpu_seconds": "600",
        "publishes_openly": "on",
        "team": "",
    }
    return {name: value for name, value in (values | changes).items() if value is not None}


def test_applying_decides_and_shows_rule_inputs_reasons_and_allocation(browser, user):
    call = make.call()
    response = browser.post(f"/grants/calls/{call.slug}/apply", form_data(user), follow=True)
    text = response.content.decode()
    award = Award.objects.get()
    assert response.redirect_chain == [(f"/proposals/{award.proposal_id}", 302)]
    assert "All conditions of the rule are met" in text
    assert "asked_gpu_seconds" in text
    assert "the same verdict" in text
    assert f"/compute/allocations/{award.allocation_id}" in text


def test_a_double_click_applies_once(browser, user):
    call = make.call()
    for _click in range(2):
        response = browser.post(f"/grants/calls/{call.slug}/apply", form_data(user))
        assert response.status_code == 302
    assert (Proposal.objects.count(), Award.objects.count()) == (1, 1)


def test_a_draft_is_saved_and_opened_again(browser, user):
    call = make.call(questions=[{"key": "data", "label": "Which data?"}])
    data = form_data(user, action="save", abstract="", asked_gpu_seconds="", publishes_openly=None, q_data="Shapes")
    response = browser.post(f"/grants/calls/{call.slug}/apply", data)
    proposal = Proposal.objects.get()
    assert response["Location"] == f"/proposals/{proposal.pk}/edit"
    assert "Shapes" in browser.get(response["Location"]).content.decode()
    browser.post(response["Location"], form_data(user, q_data="More"))
    proposal.refresh_from_db()
    assert (proposal.state, proposal.answers) == ("announced", {"data": "More"})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"abstract": "short"}, "abstract"),
        ({"asked_gpu_seconds": "999999"}, "asked_gpu_seconds"),
        ({"asked_gpu_seconds": "many"}, "asked_gpu_seconds"),
        ({"publishes_openly": None}, "publishes_openly"),
        ({"holder": "somebody-else"}, "holder"),
        ({"team": "nobody-here"}, "team"),
    ],
)
def test_errors_stand_beside_their_field_and_nothing_is_handed_in(browser, user, change, field):
    call = make.call()
    response = browser.post(f"/grants/calls/{call.slug}/apply", form_data(user, **change))
    assert response.status_code == 200
    assert list(response.context["form"].errors) == [field]
    assert not Proposal.objects.exclude(state="draft").exists()


def test_the_call_page_shows_the_rule_and_its_hash(client):
    text = client.get(f"/grants/calls/{make.call().slug}").content.decode()
    assert "It is declined" in text
    assert re.search(r"[0-9a-f]{64}", text)


def test_a_closed_call_says_so(browser):
    from django.utils import timezone

    now = timezone.now()
    call = make.call(opens_at=now - timezone.timedelta(days=1), closes_at=now)
    response = browser.get(f"/grants/calls/{call.slug}/apply", HTTP_ACCEPT="text/html")
    assert response.status_code == 409
    assert "closed" in response.content.decode()


def test_the_standard_track_by_its_pages(user):
    call, staff, reviewer = make.standard_call(), Client(), Client()
    staff.force_login(StaffFactory())
    judge = UserFactory()
    reviewer.force_login(judge)
    proposal = make.submitted(call, applicant=user)
    url = f"/proposals/{proposal.pk}"
    staff.post(f"{url}/screen")
    staff.post(f"{url}/review")
    staff.post(f"{url}/assign", {"reviewer": judge.username})
    review = proposal.reviews.get()
    assert "Shapes" in reviewer.get("/reviews").content.decode()
    reviewer.post(f"/reviews/{review.pk}", {"score": "5", "text": "A plan that can be carried out."})
    staff.post(f"{url}/discuss")
    staff.post(f"{url}/decide", {"outcome": "awarded", "gpu_seconds": "600", "reasons": "Well planned."})
    assert staff.post(f"{url}/announce").status_code == 302
    assert Award.objects.get().gpu_seconds == 600
    applicant = Client()
    applicant.force_login(user)
    text = applicant.get(url).content.decode()
    assert "Well planned." in text
    assert "A plan that can be carried out." in text
    applicant.post(f"{url}/report", {"text": "The model is published."})
    assert "The model is published." in Client().get("/awards").content.decode()


def test_a_wrong_decision_form_is_refused():
    staff = Client()
    staff.force_login(StaffFactory())
    proposal = make.in_review()
    response = staff.post(f"/proposals/{proposal.pk}/decide", {"outcome": "great"}, HTTP_ACCEPT="text/html")
    assert response.status_code == 400


def test_a_round_by_its_pages(user):
    round_ = make.community_round(panel=(user,))
    made, nominator, member, staff = repository(), Client(), Client(), Client()
    nominator.force_login(UserFactory())
    member.force_login(user)
    staff.force_login(StaffFactory())
    url = f"/grants/rounds/{round_.slug}"
    data = {"kind": "model", "name": made.full_name, "why": "It is good.", "gpu_seconds": "1000"}
    assert nominator.post(f"{url}/nominate", data).status_code == 302
    nomination = Nomination.objects.get()
    assert made.full_name not in Client().get(url).content.decode()
    holder = Client()
    holder.force_login(made.namespace.user)
    assert "/grants/nominations/" in holder.get(f"/{made.namespace.name}").content.decode()
    assert holder.post(f"/grants/nominations/{nomination.pk}/answer", {"answer": "confirm"}).status_code == 302
    assert "<select" in member.get(url).content.decode()
    member.post(f"/grants/nominations/{nomination.pk}/score", {"score": "5"})
    assert NominationScore.objects.get().score == 5
    assert staff.post(f"{url}/decide").status_code == 409
    make.close(round_)
    assert "Decide the round" in staff.get(url).content.decode()
    assert staff.post(f"{url}/decide").status_code == 302
    text = Client().get(url).content.decode()
    assert "Rank 1 by mean score" in text
    assert "0.02 USD" in text
    assert user.username in text  # as a member of the panel, not with a score


def test_the_panel_reads_the_proposal_that_it_scores(user):
    round_, proposal, other = make.community_round(panel=(user,)), make.submitted(title="Shapes of it"), UserFactory()
    applicant = Client()
    applicant.force_login(proposal.applicant)
    data = {"kind": "proposal", "name": str(proposal.pk), "why": "More of it.", "gpu_seconds": "1000"}
    applicant.post(f"/grants/rounds/{round_.slug}/nominate", data)
    page = Nomination.objects.get().get_absolute_url()
    assert "Shapes of it" in Client().get(f"/grants/rounds/{round_.slug}").content.decode()
    for reader, sees in [(user, True), (proposal.applicant, True), (other, False), (None, False)]:
        browser = Client()
        if reader:
            browser.force_login(reader)
        assert (make.ABSTRACT in browser.get(page).content.decode()) is sees


def test_a_nomination_with_errors_shows_them(browser):
    round_ = make.community_round()
    response = browser.post(f"/grants/rounds/{round_.slug}/nominate", {"kind": "proposal", "name": "9", "why": "x"})
    assert list(response.context["form"].errors) == ["gpu_seconds"]
    data = {"kind": "proposal", "name": "9", "why": "x", "gpu_seconds": "5"}
    response = browser.post(f"/grants/rounds/{round_.slug}/nominate", data)
    assert list(response.context["form"].errors) == ["name"]


def test_text_of_users_is_escaped(browser, user):
    proposal = make.submitted(applicant=user, title="<script>alert(1)</script>")
    for url in ("/proposals", f"/proposals/{proposal.pk}", "/awards", "/grants"):
        assert "<script>alert" not in browser.get(url).content.decode()


def rows(number, user):
    staff_call = make.standard_call()
    for _row in range(number):
        make.submitted(make.call(most_open_awards=99), applicant=user)
        make.submitted(staff_call)
    for _row in range(number):
        make.review(make.in_review(), reviewer=user, score=3)
    round_ = make.community_round(panel=(user,))
    for _row in range(number):
        make.score(make.nomination(round_), 4, by=user)
    return round_


QUERIES = {
    "/grants": 5,
    "/awards": 4,
    "/proposals": 4,
    "/reviews": 4,
    "/grants/rounds/{round}": 12,
    "/api/grants/calls": 3,
    "/api/grants/awards": 5,
    "/api/grants/proposals": 4,
    "/api/grants/reviews": 3,
    "/api/grants/rounds/{round}": 13,
}


@pytest.mark.parametrize("number", [1, 3])
def test_lists_ask_the_database_as_often_for_one_row_as_for_three(browser, user, number):
    slug, asked = rows(number, user).slug, {}
    for url in QUERIES:
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(url.format(round=slug)).status_code == 200
        asked[url] = len(queries)
    assert asked == QUERIES


def test_rules_are_read_in_chinese_beside_the_text_that_decides(client):
    with override("en"):  # the language of the request would stay on for the tests that follow
        text = client.get(f"/grants/calls/{make.call().slug}", HTTP_ACCEPT_LANGUAGE="zh-hans").content.decode()
    assert "\u6700\u5927\u8d44\u52a9\u989d" in text
    assert "It is declined" in text
