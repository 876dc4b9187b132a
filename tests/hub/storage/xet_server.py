"""A bare HTTP server over the Xet store, for the real client to talk to."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from hub.storage.errors import RangeBeyondEnd, XetError, XetMissing
from hub.storage.xet.cas import XetStore
from hub.storage.xet.reconstruction import Fetch, reconstruct


class Body:
    """The request body: reads no further than its length."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self._file = handler.rfile
        self._left = int(handler.headers.get("Content-Length") or 0)

    def read(self, size: int = -1, /) -> bytes:
        block = self._file.read(min(self._left, size if size >= 0 else self._left))
        self._left -= len(block)
        return block


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> "XetServer":
        return self.server.hub  # type: ignore[attr-defined]

    def log_message(self, *args: object) -> None:
        pass

    def answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def json(self, status: int, value: object) -> None:
        self.answer(status, json.dumps(value).encode())

    def do_POST(self) -> None:
        body = Body(self)
        parts = self.path.strip("/").split("/")
        try:
            if parts[:2] == ["v1", "xorbs"]:
                stored = self.hub.store.put_xorb(parts[3], body)
                self.hub.received["xorb bytes"] += stored.packed_size
                self.hub.received["xorbs"] += 1
                self.json(200, {"was_inserted": stored.inserted})
            elif parts == ["v2", "shards"] and self.hub.versions == 2:
                self.hub.files += self.hub.store.accept_shard(body.read())
                self.hub.received["v2 shards"] += 1
                events = [{"type": "validating", "verified": 1, "total": 1}, {"type": "result"}]
                self.answer(200, "".join(json.dumps(event) + "\n" for event in events).encode(), "application/x-ndjson")
            elif parts == ["v1", "shards"]:
                self.hub.files += self.hub.store.accept_shard(body.read())
                self.json(200, {"result": 1})
            else:
                body.read()
                self.json(404, {"error": "not here"})
        except XetError as error:
            self.hub.errors.append(str(error))
            body.read()
            self.json(400, {"error": str(error)})

    def do_GET(self) -> None:
        parts = self.path.strip("/").split("/")
        store = self.hub.store
        try:
            if parts[1:2] == ["reconstructions"] and int(parts[0][1:]) <= self.hub.versions:
                plan = reconstruct(store, store.file(parts[2]), *self.range())
                self.hub.received[f"{parts[0]} reconstructions"] += 1
                self.json(200, plan.version_2(self.url) if parts[0] == "v2" else plan.version_1(self.url))
            elif parts[:2] == ["v1", "chunks"] and parts[3] in self.hub.dedup:
                self.hub.received["dedup answers"] += 1
                self.answer(200, self.hub.dedup[parts[3]], "application/octet-stream")
            elif parts[0] == "fetch":
                first, last = self.range()
                with store.xorbs.open(parts[1]) as file:
                    file.seek(first)
                    data = file.read((last or 0) + 1 - first)
                self.hub.received["fetched bytes"] += len(data)
                self.answer(206, data, "application/octet-stream")
            else:
                self.json(404, {"error": "not here"})
        except RangeBeyondEnd as error:
            self.json(416, {"error": str(error)})
        except XetMissing as error:
            self.json(404, {"error": str(error)})

    def range(self) -> tuple[int, int | None]:
        text = self.headers.get("Range")
        if text is None:
            return 0, None
        first, _, last = text.removeprefix("bytes=").partition("-")
        return int(first), int(last) if last else None

    def url(self, fetch: Fetch) -> str:
        return f"{self.hub.url}/fetch/{fetch.xorb}/{fetch.first}-{fetch.last}"


class XetServer:
    """The store, what arrived so far, and which protocol versions are spoken."""

    def __init__(self, store: XetStore, versions: int = 2) -> None:
        self.store = store
        self.versions = versions
        self.files: list = []
        self.errors: list[str] = []
        self.received: Counter[str] = Counter()
        self.dedup: dict[str, bytes] = {}
        self.url = ""


@contextmanager
def serving(store: XetStore, versions: int = 2) -> Iterator[XetServer]:
    """Serve a store on a free port of the loopback device."""
    hub = XetServer(store, versions)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.hub = hub  # type: ignore[attr-defined]
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
