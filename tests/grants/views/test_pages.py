import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import override

from grants.models import Award, Call, Nomination, NominationScore, Proposal
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
    "/grants": 6,
    "/grants/calls": 4,
    "/awards": 4,
    "/proposals": 6,
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


def test_staff_read_why_they_may_not_process(client):
    proposal, judge = make.in_review(), StaffFactory()
    make.review(proposal, reviewer=judge, score=5)
    client.force_login(judge)
    text = client.get(f"/proposals/{proposal.pk}").content.decode()
    assert "This person reviewed the proposal." in text
    assert "Begin the discussion" not in text


@pytest.fixture
def officer():
    client = Client()
    client.force_login(StaffFactory())
    return client


@pytest.mark.parametrize(
    ("action", "data", "words"),
    [
        ("assign", {"reviewer": "nobody-here", "due_on": "2999-01-01"}, "There is nobody called nobody-here."),
        ("assign", {"reviewer": "{applicant}", "due_on": "2999-01-01"}, "This is the applicant."),
        ("assign", {"reviewer": "{applicant}", "due_on": "soon"}, "Enter a valid date."),
        ("decide", {"outcome": "partly_awarded", "gpu_seconds": "600", "reasons": "Kept words"}, "gives less"),
        ("decide", {"outcome": "partly_awarded", "reasons": "Kept words"}, "Say how many GPU-seconds are given."),
        ("decide", {"outcome": "", "reasons": "Kept words"}, "This field is required."),
    ],
)
def test_slips_of_staff_come_back_in_their_form(officer, action, data, words):
    proposal = make.in_review()
    if action == "decide":
        make.review(proposal, score=3)
        make.move_to(proposal, "discussion")
    data = {name: value.format(applicant=proposal.applicant.username) for name, value in data.items()}
    response = officer.post(f"/proposals/{proposal.pk}/{action}", data, HTTP_ACCEPT="text/html")
    text = response.content.decode()
    assert response.status_code in {400, 409}
    assert words in text
    assert data.get("reasons", "") in text
    assert proposal.title in text


def test_who_may_not_decide_is_told_so_before_the_slips(browser, user):
    proposal = make.in_review(applicant=user)
    assert browser.post(f"/proposals/{proposal.pk}/decide", {}, HTTP_ACCEPT="text/html").status_code == 403


def test_a_reviewer_sees_whom_they_judge_answers_and_revises(browser, user):
    member = UserFactory()
    proposal = make.submitted(make.standard_call(title="Deep call"), team=(member.username,))
    make.sign(proposal, member)
    make.send(proposal)
    row = make.review(proposal, reviewer=user)
    url = f"/reviews/{row.pk}"
    text = browser.get(url).content.decode()
    for known in (member.username, proposal.applicant.username, "Deep call", "Will you review it?"):
        assert known in text
    browser.post(f"{url}/accept")
    assert '<option value="" selected>' in browser.get(url).content.decode()
    browser.post(url, {"score": "4", "text": "A plan that can be carried out."})
    make.review(proposal, score=1)
    assert "Your first judgement stays" in browser.get(url).content.decode()
    browser.post(url, {"score": "2", "text": "Having read the other one: no."})
    assert "Changed to 2 of 5" in browser.get(url).content.decode()


def test_what_a_reviewer_wrote_is_not_lost_with_a_refusal(browser, user):
    from tests.factories.accounts import MembershipFactory, OrganisationFactory

    proposal = make.in_review()
    row = make.review(proposal, reviewer=user)
    MembershipFactory(organisation=OrganisationFactory(admin=proposal.applicant), user=user)
    response = browser.post(f"/reviews/{row.pk}", {"score": "4", "text": "Words that took an afternoon."})
    assert response.status_code == 409
    assert "Words that took an afternoon." in response.content.decode()


def test_a_review_is_declined_and_taken_back(browser, user, officer):
    proposal = make.in_review()
    row = make.review(proposal, reviewer=user)
    assert browser.post(f"/reviews/{row.pk}/decline", {"reason": "No time."})["Location"] == "/reviews"
    assert "No time." in officer.get(f"/proposals/{proposal.pk}").content.decode()
    other = make.review(proposal)
    officer.post(f"/proposals/{proposal.pk}/release", {"review": other.pk})
    other.refresh_from_db()
    assert other.state == "released"


def test_an_invitation_is_answered_on_the_page_of_proposals(browser, user):
    one, two = (make.draft(make.standard_call(), team=(user.username,), title=title) for title in ("One", "Two"))
    assert "Invitations to a team" in browser.get("/proposals").content.decode()
    assert browser.get(f"/proposals/{one.pk}").status_code == 404
    assert browser.post(f"/proposals/{one.pk}/join")["Location"] == f"/proposals/{one.pk}"
    assert browser.post(f"/proposals/{two.pk}/decline")["Location"] == "/proposals"
    assert "Leave the team" in browser.get(f"/proposals/{one.pk}").content.decode()
    assert browser.post(f"/proposals/{one.pk}/leave")["Location"] == "/proposals"
    assert "Invitations to a team" not in browser.get("/proposals").content.decode()


