"""Stock clients against the running site: device login, the FastAPI helper, publishing from a build."""

import configparser
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from django.conf import settings

from accounts.models import AccessToken, RefreshToken
from accounts.principal import Principal
from accounts.selectors import principal_of_token
from accounts.services import people, publishers
from hub.selectors import read_text, revision_of
from tests.factories import hub as make
from tests.factories.applications import answered, application
from tests.support import oidc_issuer

pytestmark = pytest.mark.timeout(300)
PASSWORD = "a long enough password"


@pytest.fixture
def ada(site):
    return people.sign_up("ada", password=PASSWORD, email="ada@example.org")


@pytest.fixture
def browser(site, ada):
    """ada's browser, logged in."""
    session = requests.Session()
    page = session.get(f"{site.url}/login", timeout=30).text
    fields = {"username": "ada", "password": PASSWORD, "csrfmiddlewaretoken": csrf(page)}
    assert session.post(f"{site.url}/login", fields, timeout=30).status_code == 200
    return session


def csrf(page):
    return re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]


def run(site, folder, *command, **more):
    environment = site.environment(folder, **more)
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)


def approve(browser, address, code):
    page = browser.get(address, timeout=30).text
    address = address.partition("?")[0]
    shown = browser.post(address, {"user_code": code, "csrfmiddlewaretoken": csrf(page)}, timeout=30).text
    assert "hf command" in shown
    fields = {"user_code": code, "decision": "approve", "csrfmiddlewaretoken": csrf(shown)}
    assert browser.post(address, fields, timeout=30).status_code == 200


