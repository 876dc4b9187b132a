"""The browser flow: consent, codes, tokens, and everything that must not work."""

import base64
import logging
from datetime import timedelta

import jwt
import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AccessToken, Authorisation, RefreshToken
from accounts.selectors import principal_of_token
from accounts.services import authorisations
from tests.factories import hub as make
from tests.factories.accounts import UserFactory, bearer, job_token
from tests.factories.applications import (
    BACK,
    answered,
    application,
    approved_code,
    challenge,
    consent_address,
    redeem,
    renew,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    user = UserFactory(username="ada")
    client.force_login(user)
    return user


def test_the_whole_flow(client, ada):
    app, secret = application(UserFactory())
    page = client.get(consent_address(app)).content.decode()
    assert "Reader" in page
    assert "app.example.org" in page
    answer = client.post(consent_address(app, nonce="n1"), {"decision": "approve"})
    back = answered(answer)
    assert answer["Location"].startswith(BACK + "?")
    assert (back["state"], back["iss"]) == ("s1", "http://127.0.0.1:8000")
    token = redeem(Client(), app, secret, back["code"]).json()
    assert token["access_token"].startswith("hf_oauth_")
    assert token["scope"] == "openid profile"
    keys = client.get("/.well-known/jwks.json").json()
    claims = jwt.decode(
        token["id_token"], jwt.PyJWKSet.from_dict(keys).keys[0], algorithms=["EdDSA"], audience=app.client_id
    )
    assert (claims["nonce"], claims["preferred_username"], claims["iss"]) == ("n1", "ada", "http://127.0.0.1:8000")
    assert "email" not in claims
    headers = {"HTTP_AUTHORIZATION": f"Bearer {token['access_token']}"}
    assert Client().get("/oauth/userinfo", **headers).json()["sub"] == claims["sub"]
    me = Client().get("/api/whoami-v2", **headers).json()
    assert (me["name"], me["email"]) == ("ada", "")


def test_scopes_become_permissions_and_no_more(client, ada):
    app, secret = application(UserFactory())
    secret_repository = make.repository(ada, "secret", visibility="private")
    read = redeem(client, app, secret, approved_code(client, app, scope="openid read-repos")).json()["access_token"]
    anonymous = Client()
    headers = {"HTTP_AUTHORIZATION": f"Bearer {read}"}
    assert anonymous.get(f"/api/models/{secret_repository.full_name}", **headers).status_code == 200
    body = {"name": "new", "type": "model"}
    create = {"path": "/api/repos/create", "data": body, "content_type": "application/json"}
    assert anonymous.post(**create, **headers).status_code == 403
    write = redeem(client, app, secret, approved_code(client, app, scope="openid write-repos")).json()["access_token"]
    assert anonymous.post(**create, HTTP_AUTHORIZATION=f"Bearer {write}").status_code == 200
    identity = redeem(client, app, secret, approved_code(client, app)).json()["access_token"]
    headers = {"HTTP_AUTHORIZATION": f"Bearer {identity}"}
    assert anonymous.get(f"/api/models/{secret_repository.full_name}", **headers).status_code == 404


def test_an_application_gets_only_what_it_was_registered_for(client, ada):
    app, secret = application(UserFactory(), scopes=["openid", "profile"])
    token = redeem(client, app, secret, approved_code(client, app, scope="openid write-repos")).json()
    assert token["scope"] == "openid"


def test_discovery_names_only_what_is_there(client):
    about = client.get("/.well-known/openid-configuration").json()
    assert about["issuer"] == "http://127.0.0.1:8000"
    assert about["code_challenge_methods_supported"] == ["S256"]
    for name in ("token_endpoint", "userinfo_endpoint", "revocation_endpoint", "jwks_uri", "authorization_endpoint"):
        path = about[name].removeprefix("http://127.0.0.1:8000")
        assert client.get(path).status_code != 404, name


def test_no_means_no(client, ada):
    app, _secret = application(UserFactory())
    back = answered(client.post(consent_address(app), {"decision": "deny"}))
    assert (back["error"], back["state"]) == ("access_denied", "s1")
    assert "code" not in back
    assert Authorisation.objects.count() == 0


def test_strangers_are_asked_to_log_in_first():
    app, _secret = application(UserFactory())
    answer = Client().get(consent_address(app))
    assert answer["Location"].startswith("/login?next=/oauth/authorize")
    silent = answered(Client().get(consent_address(app, prompt="none")))
    assert silent["error"] == "login_required"


def test_consent_is_never_silent(client, ada):
    app, secret = application(UserFactory())
    redeem(client, app, secret, approved_code(client, app))
    assert answered(client.get(consent_address(app, prompt="none")))["error"] == "consent_required"


def test_consent_needs_the_csrf_token(ada):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    app, _secret = application(UserFactory())
    assert strict.post(consent_address(app), {"decision": "approve"}).status_code == 403
    assert Authorisation.objects.count() == 0


def test_consent_cannot_be_framed_and_may_lead_to_the_application_only(client, ada):
    app, _secret = application(UserFactory())
    answer = client.get(consent_address(app))
    assert answer["X-Frame-Options"] == "DENY"
    assert "form-action 'self' https://app.example.org" in answer["Content-Security-Policy"]


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/back",
        "https://app.example.org/back/",
        "https://app.example.org/back?x=1",
        "https://app.example.org/backwards",
        "https://app.example.org.evil.example/back",
        "https://app.example.org@evil.example/back",
        "http://app.example.org/back",
        "//evil.example",
        "javascript:alert(1)",
    ],
)
def test_nobody_is_sent_to_an_unregistered_address(client, ada, address):
    app, _secret = application(UserFactory())
    for answer in (
        client.get(consent_address(app, redirect_uri=address)),
        client.post(consent_address(app, redirect_uri=address), {"decision": "approve"}),
        client.get(consent_address(app, redirect_uri=address, response_type="token")),
        client.get(consent_address(app, redirect_uri=address, scope="nonsense")),
    ):
        assert answer.status_code == 400
        assert "Location" not in answer