def test_what_waits_for_a_signature_is_marked_and_says_until_when(browser, user):
    from datetime import datetime, timedelta

    call = make.standard_call(closes_at=timezone.now() + timedelta(days=1))
    proposal = make.submitted(call, team=(user.username,))
    browser.post(f"/proposals/{proposal.pk}/join")
    assert "Waiting for your signature" in browser.get("/proposals").content.decode()
    until = call.closes_at + timedelta(days=7)
    assert f"until {until:%Y-%m-%d %H:%M} UTC" in browser.get(f"/proposals/{proposal.pk}").content.decode()
    Call.objects.update(closes_at=datetime(2020, 1, 1, tzinfo=until.tzinfo))
    text = browser.get(f"/proposals/{proposal.pk}").content.decode()
    assert "It can no longer be handed in." in text
    assert f"/proposals/{proposal.pk}/sign" not in text


def test_after_the_close_a_draft_offers_a_copy_and_no_way_to_hand_in(browser, user):
    proposal, other = make.draft(make.standard_call(), applicant=user), make.call()
    Call.objects.filter(pk=proposal.call_id).update(closes_at=timezone.now())
    text = browser.get(f"/proposals/{proposal.pk}").content.decode()
    assert f"/proposals/{proposal.pk}/submit" not in text
    assert f"/proposals/{proposal.pk}/edit" not in text
    response = browser.post(f"/proposals/{proposal.pk}/copy", {"call": other.pk})
    made = Proposal.objects.get(call=other)
    assert response["Location"] == f"/proposals/{made.pk}/edit"
    response = browser.post(f"/proposals/{proposal.pk}/edit", form_data(user), follow=True)
    assert response.status_code == 200
    assert "This call is closed." in response.content.decode()


def test_a_second_version_marks_what_changed(browser, user, officer):
    from accounts.principal import Principal
    from grants.services import proposals, reviews

    proposal = make.submitted(make.standard_call(), applicant=user)
    reviews.return_for_changes(proposal, "Another title.", by=make.staff())
    proposals.update_draft(proposal, make.text(title="Better shapes"), by=Principal(user=user))
    proposals.submit(proposal, by=Principal(user=user))
    for reader in (browser, officer):
        text = reader.get(f"/proposals/{proposal.pk}/versions/2").content.decode()
        assert "<del>Shapes</del><ins>Better shapes</ins>" in text
        assert "<ins>" not in reader.get(f"/proposals/{proposal.pk}/versions/1").content.decode()


def test_coming_and_closed_calls_are_found_again(client):
    soon = timezone.now() + timezone.timedelta(days=3)
    make.call(title="Coming call", opens_at=soon, closes_at=soon + timezone.timedelta(days=1))
    make.call(title="Closed call", closes_at=timezone.now())
    home, every = (client.get(url).content.decode() for url in ("/grants", "/grants/calls"))
    assert "Coming call" in home
    assert "Closed call" not in home
    assert "Coming call" in every
    assert "Closed call" in every
    page = client.get(f"/grants/calls/{Call.objects.get(title='Coming call').slug}").content.decode()
    assert f"opens {soon:%Y-%m-%d %H:%M} UTC" in page
    for query, number in [("", 0), ("?all=1", 2)]:
        assert len(client.get(f"/api/grants/calls{query}").json()["calls"]) == number


def test_the_list_of_a_call_keeps_a_new_decision_from_those_it_concerns():
    officer = StaffFactory()
    proposal = make.in_review(applicant=officer)
    make.review(proposal, score=4)
    make.move_to(proposal, "decided", outcome="declined", announced_at=timezone.now())
    for reader, words in [(officer, False), (StaffFactory(), True)]:
        client = Client()
        client.force_login(reader)
        text = client.get(f"/grants/calls/{proposal.call.slug}/proposals").content.decode()
        assert ("declined" in text) is words


def test_officers_find_all_proposals_of_a_call_with_their_means_but_not_of_their_own():
    officer, call = StaffFactory(), make.standard_call()
    low, high, own = (
        make.send(make.submitted(call, title=title, **changes))
        for title, changes in [("Low", {}), ("High", {}), ("Own", {"applicant": officer})]
    )
    for proposal, score in [(low, 1), (high, 4), (own, 5)]:
        make.review(proposal, score=score)
    make.review(high)
    make.draft(call, title="A draft")
    client = Client()
    client.force_login(officer)
    response = client.get(f"/grants/calls/{call.slug}/proposals?by=score")
    seen = [(line.proposal.title, line.mean, line.given, line.awaited) for line in response.context["lines"]]
    assert seen == [("High", 4.0, 1, 1), ("Low", 1.0, 1, 0), ("Own", None, None, None)]
    assert "5.0" not in response.content.decode()


@pytest.mark.parametrize("number", [1, 3])
def test_the_list_of_a_call_asks_as_often_for_one_proposal_as_for_three(officer, number):
    call = make.standard_call()
    for _row in range(number):
        make.review(make.send(make.submitted(call)), score=3)
    with CaptureQueriesContext(connection) as queries:
        assert officer.get(f"/grants/calls/{call.slug}/proposals?by=score").status_code == 200
    assert len(queries) == 6


def test_rules_are_read_in_chinese_beside_the_text_that_decides(client):
    with override("en"):  # the language of the request would stay on for the tests that follow
        text = client.get(f"/grants/calls/{make.call().slug}", HTTP_ACCEPT_LANGUAGE="zh-hans").content.decode()
    assert "\u6700\u5927\u8d44\u52a9\u989d" in text
    assert "It is declined" in text
