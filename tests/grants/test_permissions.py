"""Who may open what: every door, every kind of person, one table."""

import pytest
from django.test import Client

from accounts.models import User
from grants.enums import ProposalState
from grants.models import Call, Proposal
from tests.factories import grants as make
from tests.factories.accounts import (
    MembershipFactory,
    OrganisationFactory,
    StaffFactory,
    UserFactory,
    bearer,
    job_token,
)

pytestmark = pytest.mark.django_db
WHO = ["anonymous", "stranger", "reviewer", "member", "owner", "staff"]


@pytest.fixture
def world():
    """A proposal of an organisation in review, with a reviewer; a round; people in every role."""
    owner, organisation = UserFactory(), OrganisationFactory()
    MembershipFactory(organisation=organisation, user=owner, role="admin")
    member = MembershipFactory(organisation=organisation, role="read").user
    proposal = make.in_review(applicant=owner, holder=organisation.namespace)
    reviewer = UserFactory()
    review = make.review(proposal, reviewer=reviewer, score=4)
    round_ = make.community_round()
    nomination = make.nomination(round_, by=reviewer, owner=owner, confirmed=False)
    people = {
        "anonymous": None,
        "stranger": UserFactory(),
        "reviewer": reviewer,
        "member": member,
        "owner": owner,
        "staff": StaffFactory(),
    }
    return {
        "people": people,
        "proposal": proposal,
        "review": review,
        "round": round_,
        "call": proposal.call,
        "nomination": nomination,
    }


def fill(url, world):
    return url.format(
        proposal=world["proposal"].pk,
        review=world["review"].pk,
        round=world["round"].slug,
        call=world["call"].slug,
        nomination=world["nomination"].pk,
    )


def page_client(user: User | None) -> Client:
    client = Client()
    if user:
        client.force_login(user)
    return client


