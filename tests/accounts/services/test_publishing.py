"""Builds that show who they are get a token for one repository, and nobody else does."""

import base64
import hmac
import json
import time
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.api.oauth import ID_TOKEN, TOKEN_EXCHANGE
from accounts.models import AccessToken, TrustedPublisher
from accounts.principal import Principal
from accounts.selectors import principal_of_token
from accounts.services import publishers
from common.errors import Conflict, Forbidden, Invalid
from hub import rules
from hub.services import repositories
from tests.factories import hub as make
from tests.factories.accounts import bearer, job_token
from tests.support import oidc_issuer

pytestmark = pytest.mark.django_db
HERE = "http://127.0.0.1:8000"
CLAIMS = {"repository": "ada/training", "environment": "release"}


@pytest.fixture(scope="module")
def issuer():
    with oidc_issuer.running() as found:
        yield found


@pytest.fixture(autouse=True)
def _no_keys_known():
    cache.clear()


@pytest.fixture
def ada():
    return make.person("ada")


@pytest.fixture
def tiny(ada, issuer):
    tiny = make.repository(ada, "tiny", visibility="private")
    trust(tiny, ada, issuer)
    return tiny


def trust(repository, person, issuer, **facts):
    facts = {"issuer": issuer.url, "claims": CLAIMS, "by": Principal(user=person)} | facts
    return publishers.trust(repository.reference, repository.namespace, **facts)


def exchange(assertion, resource="ada/tiny", **more):
    body = {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token_type": ID_TOKEN,
        "subject_token": assertion,
        "resource": resource,
    }
    return Client().post("/oauth/token", json.dumps(body | more), content_type="application/json")


def test_a_build_gets_an_hour_in_one_repository(ada, tiny, issuer):
    other = make.repository(ada, "other", visibility="private")
    answer = exchange(issuer.sign(CLAIMS | {"aud": HERE, "sub": "repo:ada/training"}))
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("bearer", 3600)
    principal = principal_of_token(body["access_token"])
    assert rules.may_write(principal, tiny)
    assert rules.may_read(principal, tiny)
    assert not rules.may_administer(principal, tiny)
    assert not rules.may_read(principal, other)
    assert not rules.may_create(principal, ada.namespace)
    assert principal.token.expires_at <= timezone.now() + timedelta(hours=1)
    assert TrustedPublisher.objects.get().last_used_at is not None
    told = Client().get("/api/whoami-v2", HTTP_AUTHORIZATION=f"Bearer {body['access_token']}").json()
    assert (told["name"], told["email"]) == ("ada", "")


