"""A bare HTTP server over the smart HTTP functions, for the real git to talk to."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from hub.git import smart_http
from hub.git.refs import RefUpdate
from hub.git.smart_http import Push


class Body:
    """The request body, with a length or in HTTP chunks."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self._file = handler.rfile
        self._chunked = handler.headers.get("Transfer-Encoding") == "chunked"
        self._left = int(handler.headers.get("Content-Length") or 0)

    def read(self, size: int = -1, /) -> bytes:
        if self._chunked and self._left == 0:
            self._left = int(self._file.readline().split(b";")[0], 16)
            if self._left == 0:
                self._chunked = False
        block = self._file.read(min(self._left, size))
        self._left -= len(block)
        if self._chunked and self._left == 0:
            self._file.readline()
        return block


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def log_message(self, *args: object) -> None:
        pass

    def send(self, kind: str, blocks: Iterator[bytes]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        for block in blocks:
            self.wfile.write(block)

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        service = parse_qs(url.query)["service"][0]
        hub = self.server.hub  # type: ignore[attr-defined]
        hub.requests.append((service, self.headers.get("Git-Protocol", "")))
        answer = smart_http.advertise(hub.path, service, protocol=self.headers.get("Git-Protocol", ""))
        self.send(f"application/x-{service}-advertisement", answer)

    def do_POST(self) -> None:
        hub = self.server.hub  # type: ignore[attr-defined]
        service = urlsplit(self.path).path.rsplit("/", 1)[1]
        options = {
            "protocol": self.headers.get("Git-Protocol", ""),
            "gzipped": self.headers.get("Content-Encoding") == "gzip",
        }
        hub.requests.append((service, "gzip" if options["gzipped"] else ""))
        if service == smart_http.UPLOAD_PACK:
            answer = smart_http.upload_pack(hub.path, Body(self), **options)
        else:
            options |= {"check": hub.check, "settled": hub.settled, "max_bytes": hub.max_bytes}
            answer = smart_http.receive_pack(hub.path, Body(self), **options)
        self.send(f"application/x-{service}-result", answer)


class GitServer:
    """One repository on the air, and what happened to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = ""
        self.max_bytes = smart_http.MAX_PUSH
        self.requests: list[tuple[str, str]] = []
        self.pushes: list[list[RefUpdate]] = []
        self.moved: list[list[RefUpdate]] = []
        self.threads: list[int] = []
        self.rule: Callable[[Push], None] | None = None

    def check(self, push: Push) -> None:
        self.threads.append(threading.get_ident())
        self.pushes.append(push.updates)
        if self.rule is not None:
            self.rule(push)

    def settled(self, updates: list[RefUpdate]) -> None:
        assert threading.get_ident() in self.threads
        self.moved.append(updates)


@contextmanager
def serving(path: Path) -> Iterator[GitServer]:
    """Serve one repository on a free port of the loopback device."""
    hub = GitServer(path)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.hub = hub  # type: ignore[attr-defined]
        hub.url = f"http://127.0.0.1:{server.server_address[1]}/repo.git"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
