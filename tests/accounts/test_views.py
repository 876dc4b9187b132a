import pytest
from django.urls import reverse

from accounts.models import AccessToken, Organisation, User
from tests.factories.accounts import MembershipFactory, OrganisationFactory, UserFactory, bearer

pytestmark = pytest.mark.django_db
SIGN_UP = {"username": "ada", "email": "ada@example.org", "password": "a long enough password", "full_name": ""}


def test_somebody_signs_up_and_is_logged_in(client):
    answer = client.post("/sign-up", SIGN_UP)
    assert (answer.status_code, answer["Location"]) == (302, "/ada")
    assert client.session["_auth_user_id"] == str(User.objects.get(username="ada").pk)


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
    with django_assert_num_queries(6):
        client.get("/organisations/lab/members")
