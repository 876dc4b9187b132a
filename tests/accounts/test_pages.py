"""Settings, consent and device login in real Chromium, wide and narrow."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

import pytest
import requests

from accounts.enums import Permission
from accounts.principal import Principal
from accounts.services import applications, people, publishers, tokens
from accounts.services.applications import HF_COMMAND
from hub.services import repositories
from tests.factories.applications import application, challenge
from tests.support.browser import WIDTHS, Visitor, chromium

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
PASSWORD = "a long enough password"


class _Back(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(b"back at the application")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def own_program():
    """A program on the person's own machine, where consent leads back to."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Back)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_pages_of_tokens_applications_devices_and_publishers(site, own_program, tmp_path):
    ada = people.sign_up("ada", password=PASSWORD, email="ada@example.org")
    by = Principal(user=ada)
    tiny = repositories.create_repository(ada.namespace, "tiny", kind="model", by=by)
    publishers.trust(
        tiny.reference, tiny.namespace, issuer="https://token.actions.githubusercontent.com",
        claims={"repository": "ada/training", "environment": "release"}, by=by,
    )  # fmt: skip
    reach = tokens.Reach([Permission.REPO_READ, Permission.REPO_WRITE], repositories=["model:ada/tiny"])
    tokens.issue_token(ada, name="evaluation on the cluster", scope="fine", reach=reach)
    tokens.issue_token(ada, name="laptop", scope="write")
    app, _secret = application(ada, redirect_uris=[f"http://127.0.0.1:{own_program.server_port}/back"], is_public=True)
    applications.hf_command()
    asked = {
        "response_type": "code", "client_id": app.client_id, "scope": "openid profile read-repos", "state": "s1",
        "code_challenge": challenge(), "code_challenge_method": "S256",
    }  # fmt: skip
    device = requests.post(f"{site.url}/oauth/device", {"client_id": HF_COMMAND}, timeout=30).json()
    second = requests.post(f"{site.url}/oauth/device", {"client_id": HF_COMMAND}, timeout=30).json()
    with chromium() as browser:
        for width, shown in zip(WIDTHS, (device, second), strict=True):
            visitor = Visitor(browser, site.url, width=width)
            visitor.log_in("ada", PASSWORD)
            page = visitor.open("/settings/tokens")
            visitor.check_looks("tokens")
            assert not page.locator("#id_until").is_visible()
            page.check("input[name=scope][value=read]")
            assert not page.locator(".only-fine").is_visible()
            page.check("input[name=scope][value=fine]")
            page.check("input[name=everywhere][value=no]")
            page.fill("#id_repositories", "model:ada/tiny")
            page.check("input[name=permissions][value='repo.content.read']")
            page.fill("#id_name", "reader")
            page.select_option("#id_lifetime", "7")
            visitor.press("text=Make the token")
            visitor.check_looks("tokens-made")
            assert page.locator(".notice-ok code").first.inner_text().startswith("hf_")
            for name, path in {
                "connections": "/settings/connected-apps",
                "applications": "/settings/applications",
                "application": f"/settings/applications/{app.client_id}",
                "identity": "/settings/identity",
                "device": f"/device?user_code={shown['user_code']}",
                "publishers": "/ada/tiny/settings/publishers",
                "consent": "/oauth/authorize?" + urlencode(asked),
            }.items():
                visitor.open(path)
                visitor.check_looks(name)
            page.click("button[value=approve]")
            page.wait_for_url(f"http://127.0.0.1:{own_program.server_port}/back**")
            visitor.complaints.clear()  # the program's own address is no part of the site
            page = visitor.open(f"/device?user_code={shown['user_code']}")
            visitor.press("main button")
            visitor.check_looks("device-confirm")
            visitor.press("button[value=approve]")
            assert page.url.endswith("/settings/connected-apps")
            visitor.check_looks("device-approved")
            assert visitor.complaints == []
            visitor.close()
    assert len([path for path in own_program.asked if path.startswith("/back?code=")]) == len(WIDTHS)