# Columns as in WHO. 302 is the way to the log-in page.
PAGES = {
    "/grants": [200] * 6,
    "/grants/calls/{call}": [200] * 6,
    "/grants/calls": [200] * 6,
    "/grants/calls/{call}/proposals": [302, 403, 403, 403, 403, 200],
    "/awards": [200] * 6,
    "/grants/rounds/{round}": [200] * 6,
    "/grants/nominations/{nomination}": [404, 404, 200, 404, 200, 404],
    "/grants/calls/{call}/apply": [302, 200, 200, 200, 200, 200],
    "/proposals": [302, 200, 200, 200, 200, 200],
    "/reviews": [302, 200, 200, 200, 200, 200],
    "/proposals/{proposal}": [302, 404, 404, 200, 200, 200],
    "/proposals/{proposal}/edit": [302, 404, 404, 403, 409, 403],
    "/proposals/{proposal}/versions/1": [302, 404, 404, 200, 200, 200],
    "/proposals/{proposal}/versions/2": [302, 404, 404, 404, 404, 404],
    "/reviews/{review}": [302, 404, 200, 404, 404, 404],
}
POSTS = {
    "/proposals/{proposal}/submit": [302, 404, 404, 403, 409, 403],
    "/proposals/{proposal}/sign": [302, 404, 404, 403, 403, 403],
    "/proposals/{proposal}/join": [302, 404, 404, 404, 404, 404],
    "/proposals/{proposal}/decline": [302, 404, 404, 404, 404, 404],
    "/proposals/{proposal}/leave": [302, 404, 404, 403, 403, 403],
    "/proposals/{proposal}/copy": [302, 404, 404, 403, 409, 403],
    "/proposals/{proposal}/discuss": [302, 404, 404, 403, 403, 302],
    "/proposals/{proposal}/announce": [302, 404, 404, 403, 403, 409],
    "/proposals/{proposal}/screen": [302, 404, 404, 403, 403, 409],
    "/proposals/{proposal}/review": [302, 404, 404, 403, 403, 409],
    "/proposals/{proposal}/more-reviews": [302, 404, 404, 403, 403, 409],
    "/proposals/{proposal}/nothing": [302, 404, 404, 404, 404, 404],
    "/proposals/{proposal}/report": [302, 404, 404, 404, 404, 404],
    "/proposals/{proposal}/decide": [302, 404, 404, 403, 403, 400],
    "/proposals/{proposal}/assign": [302, 404, 404, 403, 403, 400],
    "/proposals/{proposal}/release": [302, 404, 404, 403, 403, 400],
    "/reviews/{review}/conflict": [302, 404, 400, 404, 404, 404],
    "/reviews/{review}/accept": [302, 404, 302, 404, 404, 404],
    "/reviews/{review}/decline": [302, 404, 409, 404, 404, 404],
    "/grants/rounds/{round}/decide": [302, 403, 403, 403, 403, 409],
    "/grants/rounds/{round}/closing": [302, 403, 403, 403, 403, 302],
    "/grants/calls/{call}/closing": [302, 403, 403, 403, 403, 302],
    "/grants/nominations/{nomination}/answer": [302, 404, 400, 404, 400, 404],
}
API_GETS = {
    "/api/grants/calls": [200] * 6,
    "/api/grants/calls/{call}": [200] * 6,
    "/api/grants/awards": [200] * 6,
    "/api/grants/rounds": [200] * 6,
    "/api/grants/rounds/{round}": [200] * 6,
    "/api/grants/proposals": [401, 200, 200, 200, 200, 200],
    "/api/grants/reviews": [401, 200, 200, 200, 200, 200],
    "/api/grants/proposals/{proposal}": [401, 404, 404, 200, 200, 200],
    "/api/grants/reviews/{review}": [401, 404, 200, 404, 404, 404],
    "/api/grants/proposals/{proposal}/versions/1": [401, 404, 404, 200, 200, 200],
}
API_POSTS = {
    "/api/grants/calls": [401, 403, 403, 403, 403, 400],
    "/api/grants/calls/{call}/budget": [401, 400, 400, 400, 400, 400],
    "/api/grants/calls/{call}/proposals": [401, 400, 400, 400, 400, 400],
    "/api/grants/proposals/{proposal}/submit": [401, 404, 404, 403, 409, 403],
    "/api/grants/proposals/{proposal}/join": [401, 404, 404, 404, 404, 404],
    "/api/grants/proposals/{proposal}/leave": [401, 404, 404, 403, 403, 403],
    "/api/grants/proposals/{proposal}/copy": [401, 404, 404, 403, 201, 403],
    "/api/grants/proposals/{proposal}/withdraw": [401, 404, 404, 403, 200, 403],
    "/api/grants/proposals/{proposal}/reopen": [401, 404, 404, 403, 409, 403],
    "/api/grants/proposals/{proposal}/announce": [401, 404, 404, 403, 403, 409],
    "/api/grants/proposals/{proposal}/discuss": [401, 404, 404, 403, 403, 200],
    "/api/grants/reviews/{review}": [401, 404, 400, 404, 404, 404],
    "/api/grants/rounds": [401, 403, 403, 403, 403, 400],
    "/api/grants/rounds/{round}/panel": [401, 403, 403, 403, 403, 400],
    "/api/grants/rounds/{round}/nominations": [401, 400, 400, 400, 400, 400],
    "/api/grants/rounds/{round}/decide": [401, 403, 403, 403, 403, 409],
    "/api/grants/rounds/{round}/closing": [401, 403, 403, 403, 403, 400],
    "/api/grants/calls/{call}/closing": [401, 403, 403, 403, 403, 400],
    "/api/grants/nominations/{nomination}/answer": [404, 404, 400, 404, 400, 404],
}