def test_hf_auth_login_by_browser_then_push_then_refresh(site, browser, ada, tmp_path):
    output = tmp_path / "login.txt"
    with output.open("w") as out:
        login = subprocess.Popen(
            ["hf", "auth", "login", "--force"],
            env=site.environment(tmp_path) | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        address = _address_in(output)
        approve(browser, address, address.partition("user_code=")[2])
        assert login.wait(60) == 0, output.read_text()
    finally:
        login.kill()
        login.wait()
    stored = configparser.ConfigParser(interpolation=None)
    stored.read(tmp_path / "hf" / "stored_tokens")
    (name,) = stored.sections()
    first = stored[name]["hf_token"]
    assert first.startswith("hf_oauth_")
    assert int(stored[name]["expires_at"]) > time.time() + 86400
    assert principal_of_token(first).user == ada
    whoami = run(site, tmp_path, "hf", "auth", "whoami")
    assert "ada" in whoami.stdout, whoami.stderr

    (tmp_path / "note.txt").write_text("written by the hf command")
    pushed = run(site, tmp_path, "hf", "upload", "tiny", str(tmp_path / "note.txt"), "note.txt", "--private")
    assert pushed.returncode == 0, pushed.stderr
    opened = run(site, tmp_path, "hf", "download", "ada/tiny", "note.txt")
    assert opened.returncode == 0, opened.stderr

    # When less than a day is left, the client buys the next one by itself.
    stored[name]["expires_at"] = str(int(time.time()) + 3600)
    with (tmp_path / "hf" / "stored_tokens").open("w") as file:
        stored.write(file)
    renewed = run(site, tmp_path, "hf", "auth", "token")
    second = renewed.stdout.strip().splitlines()[0]
    assert second.startswith("hf_oauth_")
    assert second != first
    assert principal_of_token(second).user == ada
    assert RefreshToken.objects.filter(used_at__isnull=False).count() == 1
    assert first not in site.log.read_text()


def _address_in(output: Path) -> str:
    for _attempt in range(600):
        found = re.search(r"http\S+/device\?user_code=\S+", output.read_text())
        if found:
            return found[0]
        time.sleep(0.1)
    raise AssertionError(output.read_text())


def test_authlib_as_a_client_with_pkce(site, browser, ada):
    app, _secret = application(people.sign_up("maker", password=None), is_public=True)
    about = requests.get(f"{site.url}/.well-known/openid-configuration", timeout=30).json()
    client = OAuth2Session(
        app.client_id, redirect_uri=app.redirect_uris[0], scope="openid profile email write-repos",
        code_challenge_method="S256", token_endpoint_auth_method="none",
    )  # fmt: skip
    verifier = "w" * 64
    address, state = client.create_authorization_url(about["authorization_endpoint"], code_verifier=verifier)
    page = browser.get(address, timeout=30).text
    fields = {"decision": "approve", "csrfmiddlewaretoken": csrf(page)}
    back = browser.post(address, fields, allow_redirects=False, timeout=30)
    answer = {"Location": back.headers["Location"]}
    assert answered(answer)["iss"] == about["issuer"] == site.url
    token = client.fetch_token(
        about["token_endpoint"], authorization_response=answer["Location"], state=state, code_verifier=verifier
    )
    assert client.get(about["userinfo_endpoint"], timeout=30).json()["email"] == "ada@example.org"
    client.refresh_token(about["token_endpoint"], refresh_token=token["refresh_token"])
    assert AccessToken.objects.filter(authorisation__application=app).count() == 2


def test_the_fastapi_helper_of_the_stock_client(site, ada, tmp_path):
    maker = people.sign_up("maker", password=None)
    scopes = ["openid", "profile", "email", "read-repos"]
    app, secret = application(maker, redirect_uris=["https://testserver/oauth/huggingface/callback"], scopes=scopes)
    from tests.factories.accounts import OrganisationFactory

    OrganisationFactory(name="lab", admin=ada)
    environment = site.environment(tmp_path) | {
        "SPACE_ID": "maker/space",
        "OAUTH_CLIENT_ID": app.client_id,
        "OAUTH_CLIENT_SECRET": secret,
        "OAUTH_SCOPES": " ".join(scopes),
        "OPENID_PROVIDER_URL": site.url,
        "AUTHLIB_INSECURE_TRANSPORT": "1",
    }
    script = [sys.executable, str(Path(__file__).with_name("relying_party.py")), site.url, "ada", PASSWORD]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    learned = json.loads(done.stdout)
    assert learned["user_info"]["preferred_username"] == "ada"
    assert learned["user_info"]["email"] == "ada@example.org"
    assert learned["user_info"]["profile"] == f"{site.url}/ada"
    assert [org["preferred_username"] for org in learned["user_info"]["orgs"]] == ["lab"]
    assert learned["user_info"]["orgs"][0]["role_in_org"] == "admin"
    assert set(learned["scope"].split()) == set(scopes)
    assert principal_of_token(learned["access_token"]).user == ada


def test_a_build_publishes_without_a_secret(site, ada, tmp_path):
    tiny = make.repository(ada, "tiny", visibility="private")
    other = make.repository(ada, "other", visibility="private")
    (tmp_path / "weights.txt").write_text("made by a build")
    with oidc_issuer.running() as issuer:
        publishers.trust(
            tiny.reference, tiny.namespace, issuer=issuer.url, audience=site.url,
            claims={"repository": "ada/training", "environment": "release"}, by=Principal(user=ada),
        )  # fmt: skip
        build = {
            "HF_OIDC_RESOURCE": "ada/tiny",
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.url}/token-for-build",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "runner",
        }
        upload = ["hf", "upload", "ada/tiny", str(tmp_path / "weights.txt"), "weights.txt"]
        done = run(site, tmp_path, *upload, **build)
        assert done.returncode == 0, done.stderr
        elsewhere = run(site, tmp_path, "hf", "upload", other.full_name, *upload[3:], **build)
        assert elsewhere.returncode != 0
        stranger = run(site, tmp_path, *upload, **(build | {"HF_OIDC_RESOURCE": "ada/other"}))
        assert stranger.returncode != 0
        assert "invalid_grant" in stranger.stderr + stranger.stdout or "No publisher" in stranger.stderr
    assert read_text(revision_of(tiny, "main"), "weights.txt") == "made by a build"


def test_the_test_site_may_ask_private_addresses_and_others_not():
    assert settings.FETCH_FROM_PRIVATE_ADDRESSES
    assert "FETCH_FROM_PRIVATE_ADDRESSES = False" in Path("config/settings/base.py").read_text()
    assert "FETCH_FROM_PRIVATE_ADDRESSES" not in Path("config/settings/production.py").read_text()
    assert os.environ["AUTHLIB_INSECURE_TRANSPORT"] == "1"
