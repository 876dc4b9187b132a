"""The page of an award: public, with its decision, its use and its report."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from grants.enums import Outcome
from grants.models import Award, Nomination, Report
from grants.selectors.awards import numbers_of
from grants.selectors.calls import reports_due
from grants.services import decisions, reviews
from tests.factories import grants as make
from tests.factories.accounts import StaffFactory, UserFactory, bearer

pytestmark = pytest.mark.django_db


def browser(user):
    client = Client()
    if user:
        client.force_login(user)
    return client


def instant_award():
    return Award.objects.get(proposal=make.submitted())


def pool_award():
    member = UserFactory()
    round_ = make.community_round(panel=(member,))
    row = make.nomination(round_)
    make.score(row, 5, by=member)
    make.decide(round_)
    return Award.objects.get(nomination=row)


def standard_award():
    proposal = make.in_review()
    make.review(proposal, score=4)
    staff = make.staff()
    reviews.begin_discussion(proposal, by=staff)
    decisions.decide_by_person(proposal, outcome=Outcome.AWARDED, gpu_seconds=600, reasons="Sound.", by=staff)
    decisions.announce(proposal, by=staff)
    return Award.objects.get(proposal=proposal)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (instant_award, ["All conditions of the rule are met", "the same verdict"]),
        (pool_award, ["Rank 1 by mean score", "the same verdict", "cap_permille"]),
        (standard_award, ["Sound.", "People decided", "[4]"]),
    ],
)
def test_everybody_reads_how_an_award_came_about(made, words):
    award = made()
    page = Client().get(award.get_absolute_url())
    text = page.content.decode()
    assert page.status_code == 200
    assert all(word in text for word in words)
    assert "/compute/allocations/" not in text
    told = Client().get(f"/api/grants/awards/{award.pk}").json()
    assert told["used_gpu_seconds"] == 0
    assert told["decision"]["reasons"]
    assert "allocation" not in told


def test_there_is_no_page_for_an_award_that_is_not():
    assert Client().get("/awards/999").status_code == 404
    assert Client().post("/api/grants/awards/999/report").status_code == 404


@pytest.mark.parametrize("made", [instant_award, pool_award])
def test_who_holds_an_award_reports_on_its_page(made):
    award = made()
    url, holder = award.get_absolute_url(), award.holder.user
    for user, status in [(None, 302), (UserFactory(), 403), (StaffFactory(), 403)]:
        assert browser(user).post(f"{url}/report", {"text": "Done."}).status_code == status
    assert browser(holder).post(f"{url}/report", {"text": ""}).status_code == 400
    assert "Publish the report" in browser(holder).get(url).content.decode()
    assert browser(holder).post(f"{url}/report", {"text": "We published it."}).status_code == 302
    assert "We published it." in Client().get(url).content.decode()
    assert browser(holder).post(f"{url}/report", {"text": "Again."}).status_code == 409


def test_a_report_by_api():
    award = pool_award()
    url = f"/api/grants/awards/{award.pk}/report"
    body = {"data": {"text": "Published."}, "content_type": "application/json"}
    assert Client().post(url, **body).status_code == 401
    assert Client().post(url, **body, **bearer(UserFactory())).status_code == 403
    assert Client().post(url, **body, **bearer(award.holder.user)).status_code == 201
    assert Report.objects.get().award == award


def test_an_award_that_others_nominated_for_bars_nobody():
    award = pool_award()
    Nomination.objects.update(answered_at=None)
    Award.objects.update(starts_at=timezone.now() - timedelta(days=9), ends_at=timezone.now() - timedelta(days=1))
    assert reports_due(award.holder.user, award.holder, timezone.now()) == 0


def test_the_numbers_of_a_call_count_what_was_announced():
    call = make.standard_call()
    staff = make.staff()
    for outcome in [Outcome.AWARDED, Outcome.DECLINED, Outcome.DECLINED]:
        proposal = make.submitted(call)
        reviews.send_to_reviewers(proposal, by=staff)
        make.review(proposal, score=3)
        reviews.begin_discussion(proposal, by=staff)
        amount = 600 if outcome.gives else 0
        decisions.decide_by_person(proposal, outcome=outcome, gpu_seconds=amount, reasons="So.", by=staff)
        if outcome.gives:
            decisions.announce(proposal, by=staff)
    assert (numbers_of(call).awarded, numbers_of(call).declined) == (1, 0)
    for row in call.proposals.filter(state="decided"):
        decisions.announce(row, by=staff)
    assert (numbers_of(call).declined, numbers_of(call).success_percent) == (2, 33)
    assert "Success rate" in Client().get(call.get_absolute_url()).content.decode()
    assert Client().get(f"/api/grants/calls/{call.slug}").json()["outcomes"]["declined"] == 2
