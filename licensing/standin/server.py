"""The sockets of the stand-in: HTTP on 127.0.0.1, and connections that break when a fault says so."""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .app import Answer, App, Request

log = logging.getLogger("licensing.standin")

_LARGEST_BODY = 1_000_000
_SILENCE_S = 120


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int) -> None:
        # Loopback only, always: this is no service for other machines.
        super().__init__(("127.0.0.1", port), _Handler)
        self.app: App | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 65
    server_version = "WellspringStripeStandIn/1.0"
    server: Server

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _LARGEST_BODY:
            self.send_error(413)
            return
        request = Request(
            method=self.command.lower(),
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
        )
        assert self.server.app is not None
        answer = self.server.app.answer(request)
        if answer.lost == "timeout_after_acting":
            self._stay_silent()
        elif answer.lost is not None:
            self._reset()
        else:
            self._send(answer)

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - names of http.server

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def _stay_silent(self) -> None:
        """Say nothing until the client gives up."""
        self.connection.settimeout(_SILENCE_S)
        with contextlib.suppress(OSError):
            self.connection.recv(1)
        self.close_connection = True

    def _reset(self) -> None:
        """Close so that the client sees a reset instead of an end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The file objects share the socket; it is closed for real only when they let go of it.
        self.rfile.close()
        self.connection.close()
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - a name of http.server
        log.debug(format, *args)