def signed_by_text(claims, text):
    """HS256 with the public key as the secret: what careless verifiers take for a signature."""
    parts = [{"alg": "HS256", "kid": "k1"}, claims]
    body = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    mac = hmac.new(text.encode(), body, "sha256").digest()
    return (body + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


def test_it_works_once(tiny, issuer):
    assertion = issuer.sign(CLAIMS | {"aud": HERE})
    assert exchange(assertion).status_code == 200
    answer = exchange(assertion)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert "used already" in answer.json()["error_description"]
    without_id = issuer.sign(CLAIMS | {"aud": HERE, "jti": None})
    assert exchange(without_id).status_code == 200
    assert exchange(without_id).status_code == 400


@pytest.mark.parametrize(
    "claims",
    [
        {"repository": "eve/training"},
        {"repository": "ada/training-2"},
        {"repository": "ADA/training"},
        {"repository": None},
        {"environment": None},
        {"environment": ["release"]},
        {"aud": "https://elsewhere.example"},
        {"aud": None},
        {"aud": []},
        {"exp": int(time.time()) - 3600, "iat": int(time.time()) - 7200},
        {"exp": None},
        {"exp": int(time.time()) + 100 * 86400},
        {"nbf": int(time.time()) + 3600},
        {"iat": None},
        {"iss": "https://token.actions.githubusercontent.com"},
        {"iss": None},
    ],
)
def test_other_identities_are_refused(tiny, issuer, claims):
    answer = exchange(issuer.sign(CLAIMS | {"aud": HERE} | claims))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert AccessToken.objects.count() == 0


def test_forged_identities_are_refused(tiny, issuer):
    claims = CLAIMS | {"aud": HERE}
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = int(time.time())
    plain = claims | {"iss": issuer.url, "iat": now, "exp": now + 60}
    public = json.dumps(issuer.jwks()["keys"][0])
    forged = [
        issuer.sign(claims, key=stranger),
        issuer.sign(claims, key=stranger, kid="k2"),
        jwt.encode(plain, "", algorithm="none"),
        signed_by_text(plain, public),
        issuer.sign(claims)[:-8] + "AAAAAAAA",
        "nonsense",
        "",
    ]
    for assertion in forged:
        assert exchange(assertion).json()["error"] == "invalid_grant"
    assert AccessToken.objects.count() == 0


def test_other_repositories_and_wrong_questions_are_refused(ada, tiny, issuer):
    make.repository(ada, "other")
    make.repository(ada, "tiny", kind="dataset")
    claims = CLAIMS | {"aud": HERE}
    assert exchange(issuer.sign(claims), "ada/other").json()["error"] == "invalid_grant"
    assert exchange(issuer.sign(claims), "datasets/ada/tiny").json()["error"] == "invalid_grant"
    assert exchange(issuer.sign(claims), "ada/none").json()["error"] == "invalid_grant"
    for resource in ("ada", "a/b/c/d", "ada/..%2f", "", "models"):
        assert exchange(issuer.sign(claims), resource).json()["error"] == "invalid_target"
    assert exchange(issuer.sign(claims), subject_token_type="x").json()["error"] == "invalid_request"
    assert exchange(issuer.sign(claims), resource=3).json()["error"] == "invalid_request"
    assert Client().post("/oauth/token", "[1]", content_type="application/json").status_code == 400
    assert exchange(issuer.sign(claims), "models/ada/tiny").status_code == 200


def test_an_issuer_must_describe_itself(tiny, issuer):
    issuer.says_issuer = "https://elsewhere.example"
    try:
        assert exchange(issuer.sign(CLAIMS | {"aud": HERE})).json()["error"] == "invalid_grant"
    finally:
        issuer.says_issuer = issuer.url


def test_keys_are_remembered_and_unknown_ones_do_not_make_us_ask_again_and_again(tiny, issuer):
    issuer.asked.clear()
    for _number in range(3):
        assert exchange(issuer.sign(CLAIMS | {"aud": HERE})).status_code == 200
    assert issuer.asked.count("/jwks") == 1
    for _number in range(3):
        assert exchange(issuer.sign(CLAIMS | {"aud": HERE}, kid="unknown")).status_code == 400
    assert issuer.asked.count("/jwks") <= 2


def test_private_addresses_are_not_asked(ada, tiny, issuer, settings):
    settings.FETCH_FROM_PRIVATE_ADDRESSES = False
    issuer.asked.clear()
    answer = exchange(issuer.sign(CLAIMS | {"aud": HERE}))
    assert answer.json()["error"] == "invalid_grant"
    assert issuer.asked == []
    with pytest.raises(Invalid):
        trust(make.repository(ada, "next"), ada, issuer)


def test_it_writes_only_while_the_one_who_set_it_up_may(ada, tiny, issuer):
    answer = exchange(issuer.sign(CLAIMS | {"aud": HERE})).json()
    repositories.move(tiny, ada.namespace, "small", by=Principal(user=ada))
    tiny.refresh_from_db()
    assert rules.may_write(principal_of_token(answer["access_token"]), tiny)
    assert exchange(issuer.sign(CLAIMS | {"aud": HERE}), "ada/small").status_code == 200
    ada.is_active = False
    ada.save()
    assert principal_of_token(answer["access_token"]).is_anonymous
    assert exchange(issuer.sign(CLAIMS | {"aud": HERE}), "ada/small").json()["error"] == "invalid_grant"


def test_a_new_owner_starts_without_publishers(ada, tiny, issuer):
    from tests.factories.accounts import OrganisationFactory

    lab = OrganisationFactory(name="lab", admin=ada).namespace
    repositories.move(tiny, lab, "tiny", by=Principal(user=ada))
    assert TrustedPublisher.objects.count() == 0


def test_a_deleted_repository_leaves_no_publisher_to_its_successor(ada, tiny, issuer):
    repositories.delete(tiny, by=Principal(user=ada))
    make.repository(ada, "tiny")
    assert exchange(issuer.sign(CLAIMS | {"aud": HERE})).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "claims",
    [{}, {"environment": "release"}, {"repository": " "}, {"sub": "x", "iss": "https://evil.example"}],
)
def test_a_publisher_must_say_whose_build_it_is(ada, issuer, claims):
    with pytest.raises(Invalid):
        trust(make.repository(ada, "tiny"), ada, issuer, claims=claims)


def test_the_same_publisher_is_trusted_once(ada, tiny, issuer):
    with pytest.raises(Conflict):
        trust(tiny, ada, issuer)
    trust(tiny, ada, issuer, audience="https://other.example")


def test_only_administrators_in_the_browser_manage_publishers(client, ada, tiny, issuer):
    bob = make.person("bob")
    address = "/ada/tiny/settings/publishers"
    fields = {"issuer": issuer.url, "claims": "repository: eve/evil"}
    with pytest.raises(Forbidden):
        trust(tiny, bob, issuer, claims={"sub": "x"})
    assert client.post(address, fields).status_code == 302
    client.force_login(bob)
    assert client.post(address, fields).status_code == 404
    for headers in (bearer(ada), {"HTTP_AUTHORIZATION": f"Bearer {job_token(ada)}"}):
        assert Client().post(address, fields, **headers).status_code in {302, 403}
    staff = make.person("staff-eve", is_staff=True)
    client.force_login(staff)
    assert client.post(address, fields).status_code == 403
    assert TrustedPublisher.objects.count() == 1


def test_the_page_trusts_and_removes(client, ada, tiny, issuer):
    client.force_login(ada)
    address = "/ada/tiny/settings/publishers"
    client.post(address, {"issuer": issuer.url, "claims": "repository: ada/two\n\nenvironment: live"})
    made = TrustedPublisher.objects.latest("id")
    assert made.claims == {"repository": "ada/two", "environment": "live"}
    assert "ada/two" in client.get(address).content.decode()
    assert "name: value" in client.post(address, {"issuer": issuer.url, "claims": "nonsense"}).content.decode()
    assert "whose build" in client.post(address, {"issuer": issuer.url, "claims": "ref: main"}).content.decode()
    client.post(address, {"distrust": made.pk})
    assert not TrustedPublisher.objects.filter(pk=made.pk).exists()
    assert client.post(address, {"distrust": "x"}).status_code == 404


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_takes_the_same_number_of_queries(client, ada, issuer, count, django_assert_max_num_queries):
    tiny = make.repository(ada, "tiny")
    for number in range(count):
        trust(tiny, ada, issuer, claims={"repository": f"ada/{number}"})
    client.force_login(ada)
    with django_assert_max_num_queries(12):
        client.get("/ada/tiny/settings/publishers")
