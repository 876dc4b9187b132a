"""Programs pass Django's sessions by; browsers are known as before, and protected."""

import pytest
from django.test import Client

from accounts.models import User
from accounts.services.people import sign_up

pytestmark = pytest.mark.django_db
ADDRESS, CHANGE = "/api/whoami-v2", "/api/repos/create"


@pytest.fixture
def ada() -> User:
    return sign_up("ada", password="correct horse battery staple")


@pytest.fixture
def browser(ada: User) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    return client


def test_a_browser_is_known_below_the_api_too(browser):
    assert browser.get(ADDRESS).json()["name"] == "ada"


def test_nobody_is_known_without_a_session(client):
    assert client.get(ADDRESS).status_code == 401


def test_an_answer_to_a_program_begins_no_session(client):
    answer = client.get("/api/models")
    assert answer.status_code == 200
    assert not answer.cookies
    assert "Cookie" in answer["Vary"]


def test_a_session_that_has_ended_is_nobody(client):
    client.cookies["sessionid"] = "of-nobody"
    assert client.get(ADDRESS).status_code == 401


def test_a_browser_cannot_be_made_to_change_anything_from_elsewhere(browser):
    answer = browser.post(CHANGE, {"name": "tiny"}, content_type="application/json")
    assert answer.status_code == 403


def test_pages_and_their_forms_still_have_a_session_and_its_check(ada):
    client = Client(enforce_csrf_checks=True)
    assert client.post("/login", {"username": "ada", "password": "wrong"}).status_code == 403
    client.get("/login")
    token = client.cookies["csrftoken"].value
    answer = client.post("/login", {"username": "ada", "password": "wrong", "csrfmiddlewaretoken": token})
    assert answer.status_code == 200
