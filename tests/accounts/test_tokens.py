"""The page of access tokens: made with chosen permissions, renewed, ending."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.enums import Permission, TokenScope
from accounts.models import AccessToken
from accounts.principal import Principal
from accounts.selectors import principal_of_token
from accounts.services import tokens
from common.errors import Conflict, Forbidden, Invalid
from tests.factories.accounts import OrganisationFactory, UserFactory, bearer, fine_token, job_token

pytestmark = pytest.mark.django_db
ADDRESS = "/settings/tokens"
FINE = {
    "name": "cluster", "scope": "fine", "permissions": ["repo.content.read", "repo.write"], "everywhere": "yes",
    "lifetime": "30",
}  # fmt: skip


@pytest.fixture
def ada(client):
    user = UserFactory(username="ada")
    client.force_login(user)
    return user


def made(client, **fields):
    answer = client.post(ADDRESS, FINE | fields)
    text = answer.context["new_token"]
    return principal_of_token(text).token if text else answer


def places(token):
    return {(grant.permission, grant.namespace and grant.namespace.name, grant.repository) for grant in token.held}


def test_the_form_gives_what_was_chosen(client, ada):
    lab = OrganisationFactory(name="lab", admin=ada)
    token = made(client)
    assert token.scope == "fine"
    assert places(token) == {("repo.content.read", None, ""), ("repo.write", None, "")}
    assert timedelta(days=29) < token.expires_at - timezone.now() <= timedelta(days=30)
    token = made(
        client,
        permissions=["repo.write"],
        everywhere="no",
        namespaces=["lab"],
        repositories="model:ada/a\ndataset:ada/b",
    )
    expected = {("repo.write", "lab", ""), ("repo.write", None, "model:ada/a"), ("repo.write", None, "dataset:ada/b")}
    assert places(token) == expected
    assert lab.name in client.get(ADDRESS).content.decode()


def test_places_that_were_left_filled_in_do_not_matter_everywhere(client, ada):
    assert places(made(client, repositories="model:ada/a", permissions=["repo.write"])) == {("repo.write", None, "")}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"permissions": []}, "Choose at least one permission."),
        ({"everywhere": "no"}, "Choose at least one name or repository."),
        ({"everywhere": "no", "repositories": "ada/tiny"}, "is not the name of a repository"),
        ({"everywhere": "no", "repositories": "model:ada/../x"}, "is not the name of a repository"),
        ({"everywhere": "no", "namespaces": ["bob"]}, "Select a valid choice"),
        ({"everywhere": "no", "repositories": "model:ada/a", "permissions": ["job.write"]}, "for a repository alone"),
        ({"permissions": ["root"]}, "Select a valid choice"),
        ({"lifetime": "date"}, "Choose the last day."),
        ({"lifetime": "date", "until": "2020-01-01"}, "would have expired already"),
        ({"scope": "job"}, "Select a valid choice"),
    ],
)
def test_a_doubtful_form_makes_no_token(client, ada, change, message):
    UserFactory(username="bob")
    answer = client.post(ADDRESS, FINE | change)
    assert message in answer.content.decode()
    assert AccessToken.objects.count() == 0


def test_a_day_can_be_chosen_and_is_the_last_one(client, ada):
    day = timezone.now().date() + timedelta(days=10)
    token = made(client, lifetime="date", until=day.isoformat())
    assert token.expires_at.date() == day + timedelta(days=1)
    assert made(client, lifetime="").expires_at is None


def test_a_renewed_token_keeps_everything_but_its_text(client, ada):
    old = fine_token(ada, Permission.REPO_READ, repositories=["model:ada/tiny"])
    token = AccessToken.objects.get()
    answer = client.post(f"{ADDRESS}/{token.pk}/renew")
    new = answer.context["new_token"]
    assert principal_of_token(old).is_anonymous
    again = principal_of_token(new).token
    assert (again.pk, again.name, places(again)) == (token.pk, "fine", {("repo.content.read", None, "model:ada/tiny")})
    assert new not in client.get(ADDRESS).content.decode()


def test_what_is_over_or_not_ones_own_is_not_renewed(client, ada):
    fine_token(ada, Permission.REPO_READ)
    token = AccessToken.objects.get()
    by = Principal(user=ada)
    with pytest.raises(Forbidden):
        tokens.renew_token(token, by=Principal(user=UserFactory()))
    with pytest.raises(Forbidden):
        tokens.renew_token(token, by=Principal(user=ada, token=token))
    AccessToken.objects.update(expires_at=timezone.now())
    with pytest.raises(Conflict):
        tokens.renew_token(token, by=by)
    job_token(ada)
    with pytest.raises(Conflict):
        tokens.renew_token(AccessToken.objects.get(scope="job"), by=by)
    client.force_login(UserFactory())
    assert client.post(f"{ADDRESS}/{token.pk}/renew").status_code == 404


@pytest.mark.parametrize("kind", ["job", "read", "write", "fine"])
def test_no_token_makes_or_renews_tokens(client, kind):
    user = UserFactory()
    text = {
        "job": lambda: job_token(user),
        "fine": lambda: fine_token(user, *Permission),
        "read": lambda: bearer(user, scope="read")["HTTP_AUTHORIZATION"].split()[1],
        "write": lambda: bearer(user)["HTTP_AUTHORIZATION"].split()[1],
    }[kind]()
    count = AccessToken.objects.count()
    answer = client.post(ADDRESS, FINE, HTTP_AUTHORIZATION=f"Bearer {text}")
    assert answer.status_code in {302, 403}
    assert AccessToken.objects.count() == count
    target = AccessToken.objects.latest("id")
    digest = target.digest
    answer = client.post(f"{ADDRESS}/{target.pk}/renew", HTTP_AUTHORIZATION=f"Bearer {text}")
    assert answer.status_code in {302, 403, 404}
    target.refresh_from_db()
    assert target.digest == digest


def test_permissions_and_scope_go_together(ada):
    with pytest.raises(Invalid):
        tokens.issue_token(ada, name="x", scope=TokenScope.FINE)
    with pytest.raises(Invalid):
        tokens.issue_token(ada, name="x", scope=TokenScope.WRITE, reach=tokens.Reach([Permission.REPO_READ]))


def test_people_and_programs_are_told_before_a_token_ends(client, ada):
    text = tokens.issue_token(ada, name="laptop", scope=TokenScope.READ, expires_at=timezone.now() + timedelta(days=2))
    assert "The token “laptop” ends on" in client.get(ADDRESS).content.decode()
    warning = client.get("/api/whoami-v2", HTTP_AUTHORIZATION=f"Bearer {text}")["X-HF-Warning"]
    assert warning.startswith("token; This access token ends on")
    AccessToken.objects.update(expires_at=timezone.now() + timedelta(days=20))
    assert "ends on" not in client.get(ADDRESS).content.decode()
    assert "X-HF-Warning" not in client.get("/api/whoami-v2", HTTP_AUTHORIZATION=f"Bearer {text}")
    AccessToken.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert "expired" in client.get(ADDRESS).content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_takes_the_same_number_of_queries(client, ada, count, django_assert_num_queries):
    for _number in range(count):
        fine_token(ada, Permission.REPO_READ, Permission.REPO_WRITE, namespaces=[ada.namespace])
    with django_assert_num_queries(6):
        client.get(ADDRESS)


def test_a_token_is_made_with_limits_and_they_are_changed_in_the_browser(client, ada):
    token = made(client, budget="2.50", currency="usd", per_minute="30")
    assert (token.budget, token.budget_currency, token.per_minute) == (2_500_000, "usd", 30)
    page = f"{ADDRESS}/{token.pk}/limits"
    assert 'value="2.50"' in client.get(page).content.decode().replace('value="2.5"', 'value="2.50"')
    assert client.post(page, {"budget": "-1"}).status_code == 200
    assert client.post(page, {"budget": "", "currency": "eur", "per_minute": ""}).status_code == 302
    token.refresh_from_db()
    assert (token.budget, token.budget_currency, token.per_minute) == (None, "", None)
    assert made(client).budget is None


def test_nobody_else_and_no_token_changes_limits(client, ada):
    token = made(client)
    page = f"{ADDRESS}/{token.pk}/limits"
    client.force_login(UserFactory(is_staff=True))
    assert client.get(page).status_code == 404
    assert client.post(page, {"budget": "5"}).status_code == 404
    client.logout()
    assert client.get(page).status_code == 302
    text = tokens.issue_token(ada, name="write", scope=TokenScope.WRITE)
    with pytest.raises(Forbidden):
        tokens.set_limits(token, tokens.Limits(budget=5), by=principal_of_token(text))
    with pytest.raises(Invalid):
        tokens.set_limits(token, tokens.Limits(budget=-5), by=Principal(user=ada))
