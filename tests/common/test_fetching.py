import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from common import fetching
from common.fetching import FetchFailed, fetch_json


class _Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        bodies = {
            "/good": (200, b'{"a": 1}'),
            "/list": (200, b"[]"),
            "/text": (200, b"hello"),
            "/long": (200, json.dumps({"a": "x" * fetching.LIMIT}).encode()),
            "/missing": (404, b"{}"),
            "/away": (302, b""),
        }
        status, body = bodies[self.path]
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/good")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server():
    found = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{found.server_port}"
    found.shutdown()
    found.server_close()
    thread.join()


def test_an_object_is_read(server):
    assert fetch_json(f"{server}/good") == {"a": 1}


@pytest.mark.parametrize("path", ["/list", "/text", "/long", "/missing", "/away"])
def test_anything_else_is_refused(server, path):
    with pytest.raises(FetchFailed):
        fetch_json(server + path)


def test_without_the_setting_of_tests_neither_http_nor_private_addresses_are_asked(server, settings):
    settings.FETCH_FROM_PRIVATE_ADDRESSES = False
    with pytest.raises(FetchFailed, match="https://"):
        fetch_json(f"{server}/good")
    for host in ("127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "2130706433", "0.0.0.0", "0x7f.1"):
        with pytest.raises(FetchFailed, match=r"not a public address|did not answer"):
            fetch_json(f"https://{host}/good")
    for url in ("ftp://example.org/", "file:///etc/passwd", "https://", "https://user:x@example.org/", "nonsense"):
        with pytest.raises(FetchFailed):
            fetch_json(url)
