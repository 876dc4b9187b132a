"""ORCID iDs: typed ones are claims, confirmed ones come from ORCID's own answer (here a stand-in)."""

from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from accounts.models import User
from accounts.views import identity as views
from tests.factories.accounts import UserFactory, bearer, job_token
from tests.support import oidc_issuer

pytestmark = pytest.mark.django_db
ADDRESS = "/settings/identity"
ORCID = "0000-0002-1825-0097"


@pytest.fixture
def ada(client):
    user = UserFactory(username="ada")
    client.force_login(user)
    return user


@pytest.fixture
def orcid(settings):
    with oidc_issuer.running() as issuer:
        settings.ORCID_ISSUER = issuer.url
        settings.ORCID_CLIENT_ID, settings.ORCID_CLIENT_SECRET = oidc_issuer.CLIENT_ID, oidc_issuer.CLIENT_SECRET
        views._client.cache_clear()
        yield issuer


def sign_in_there(client):
    """Follow the redirect to the stand-in and come back with what it answered."""
    start = client.post(f"{ADDRESS}/orcid/start")
    assert start.status_code == 302, start.content
    back = requests.get(start["Location"], allow_redirects=False, timeout=10).headers["Location"]
    assert back.startswith("http://127.0.0.1:8000/settings/identity/orcid?")
    return back.removeprefix("http://127.0.0.1:8000")


def test_a_typed_id_is_a_claim(client, ada):
    client.post(ADDRESS, {"orcid": f"https://orcid.org/{ORCID}"})
    ada.refresh_from_db()
    assert (ada.orcid, ada.orcid_verified_at) == (ORCID, None)
    assert "not confirmed" in client.get(ADDRESS).content.decode()
    assert "not an ORCID iD" in client.post(ADDRESS, {"orcid": "0000-0002-1825-0098"}).content.decode()
    ada.refresh_from_db()
    assert ada.orcid == ORCID
    client.post(ADDRESS, {"orcid": ""})
    ada.refresh_from_db()
    assert ada.orcid == ""


def test_orcid_confirms_and_typing_another_takes_it_back(client, ada, orcid):
    asked = parse_qs(urlsplit(client.post(f"{ADDRESS}/orcid/start")["Location"]).query)
    assert asked["scope"] == ["openid"]
    assert asked["state"]
    assert asked["nonce"]
    assert f"form-action 'self' {orcid.url}" in client.get(ADDRESS)["Content-Security-Policy"]
    client.get(sign_in_there(client))
    ada.refresh_from_db()
    assert ada.orcid == ORCID
    assert ada.orcid_verified_at is not None
    assert "confirmed by ORCID" in client.get(ADDRESS).content.decode()
    client.post(ADDRESS, {"orcid": ORCID})
    ada.refresh_from_db()
    assert ada.orcid_verified_at is not None
    client.post(ADDRESS, {"orcid": "0000-0002-1694-233X"})
    ada.refresh_from_db()
    assert (ada.orcid, ada.orcid_verified_at) == ("0000-0002-1694-233X", None)


def test_one_id_confirms_one_account(client, ada, orcid):
    client.get(sign_in_there(client))
    bob = UserFactory(username="bob")
    client.force_login(bob)
    answer = client.get(sign_in_there(client), follow=True)
    assert "linked to another account" in answer.content.decode()
    assert User.objects.filter(orcid_verified_at__isnull=False).count() == 1


def test_an_answer_that_this_session_did_not_ask_for_counts_for_nothing(client, ada, orcid):
    back = sign_in_there(client)
    client.logout()
    eve = UserFactory(username="eve")
    client.force_login(eve)
    client.get(back)
    client.get(f"{ADDRESS}/orcid?code=c1&state=guess")
    client.get(f"{ADDRESS}/orcid?error=access_denied")
    assert User.objects.filter(orcid_verified_at__isnull=False).count() == 0


def test_an_answer_that_is_no_id_counts_for_nothing(client, ada, orcid):
    orcid.subject = "0000-0002-1825-0098"
    client.get(sign_in_there(client))
    ada.refresh_from_db()
    assert ada.orcid_verified_at is None


def test_without_registration_only_typing_is_offered(client, ada):
    assert "Confirm with ORCID" not in client.get(ADDRESS).content.decode()
    assert client.post(f"{ADDRESS}/orcid/start").status_code == 503


def test_when_orcid_is_away_people_are_told(client, ada, settings):
    settings.ORCID_ISSUER, settings.ORCID_CLIENT_ID = "http://127.0.0.1:1", "x"
    assert client.post(f"{ADDRESS}/orcid/start").status_code == 503


@pytest.mark.parametrize("kind", ["anonymous", "job", "write"])
def test_identity_is_managed_in_the_browser(client, kind):
    user = UserFactory()
    headers = {
        "anonymous": dict,
        "job": lambda: {"HTTP_AUTHORIZATION": f"Bearer {job_token(user)}"},
        "write": lambda: bearer(user),
    }[kind]()
    client.post(ADDRESS, {"orcid": ORCID}, **headers)
    user.refresh_from_db()
    assert user.orcid == ""
