import pytest

pytestmark = pytest.mark.django_db


def test_every_answer_carries_the_request_id_of_the_client(client):
    assert client.get("/health", HTTP_X_REQUEST_ID="abc-1")["X-Request-Id"] == "abc-1"
    assert client.get("/health", HTTP_X_AMZN_TRACE_ID="trace-1")["X-Request-Id"] == "trace-1"
    assert len(client.get("/health")["X-Request-Id"]) == 16
    assert client.get("/health", HTTP_X_REQUEST_ID="a b<c>")["X-Request-Id"] == "abc"


def test_a_slash_at_the_end_is_taken_away(client):
    answer = client.get("/login/?next=/x")
    assert (answer.status_code, answer["Location"]) == (301, "/login?next=/x")


def test_a_page_that_is_not_there_says_what_to_do(client):
    answer = client.get("/a/b/c/d/e", HTTP_ACCEPT="text/html")
    assert answer.status_code == 404
    assert "There is nothing at this address." in answer.content.decode()


def test_programs_get_json(client):
    answer = client.get("/api/no-such-thing")
    assert answer.status_code == 404
    assert answer.json()["error"]


def test_pages_forbid_inline_scripts(client):
    assert "script-src 'self';" in client.get("/")["Content-Security-Policy"]


def test_keys_are_public(client):
    key = client.get("/.well-known/jwks.json").json()["keys"][0]
    assert (key["kty"], key["crv"]) == ("OKP", "Ed25519")


@pytest.mark.parametrize("address", ["/a%00b", "/a%00b/c", "/ada/tiny/tree/%00", "/models?q=%00", "/verify?jti=%00"])
def test_a_nul_in_an_address_is_refused_everywhere(client, address):
    for accepted in ("text/html", "application/json"):
        answer = client.get(address, headers={"Accept": accepted})
        assert answer.status_code == 400
        assert "An address cannot hold a NUL character." in answer.content.decode()


def test_a_nul_in_a_body_is_refused_where_it_would_be_looked_up(client):
    answer = client.post("/oauth/token", {"client_id": "a\0", "grant_type": "authorization_code", "code": "x"})

    assert (answer.status_code, answer.json()["error"]) == (400, "A text cannot hold a NUL character.")