@pytest.mark.parametrize(
    ("method", "table"),
    [("get", PAGES), ("post", POSTS), ("get", API_GETS), ("post", API_POSTS)],
    ids=["pages", "page-posts", "api", "api-posts"],
)
def test_every_door_knows_everybody(world, method, table):
    kept = Proposal.objects.values().get(pk=world["proposal"].pk)
    seen = {}
    for url in table:
        seen[url] = []
        for who in WHO:
            # Doors that act are tried by each person on the same state.
            Proposal.objects.filter(pk=world["proposal"].pk).update(**kept)
            user = world["people"][who]
            address = fill(url, world)
            if address.startswith("/api/"):
                headers = bearer(user) if user else {}
                response = getattr(Client(), method)(address, content_type="application/json", **headers)
            else:
                response = getattr(page_client(user), method)(address, HTTP_ACCEPT="text/html")
            seen[url].append(response.status_code)
    assert seen == table


@pytest.mark.parametrize("path", ["", "/withdraw"])
def test_a_jobs_token_reaches_no_proposal(path, world):
    token = job_token(world["people"]["owner"], namespace=world["proposal"].holder)
    headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    url = f"/api/grants/proposals/{world['proposal'].pk}{path}"
    response = Client().post(url, **headers) if path else Client().get(url, **headers)
    assert response.status_code == 404


def test_a_read_token_reads_and_changes_nothing(world):
    headers = bearer(world["people"]["owner"], scope="read")
    url = f"/api/grants/proposals/{world['proposal'].pk}"
    assert Client().get(url, **headers).status_code == 200
    assert Client().post(f"{url}/withdraw", **headers).status_code == 403


def test_pages_want_their_csrf_token(world):
    client = Client(enforce_csrf_checks=True)
    client.force_login(world["people"]["owner"])
    assert client.post(f"/proposals/{world['proposal'].pk}/withdraw").status_code == 403


@pytest.mark.parametrize("who", ["member", "owner", "staff applicant", "stranger", "anonymous"])
def test_the_reviewers_name_is_nowhere(world, who):
    """Before and after the announcement, on the page and in the API."""
    reviewer = world["people"]["reviewer"].username
    user = world["people"].get(who)
    if who == "staff applicant":
        user = world["people"]["owner"]
        User.objects.filter(pk=user.pk).update(is_staff=True)
        user.refresh_from_db()
    for state, outcome in [("in_review", ""), ("decided", "declined"), ("announced", "declined")]:
        make.move_to(world["proposal"], ProposalState(state), outcome=outcome)
        for url in ["/proposals/{proposal}", "/proposals", "/grants", "/awards", "/grants/calls/{call}"]:
            assert reviewer not in page_client(user).get(fill(url, world)).content.decode()
        if user:
            for url in ["/api/grants/proposals/{proposal}", "/api/grants/proposals"]:
                assert reviewer not in Client().get(fill(url, world), **bearer(user)).content.decode()


def test_a_decision_is_hidden_until_it_is_announced(world):
    from grants.enums import Outcome
    from grants.services import decisions

    proposal = make.move_to(world["proposal"], ProposalState.DISCUSSION)
    staff = make.staff()
    decisions.decide_by_person(proposal, outcome=Outcome.DECLINED, reasons="Too thin a plan.", by=staff)
    url, api = f"/proposals/{proposal.pk}", f"/api/grants/proposals/{proposal.pk}"

    def texts(user):
        return page_client(user).get(url).content.decode(), Client().get(api, **bearer(user)).content.decode()

    for who in ("owner", "member"):
        assert all("Too thin" not in text and "declined" not in text for text in texts(world["people"][who]))
    assert all("Too thin" in text for text in texts(staff.user))
    decisions.announce(proposal, by=staff)
    assert all("Too thin" in text for text in texts(world["people"]["owner"]))


def test_the_allocation_of_an_award_is_shown_to_its_holder_only():
    proposal = make.submitted()
    for user, known in [(proposal.applicant, True), (UserFactory(), False)]:
        award = Client().get("/api/grants/awards", **bearer(user)).json()["awards"][0]
        assert ("allocation" in award) is known
    assert "allocation" not in Client().get("/api/grants/awards").json()["awards"][0]
    assert Call.objects.count() == 1
