"""Registering applications: who may, what is refused, what ends with them."""

import pytest

from accounts.enums import OAuthScope
from accounts.models import Application
from accounts.principal import Principal
from accounts.selectors import principal_of_token
from accounts.services import applications
from common.errors import Forbidden, Invalid
from tests.factories.accounts import MembershipFactory, OrganisationFactory, StaffFactory, UserFactory, bearer
from tests.factories.applications import application, approved_code, redeem

pytestmark = pytest.mark.django_db
ADDRESS = "/settings/applications"
FIELDS = {
    "name": "Reader", "owner": "ada", "is_public": "no", "redirect_uris": "https://app.example.org/back",
    "scopes": ["openid", "profile"],
}  # fmt: skip


@pytest.fixture
def ada(client):
    user = UserFactory(username="ada")
    client.force_login(user)
    return user


def test_an_application_is_registered_and_its_secret_shown_once(client, ada):
    answer = client.post(ADDRESS, FIELDS)
    secret, made = answer.context["secret"], Application.objects.get()
    assert secret in answer.content.decode()
    assert made.client_id in answer.content.decode()
    assert secret not in client.get(ADDRESS).content.decode()
    assert secret not in str(Application.objects.values())
    assert (made.redirect_uris, made.scopes) == (["https://app.example.org/back"], ["openid", "profile"])


def test_a_public_one_has_no_secret(client, ada):
    answer = client.post(ADDRESS, FIELDS | {"is_public": "yes"})
    assert answer.context["secret"] == ""
    made = Application.objects.get()
    assert made.is_public
    with pytest.raises(Invalid):
        applications.renew_secret(made, by=Principal(user=ada))


@pytest.mark.parametrize(
    "address",
    [
        "http://app.example.org/back", "https://app.example.org/*", "https://app.example.org/#x", "javascript:alert(1)",
        "data:text/html,x", "https://", "//app.example.org", "/back", "https://user@app.example.org/", "ftp://x.example/",
        "https://[", "myapp:/back", "https://app.example.org/back" + "x" * 500,
    ],
)  # fmt: skip
def test_addresses_where_a_stranger_could_listen_are_refused(client, ada, address):
    assert "cannot be an address" in client.post(ADDRESS, FIELDS | {"redirect_uris": address}).content.decode()
    assert Application.objects.count() == 0


@pytest.mark.parametrize(
    "address", ["http://localhost:7860/back", "http://127.0.0.1/back", "http://[::1]:3000/b", "org.example.app:/back"]
)
def test_addresses_on_ones_own_machine_are_fine(client, ada, address):
    client.post(ADDRESS, FIELDS | {"redirect_uris": address})
    assert Application.objects.get().redirect_uris == [address]


def test_an_application_needs_an_address_or_devices_and_something_to_ask_for(client, ada):
    assert "Name the address" in client.post(ADDRESS, FIELDS | {"redirect_uris": ""}).content.decode()
    client.post(ADDRESS, FIELDS | {"scopes": []})
    assert Application.objects.count() == 0
    client.post(ADDRESS, FIELDS | {"redirect_uris": "", "logs_in_devices": "on"})
    assert Application.objects.get().logs_in_devices


def test_what_is_registered_can_be_changed(client, ada):
    app, _secret = application(ada)
    address = f"{ADDRESS}/{app.client_id}"
    assert "https://app.example.org/back" in client.get(address).content.decode()
    fields = {"name": "Writer", "redirect_uris": "https://two.example/b", "scopes": ["openid", "write-repos"]}
    assert client.post(address, fields).status_code == 302
    app.refresh_from_db()
    assert (app.name, app.redirect_uris, app.scopes) == ("Writer", ["https://two.example/b"], ["openid", "write-repos"])
    assert app.owner == ada.namespace


def test_an_old_secret_stops_at_once(client, ada):
    app, old = application(UserFactory(username="maker"))
    code = approved_code(client, app)
    new = applications.renew_secret(app, by=Principal(user=app.owner.user))
    assert redeem(client, app, old, code).status_code == 401
    assert redeem(client, app, new, code).status_code == 200


def test_a_deleted_application_takes_its_tokens_along(client, ada):
    app, secret = application(ada)
    token = redeem(client, app, secret, approved_code(client, app)).json()
    client.post(f"{ADDRESS}/{app.client_id}/delete")
    assert principal_of_token(token["access_token"]).is_anonymous
    assert Application.objects.count() == 0


@pytest.mark.parametrize("who", ["anonymous", "stranger", "reader", "writer", "staff", "owner's token"])
def test_only_administrators_of_the_owner_manage_an_application(client, who):
    owner = UserFactory()
    lab = OrganisationFactory(name="lab", admin=owner)
    app, _secret = application(owner, by=Principal(user=owner))
    app.owner = lab.namespace
    app.save()
    headers = {}
    if who == "owner's token":
        headers = bearer(owner)
    elif who != "anonymous":
        role = {"reader": "read", "writer": "write"}.get(who)
        user = MembershipFactory(organisation=lab, role=role).user if role else UserFactory()
        client.force_login(StaffFactory() if who == "staff" else user)
    base = f"{ADDRESS}/{app.client_id}"
    for address in (base, f"{base}/secret", f"{base}/delete"):
        fields = {"name": "Evil", "redirect_uris": "https://evil.example/", "scopes": ["openid"]}
        assert client.post(address, fields, **headers).status_code in {302, 403, 404}
    app.refresh_from_db()
    assert (app.name, app.redirect_uris) == ("Reader", ["https://app.example.org/back"])


def test_the_hf_command_is_nobodys_to_change():
    app = applications.hf_command()
    assert app == applications.hf_command()
    assert app.scopes == OAuthScope.values
    with pytest.raises(Forbidden):
        applications.delete(app, by=Principal(user=StaffFactory()))


@pytest.mark.parametrize("address", [ADDRESS, "/settings/connected-apps"])
@pytest.mark.parametrize("count", [1, 3])
def test_lists_take_the_same_number_of_queries(client, ada, address, count, django_assert_max_num_queries):
    for number in range(count):
        app, secret = application(ada, name=f"Reader {number}")
        redeem(client, app, secret, approved_code(client, app))
    with django_assert_max_num_queries(5):
        assert f"Reader {count - 1}" in client.get(address).content.decode()
