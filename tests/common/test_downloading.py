"""Files from strangers' servers: redirects, deadlines, lengths, secrets."""

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from common import downloading
from common.downloading import DownloadFailed, get, post
from common.outgoing import AddressRefused

BODY = bytes(range(256)) * 1000


class _Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        if self.path in self.server.places:
            self.send_response(302)
            self.send_header("Location", self.server.places[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        begin = int(self.headers.get("Range", "bytes=0-")[6:].partition("-")[0])
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(BODY) - begin))
        self.send_header("Content-Range", f"bytes {begin}-{len(BODY) - 1}/{len(BODY)}")
        self.end_headers()
        self.wfile.write(BODY[begin:][: 1000 if self.path == "/short" else None])

    def do_POST(self) -> None:
        self.server.asked.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(307 if self.path in self.server.places else 200)
        self.send_header("Location", self.server.places.get(self.path, "/"))
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    server.daemon_threads = True
    server.asked, server.places = [], {}
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def server():
    with serving() as found:
        yield found


def read(url, limit=2**20, seconds=20, **more):
    with get(url, more.pop("headers", {}), seconds=seconds, loopback=True, **more) as answer:
        return answer.read_all(limit)


def test_a_file_arrives_and_a_broken_one_is_taken_up_where_it_broke(server):
    assert read(f"{server.url}/file") == BODY
    with get(f"{server.url}/file", {}, seconds=20, loopback=True) as answer:
        began = answer.read(1000)
    with get(f"{server.url}/file", {"Range": f"bytes={len(began)}-"}, seconds=20, loopback=True) as answer:
        assert (answer.status, answer.headers["content-range"][:9]) == (206, f"bytes {len(began)}-"[:9])
        assert began + answer.read_all(len(BODY)) == BODY


def test_an_answer_that_ends_too_soon_or_is_too_long_is_no_file(server):
    with pytest.raises(DownloadFailed, match="broke off"):
        read(f"{server.url}/short")
    with pytest.raises(DownloadFailed, match="more than 1000 bytes"):
        read(f"{server.url}/file", limit=1000)


def test_redirects_are_followed_but_not_for_ever(server):
    server.places = {"/a": "/b", "/b": "c/d", "/round": "/round"}

    assert read(f"{server.url}/a") == BODY
    assert [path for path, _headers in server.asked] == ["/a", "/b", "/c/d"]
    with pytest.raises(DownloadFailed, match="circles"):
        read(f"{server.url}/round")
    assert len(server.asked) == 3 + downloading.MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    "place",
    ["http://10.0.0.1/x", "http://169.254.169.254/latest", "http://[fd00::1]/", "http://2130706434:22/",
     "file:///etc/passwd", "http://user:word@1.1.1.1/", "//192.168.1.1/x"],
)  # fmt: skip
def test_redirects_into_a_private_network_are_refused(server, place):
    server.places = {"/a": place}

    with pytest.raises(AddressRefused):
        read(f"{server.url}/a")


def test_this_machine_is_refused_unless_it_is_allowed(server):
    for url in (server.url, server.url.replace("127.0.0.1", "localhost")):
        with pytest.raises(AddressRefused), get(url, {}, seconds=5):
            raise AssertionError
    assert server.asked == []


def test_a_secret_goes_to_the_first_server_only(server):
    with serving() as other:
        server.places = {"/a": "/b", "/b": f"{other.url}/file"}
        read(f"{server.url}/a", headers={"X-All": "1"}, secret={"Authorization": "Bearer secret"})

        assert [headers.get("Authorization") for _path, headers in server.asked] == ["Bearer secret"] * 2
        ((_path, headers),) = other.asked
        assert (headers.get("Authorization"), headers["X-All"]) == (None, "1")


def test_a_post_sends_its_body_and_follows_nothing(server):
    server.places = {"/moved": "/elsewhere"}
    for path, status in (("/x", 200), ("/moved", 307)):
        with post(f"{server.url}{path}", b"hello", {}, seconds=5, loopback=True) as answer:
            assert (answer.status, answer.read_all(10)) == (status, b"ok")
    assert server.asked == [("/x", b"hello"), ("/moved", b"hello")]


def test_a_server_that_drips_is_cut_off():
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve():
        connection, _address = listener.accept()
        with connection:
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                while not done.wait(0.05):
                    connection.sendall(b"x")
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        with pytest.raises(DownloadFailed):
            read(f"http://127.0.0.1:{listener.getsockname()[1]}/", seconds=0.5)
    finally:
        done.set()
        thread.join()
        listener.close()


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/", "http://name.invalid/"):
        with pytest.raises(DownloadFailed):
            read(url)
