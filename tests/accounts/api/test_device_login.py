import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Authorisation, DeviceLogin
from accounts.selectors import principal_of_token
from accounts.services import devices
from accounts.services.applications import HF_COMMAND
from tests.factories.accounts import UserFactory, bearer, job_token
from tests.factories.applications import application

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    user = UserFactory(username="ada")
    client.force_login(user)
    return user


def start(client_id=HF_COMMAND):
    return Client().post("/oauth/device", {"client_id": client_id}, HTTP_USER_AGENT="hf_hub/2.4.0").json()


def poll(device, client_id=HF_COMMAND):
    DeviceLogin.objects.update(polled_at=None)
    fields = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": device["device_code"],
        "client_id": client_id,
    }
    return Client().post("/oauth/token", fields).json()


def test_a_device_is_logged_in_by_its_code(client, ada):
    device = start()
    assert device["verification_uri_complete"].endswith(f"/device?user_code={device['user_code']}")
    assert (device["interval"], device["expires_in"]) == (5, 900)
    assert poll(device)["error"] == "authorization_pending"
    page = client.get(f"/device?user_code={device['user_code']}").content.decode()
    assert device["user_code"] in page
    assert Authorisation.objects.count() == 0
    shown = client.post("/device", {"user_code": device["user_code"].lower().replace("-", " ")}).content.decode()
    for told in ("hf command", "hf_hub/2.4.0", "127.0.0.1", "read your private repositories"):
        assert told in shown
    client.post("/device", {"user_code": device["user_code"], "decision": "approve"})
    token = poll(device)
    assert token["access_token"].startswith("hf_oauth_")
    assert token["expires_in"] > 86400
    principal = principal_of_token(token["access_token"])
    assert principal.user == ada
    assert not principal.may_manage
    assert poll(device)["error"] == "invalid_grant"


def test_only_hashes_of_device_codes_are_kept(client, ada):
    device = start()
    assert device["device_code"] not in str(DeviceLogin.objects.values())


def test_no_means_no(client, ada):
    device = start()
    client.post("/device", {"user_code": device["user_code"], "decision": "deny"})
    assert poll(device)["error"] == "access_denied"
    assert client.post("/device", {"user_code": device["user_code"], "decision": "approve"}).status_code == 200
    assert poll(device)["error"] == "access_denied"


def test_a_code_expires(client, ada):
    device = start()
    DeviceLogin.objects.update(expires_at=timezone.now())
    assert poll(device)["error"] == "expired_token"
    assert "No device waits" in client.post("/device", {"user_code": device["user_code"]}).content.decode()


def test_who_polls_too_fast_is_told(client):
    device = start()
    poll(device)
    fields = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": device["device_code"],
        "client_id": HF_COMMAND,
    }
    assert Client().post("/oauth/token", fields).json()["error"] == "slow_down"


def test_guesses_are_counted(client, ada):
    device = start()
    for _number in range(devices.GUESSES):
        assert client.post("/device", {"user_code": "BBBB-CCCC"}).status_code == 200
    assert client.post("/device", {"user_code": device["user_code"]}).status_code == 429
    other = Client()
    other.force_login(UserFactory())
    assert other.post("/device", {"user_code": device["user_code"]}).status_code == 200


def test_starts_are_counted_by_address():
    for _number in range(devices.STARTS):
        start()
    answer = Client().post("/oauth/device", {"client_id": HF_COMMAND})
    assert answer.status_code == 429
    assert answer["Retry-After"] == "60"


def test_a_link_alone_logs_nothing_in(client, ada):
    device = start()
    client.get(f"/device?user_code={device['user_code']}&decision=approve")
    assert poll(device)["error"] == "authorization_pending"
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    answer = strict.post("/device", {"user_code": device["user_code"], "decision": "approve"})
    assert answer.status_code == 403
    assert poll(device)["error"] == "authorization_pending"


@pytest.mark.parametrize("kind", ["job", "write", "read"])
def test_no_token_approves_a_device(ada, kind):
    device = start()
    headers = {"HTTP_AUTHORIZATION": f"Bearer {job_token(ada)}"} if kind == "job" else bearer(ada, scope=kind)
    answer = Client().post("/device", {"user_code": device["user_code"], "decision": "approve"}, **headers)
    assert answer.status_code in {302, 403}
    assert poll(device)["error"] == "authorization_pending"


def test_a_device_code_serves_its_own_application_only(client, ada):
    other, _secret = application(UserFactory(), is_public=True, logs_in_devices=True)
    browser_only, _secret = application(UserFactory(), is_public=True)
    device = start()
    client.post("/device", {"user_code": device["user_code"], "decision": "approve"})
    assert poll(device, other.client_id)["error"] == "unauthorized_client"
    assert start(browser_only.client_id)["error"] == "unauthorized_client"
    assert start("00000000-0000-0000-0000-000000000000")["error"] == "invalid_client"


def test_a_device_of_somebody_else_gets_only_what_it_may_ask_for(client, ada):
    other, _secret = application(UserFactory(), is_public=True, logs_in_devices=True)
    device = start(other.client_id)
    client.post("/device", {"user_code": device["user_code"], "decision": "approve"})
    assert poll(device, other.client_id)["scope"] == "openid profile"


def test_old_logins_are_cleared_away():
    start()
    DeviceLogin.objects.update(expires_at=timezone.now() - timezone.timedelta(days=2))
    start()
    assert DeviceLogin.objects.count() == 1
