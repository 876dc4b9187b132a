"""The Stripe stand-in for tests of any room: a real process, and an inbox for its webhooks.

    @pytest.fixture
    def stripe(tmp_path):
        with running(tmp_path) as (standin, inbox): ...

Rooms whose own site receives the webhooks start `licensing.standin.process.start` with its address.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from licensing.gateway import Gateway, LineItem
from licensing.standin import process


@dataclass(frozen=True)
class Letter:
    payload: bytes
    signature: str


class Inbox(ThreadingHTTPServer):
    """Takes webhooks and keeps them; answers with the statuses planned in `answers`, then 200."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.letters: list[Letter] = []
        self.answers: list[int] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/webhooks"


class _Handler(BaseHTTPRequestHandler):
    server: Inbox

    def do_POST(self) -> None:
        payload = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.letters.append(Letter(payload, self.headers["Stripe-Signature"]))
            status = self.server.answers.pop(0) if self.server.answers else 200
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def open_inbox() -> Iterator[Inbox]:
    inbox = Inbox()
    thread = threading.Thread(target=inbox.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield inbox
    finally:
        inbox.shutdown()
        inbox.server_close()
        thread.join()


@contextmanager
def running(folder: Path) -> Iterator[tuple[process.StandIn, Inbox]]:
    """A stand-in with its state in `folder`, and the inbox that its webhooks go to."""
    with open_inbox() as inbox:
        standin = process.start(state=folder / "stripe.sqlite3", webhook_url=inbox.url, log=folder / "standin.log")
        try:
            yield standin, inbox
        finally:
            standin.stop()


def gateway_to(standin: process.StandIn, **options: float) -> Gateway:
    return Gateway(standin.api_key, standin.webhook_secret, standin.url, **options)


def checkout(gateway: Gateway, key: str = "order-1", *, amount: int = 4900, **fields: object):
    """A checkout of one licence; `key` is the reference and the idempotency key."""
    defaults = {
        "customer_email": "buyer@example.org",
        "items": [LineItem("Commercial licence", amount, "usd")],
        "success_url": "http://127.0.0.1:8000/done?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:8000/cancelled",
        "idempotency_key": key,
    }
    return gateway.create_checkout(key, **{**defaults, **fields})