def test_what_hub_clients_carry_in_the_address_comes_back(client, ada):
    app, secret = application(UserFactory())
    carried = f"{BACK}?_target_url=%2F%3F"
    code = approved_code(client, app, redirect_uri=carried)
    assert redeem(client, app, secret, code, redirect_uri=carried).status_code == 200


def test_a_code_that_comes_twice_ends_everything_it_bought(client, ada):
    app, secret = application(UserFactory())
    code = approved_code(client, app)
    first = redeem(client, app, secret, code).json()
    assert not principal_of_token(first["access_token"]).is_anonymous
    second = redeem(client, app, secret, code)
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")
    assert principal_of_token(first["access_token"]).is_anonymous
    assert renew(client, app, secret, first["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_code_lasts_a_minute(client, ada):
    app, secret = application(UserFactory())
    code = approved_code(client, app)
    Authorisation.objects.update(code_expires_at=timezone.now())
    assert redeem(client, app, secret, code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_verifier": "w" * 50}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"redirect_uri": "https://app.example.org/other"}, "invalid_grant"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_secret": ""}, "invalid_client"),
        ({"code": "wrong"}, "invalid_grant"),
    ],
)
def test_a_code_is_worth_nothing_to_others(client, ada, change, error):
    app, secret = application(UserFactory())
    code = approved_code(client, app)
    answer = redeem(client, app, secret, **({"code": code} | change))
    assert answer.json()["error"] == error
    assert AccessToken.objects.count() == 0


def test_a_code_of_one_application_is_worth_nothing_to_another(client, ada):
    app, _secret = application(UserFactory())
    other, secret = application(UserFactory(), name="Other")
    assert redeem(client, other, secret, approved_code(client, app)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "more",
    [{"proof": False}, {"code_challenge_method": "plain"}, {"code_challenge_method": ""}],
)
def test_public_applications_must_prove_by_s256(client, ada, more):
    app, secret = application(UserFactory(), is_public=True)
    assert secret == ""
    assert answered(client.get(consent_address(app, **more)))["error"] == "invalid_request"
    assert redeem(client, app, "", approved_code(client, app)).status_code == 200


def test_a_public_application_cannot_pretend_to_have_a_secret(client, ada):
    app, _secret = application(UserFactory(), is_public=True)
    code = approved_code(client, app)
    assert redeem(client, app, "", code, client_secret="anything").json()["error"] == "invalid_client"


def test_secrets_may_come_by_basic_and_are_kept_as_hashes(client, ada):
    app, secret = application(UserFactory())
    code = approved_code(client, app)
    basic = base64.b64encode(f"{app.client_id}:{secret}".encode()).decode()
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": "v" * 50}
    answer = Client().post("/oauth/token", fields, HTTP_AUTHORIZATION=f"Basic {basic}")
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    token = answer.json()
    kept = str(list(AccessToken.objects.values()) + list(RefreshToken.objects.values()) + [app.secret_digest])
    kept += str(list(Authorisation.objects.values()))
    for text in (token["access_token"], token["refresh_token"], secret, code):
        assert text not in kept


def test_refresh_tokens_rotate_and_a_copy_ends_the_authorisation(client, ada):
    app, secret = application(UserFactory())
    first = redeem(client, app, secret, approved_code(client, app)).json()
    second = renew(client, app, secret, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    # The older access token works on for an hour, for a process that is in the middle of something.
    older = principal_of_token(first["access_token"]).token
    assert older.expires_at <= timezone.now() + timedelta(hours=1)
    assert renew(client, app, secret, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert principal_of_token(second["access_token"]).is_anonymous
    assert renew(client, app, secret, second["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_refresh_token_serves_its_own_application_only_and_not_for_ever(client, ada):
    app, secret = application(UserFactory())
    other, other_secret = application(UserFactory(), name="Other")
    token = redeem(client, app, secret, approved_code(client, app)).json()
    assert renew(client, other, other_secret, token["refresh_token"]).json()["error"] == "invalid_grant"
    RefreshToken.objects.update(created_at=timezone.now() - authorisations.REFRESH_LIFETIME)
    assert renew(client, app, secret, token["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_closed_account_gets_no_further_tokens(client, ada):
    app, secret = application(UserFactory())
    token = redeem(client, app, secret, approved_code(client, app)).json()
    ada.is_active = False
    ada.save()
    assert renew(Client(), app, secret, token["refresh_token"]).json()["error"] == "invalid_grant"
    assert principal_of_token(token["access_token"]).is_anonymous


def test_people_disconnect_and_applications_give_back(client, ada):
    app, secret = application(UserFactory())
    token = redeem(client, app, secret, approved_code(client, app)).json()
    assert "Reader" in client.get("/settings/connected-apps").content.decode()
    client.post(f"/settings/connected-apps/{app.client_id}/disconnect")
    assert principal_of_token(token["access_token"]).is_anonymous
    assert "Reader" not in client.get("/settings/connected-apps").content.decode()
    token = redeem(client, app, secret, approved_code(client, app)).json()
    fields = {"token": token["refresh_token"], "client_id": app.client_id, "client_secret": secret}
    assert client.post("/oauth/revoke", fields | {"client_secret": "wrong"}).status_code == 401
    assert not principal_of_token(token["access_token"]).is_anonymous
    assert client.post("/oauth/revoke", fields).status_code == 200
    assert principal_of_token(token["access_token"]).is_anonymous


@pytest.mark.parametrize("kind", ["job", "write"])
def test_no_token_approves_an_application(ada, kind):
    app, _secret = application(UserFactory())
    headers = {"HTTP_AUTHORIZATION": f"Bearer {job_token(ada)}"} if kind == "job" else bearer(ada)
    assert Client().post(consent_address(app), {"decision": "approve"}, **headers).status_code == 403
    assert Authorisation.objects.count() == 0


def test_userinfo_is_for_tokens_of_applications_with_the_scope(client, ada):
    app, secret = application(UserFactory())
    assert client.get("/oauth/userinfo").status_code == 401
    assert client.get("/oauth/userinfo", **bearer(ada)).status_code == 401
    token = redeem(client, app, secret, approved_code(client, app, scope="profile")).json()
    headers = {"HTTP_AUTHORIZATION": f"Bearer {token['access_token']}"}
    assert Client().get("/oauth/userinfo", **headers).status_code == 403
    token = redeem(client, app, secret, approved_code(client, app, scope="openid email")).json()
    headers = {"HTTP_AUTHORIZATION": f"Bearer {token['access_token']}"}
    told = Client().get("/oauth/userinfo", **headers).json()
    assert told["email"] == ada.email
    assert "name" not in told


def test_nothing_secret_is_logged(client, ada, caplog):
    caplog.set_level(logging.DEBUG)
    app, secret = application(UserFactory())
    token = redeem(client, app, secret, approved_code(client, app)).json()
    renewed = renew(client, app, secret, token["refresh_token"]).json()
    for text in (token["access_token"], token["refresh_token"], renewed["access_token"], secret):
        assert text not in caplog.text


def test_the_verifier_is_what_rfc_7636_computes():
    assert challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
