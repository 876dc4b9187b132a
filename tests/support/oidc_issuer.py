"""A small OpenID Connect issuer of a test's own: it signs identities of builds, and stands in for ORCID.

with running() as issuer:
    issuer.sign({"aud": ..., "repository": ...})
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID, CLIENT_SECRET = "APP-TEST", "secret-of-test"


class Issuer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.subject = "0000-0002-1825-0097"
        self.says_issuer = self.url
        self.asked: list[str] = []
        self.nonces: dict[str, str] = {}
        self.serial = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def sign(self, claims: dict[str, object], *, key: object = None, algorithm: str = "RS256", kid: str = "k1") -> str:
        """An identity as build services sign them; `claims` override what is usual."""
        self.serial += 1
        now = int(time.time())
        usual = {"iss": self.url, "iat": now, "nbf": now, "exp": now + 600, "jti": f"j{self.serial}"}
        kept = {name: value for name, value in (usual | claims).items() if value is not None}
        return jwt.encode(kept, key or self.key, algorithm=algorithm, headers={"kid": kid})

    def jwks(self) -> dict[str, object]:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [public | {"kid": "k1", "use": "sig", "alg": "RS256"}]}


class _Handler(BaseHTTPRequestHandler):
    server: Issuer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.server.asked.append(parts.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        base = self.server.url
        if parts.path == "/.well-known/openid-configuration":
            self._answer(
                {
                    "issuer": self.server.says_issuer,
                    "jwks_uri": f"{base}/jwks",
                    "authorization_endpoint": f"{base}/authorize",
                    "token_endpoint": f"{base}/token",
                    "id_token_signing_alg_values_supported": ["RS256"],
                }
            )
        elif parts.path == "/jwks":
            self._answer(self.server.jwks())
        elif parts.path == "/authorize":
            self.server.nonces["c1"] = asked.get("nonce", "")
            self.send_response(302)
            self.send_header(
                "Location", asked["redirect_uri"] + "?" + urlencode({"code": "c1", "state": asked["state"]})
            )
            self.end_headers()
        elif parts.path == "/token-for-build":
            given = self.headers.get("Authorization") == "Bearer runner"
            claims = {"aud": asked.get("audience"), "repository": "ada/training", "environment": "release"}
            self._answer({"value": self.server.sign(claims)} if given else {}, 200 if given else 401)
        else:
            self._answer({}, 404)

    def do_POST(self) -> None:
        fields = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if self.path != "/token" or fields.get("code") != ["c1"]:
            self._answer({"error": "invalid_grant"}, 400)
            return
        claims = {"aud": CLIENT_ID, "sub": self.server.subject, "nonce": self.server.nonces.get("c1")}
        self._answer({"access_token": "a", "token_type": "bearer", "id_token": self.server.sign(claims)})

    def _answer(self, body: dict[str, object], status: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def running() -> Iterator[Issuer]:
    issuer = Issuer()
    thread = threading.Thread(target=issuer.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        issuer.shutdown()
        issuer.server_close()
        thread.join()
