import pytest
from django.urls import reverse

from accounts.models import AccessToken, Organisation, User
from accounts.selectors import principal_of_token
from accounts.services import organisations, tokens
from common.errors import Forbidden
from tests.factories.accounts import (
    MembershipFactory,
    OrganisationFactory,
    StaffFactory,
    UserFactory,
    bearer,
    job_token,
    principal_of,
)

pytestmark = pytest.mark.django_db
SIGN_UP = {"username": "ada", "email": "ada@example.org", "password": "a long enough password", "full_name": ""}


def test_somebody_signs_up_and_is_logged_in(client):
    answer = client.post("/sign-up", SIGN_UP)
    assert (answer.status_code, answer["Location"]) == (302, "/ada")
    assert client.session["_auth_user_id"] == str(User.objects.get(username="ada").pk)


@pytest.mark.parametrize(("after", "where"), [("/studio", "/studio"), ("https://example.org/", "/ada")])
def test_who_signs_up_on_the_way_goes_on_there_and_nowhere_else(client, after, where):
    assert client.post(f"/sign-up?next={after}", SIGN_UP)["Location"] == where


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"username": "models"}, "This name is taken."),
        ({"username": "a--b"}, "Use 1 to 42 letters"),
        ({"username": "../x"}, "Use 1 to 42 letters"),
        ({"password": "short"}, "too short"),
        ({"email": "no"}, "valid email"),
    ],
)
def test_a_bad_sign_up_says_why_and_keeps_nothing(client, change, message):
    answer = client.post("/sign-up", SIGN_UP | change)
    assert message in answer.content.decode()
    assert User.objects.count() == 0


def test_names_are_taken_without_regard_to_case(client):
    OrganisationFactory(name="Ada")
    assert "This name is taken." in client.post("/sign-up", SIGN_UP).content.decode()


def test_log_in_and_out(client):
    UserFactory(username="ada")
    assert client.post("/login", {"username": "ada", "password": "wrong"}).status_code == 200
    answer = client.post("/login", {"username": "ada", "password": "a long enough password"})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.post("/logout").status_code == 302


def test_a_token_is_shown_once_and_works(client):
    user = UserFactory()
    client.force_login(user)
    answer = client.post("/settings/tokens", {"name": "laptop", "scope": "write"})
    token = answer.context["new_token"]
    assert token.startswith("hf_")
    assert token in answer.content.decode()
    assert token not in client.get("/settings/tokens").content.decode()
    assert token not in str(AccessToken.objects.values())


def test_a_revoked_or_unknown_token_is_refused(client):
    user = UserFactory()
    headers = bearer(user)
    assert client.get("/health", **headers).status_code == 200
    client.force_login(user)
    client.post(reverse("token_revoke", args=[AccessToken.objects.get().pk]))
    answer = client.get("/health", **headers)
    assert answer.status_code == 401
    assert "Invalid credentials" in answer.json()["error"]
    assert client.get("/health", HTTP_AUTHORIZATION="Bearer hf_nonsense").status_code == 401


def test_nobody_revokes_the_token_of_another(client):
    bearer(UserFactory())
    client.force_login(UserFactory())
    assert client.post(reverse("token_revoke", args=[AccessToken.objects.get().pk])).status_code == 404


@pytest.mark.parametrize("address", ["/settings/tokens", "/organisations/new"])
def test_settings_ask_strangers_to_log_in(client, address):
    assert client.get(address)["Location"].startswith("/login")


def test_an_organisation_and_its_members(client):
    user, friend = UserFactory(), UserFactory()
    client.force_login(user)
    client.post("/organisations/new", {"name": "lab", "full_name": "The Laboratory"})
    client.post("/organisations/lab/members/set", {"username": friend.username, "role": "write"})
    organisation = Organisation.objects.get(name="lab")
    assert {(m.user_id, m.role) for m in organisation.memberships.all()} == {(user.pk, "admin")}
    client.force_login(friend)
    assert "lab" in client.get("/organisations/invitations").content.decode()
    assert client.post("/organisations/lab/invitation", {"answer": "accept"}).status_code == 302
    assert {(m.user_id, m.role) for m in organisation.memberships.all()} == {(user.pk, "admin"), (friend.pk, "write")}
    client.force_login(friend)
    answer = client.post("/organisations/lab/members/set", {"username": friend.username, "role": "admin"})
    assert answer.status_code == 403
    assert client.post(f"/organisations/lab/members/{user.username}/remove").status_code == 403


def test_the_last_administrator_stays(client):
    user = UserFactory()
    OrganisationFactory(name="lab", admin=user)
    client.force_login(user)
    assert client.post(f"/organisations/lab/members/{user.username}/remove").status_code == 409


@pytest.mark.parametrize("count", [1, 3])
def test_members_take_the_same_number_of_queries(client, count, django_assert_num_queries):
    user = UserFactory()
    organisation = OrganisationFactory(name="lab", admin=user)
    MembershipFactory.create_batch(count, organisation=organisation)
    client.force_login(user)
    with django_assert_num_queries(7):
        client.get("/organisations/lab/members")


def test_a_jobs_token_opens_no_pages_of_its_person(client):
    user = UserFactory()
    headers = {"HTTP_AUTHORIZATION": f"Bearer {job_token(user)}"}
    personal = AccessToken.objects.create(user=user, name="laptop", digest="0" * 64, scope="write")
    for address in ("/settings/tokens", "/credits", "/statements", "/organisations/new"):
        assert client.get(address, **headers).status_code in {302, 404}, address
    assert client.post(f"/settings/tokens/{personal.pk}/revoke", **headers).status_code in {302, 404}
    personal.refresh_from_db()
    assert personal.revoked_at is None


@pytest.mark.parametrize("scope", ["read", "write", "job"])
def test_the_admin_takes_no_tokens(client, scope):
    staff = StaffFactory()
    token = {"HTTP_AUTHORIZATION": f"Bearer {job_token(staff)}"} if scope == "job" else bearer(staff, scope=scope)
    answer = client.get("/admin/", **token)
    assert (answer.status_code, answer["Location"][:13]) == (302, "/admin/login/")
    client.force_login(staff)
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize("scope", ["read", "job"])
def test_a_small_token_revokes_nothing_and_leaves_nothing(scope):
    membership = MembershipFactory()
    user = membership.user
    token = job_token(user) if scope == "job" else None
    principal = principal_of_token(token) if token else principal_of(user, scope=scope)
    with pytest.raises(Forbidden):
        tokens.revoke_token(AccessToken.objects.filter(user=user).latest("id"), by=principal)
    with pytest.raises(Forbidden):
        organisations.remove_member(membership.organisation, user, by=principal)
