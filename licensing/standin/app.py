"""The stand-in without its sockets: who may call, idempotent answers, errors in Stripe's shape."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import logging
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from . import faults, forms, operations, pages, schema
from .control import Control
from .errors import ApiError, NotImitated, RequestRefused, WrongAnswer
from .world import World

log = logging.getLogger("licensing.standin")

_KEYS_LAST_S = 24 * 3_600
# The page loads nothing, and its forms may lead back to the shop wherever that is.
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self' http: https:; "
    "frame-ancestors 'none'; base-uri 'none'"
)


@dataclass(slots=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> str:
        return urlsplit(self.target).query


@dataclass(slots=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    lost: str | None = None  # a fault that loses this answer on its way

    @classmethod
    def json(cls, status: int, value: Any, **headers: str) -> Answer:
        body = json.dumps(value, indent=2).encode()
        return cls(status, body, {"Content-Type": "application/json", **headers})


class App:
    def __init__(
        self,
        world: World,
        planned: faults.Faults,
        control: Control,
        *,
        api_key: str,
        control_key: str | None,
    ) -> None:
        self._world = world
        self._faults = planned
        self._control = control
        self._api_key = api_key
        self._control_key = control_key

    def answer(self, request: Request) -> Answer:
        """Whatever comes, an answer; the stand-in's own mistakes are a loud 500."""
        try:
            host = request.headers.get("host", "").rsplit(":", 1)[0]
            if host not in ("127.0.0.1", "localhost"):
                raise ApiError(421, "The stand-in answers only to 127.0.0.1 and localhost.")
            if request.path.startswith("/v1/") or request.path.startswith("/v2/"):
                return self._api(request)
            if request.path.startswith("/_control/"):
                return self._controls(request)
            if request.path.startswith("/c/pay/"):
                return self._page(request)
            raise ApiError(404, "The stand-in has /v1/…, /c/pay/… and /_control/….")
        except ApiError as error:
            return _refusal(error)
        except WrongAnswer as error:
            log.exception("the stand-in's own answer is wrong")
            return _refusal(_broken(f"The stand-in's answer does not fit Stripe's types: {error}"))
        except Exception as error:
            log.exception("the stand-in failed")
            return _refusal(_broken(f"The stand-in failed: {type(error).__name__}: {error}"))

    # the API

    def _api(self, request: Request) -> Answer:
        planned = self._faults.take(request.method, request.path)
        if planned == "connection_reset":
            return Answer(0, b"", lost=planned)
        refused = faults.refusal(planned) if planned else None
        answer = _refusal(refused) if refused else self._served(request)
        self._world.store.run(
            "INSERT INTO requests (method, path, idempotency_key, status) VALUES (?, ?, ?, ?)",
            (request.method, request.path, request.headers.get("idempotency-key"), answer.status),
        )
        answer.lost = planned if planned in faults.AFTER_ACTING else None
        return answer

    def _served(self, request: Request) -> Answer:
        try:
            self._check_caller(request)
            operation, ids = operations.find(request.method, request.path)
            raw = forms.decode(request.query if request.method == "get" else request.body.decode())
            key = request.headers.get("idempotency-key") if request.method == "post" else None
            with self._world.store.lock:
                return self._once(request, operation, ids, raw, key)
        except ApiError as error:
            return _refusal(error)

    def _check_caller(self, request: Request) -> None:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind == "Basic":
            try:
                given = base64.b64decode(given).decode().split(":")[0]
            except (binascii.Error, ValueError):
                given = ""
        if given.startswith(("sk_live_", "rk_live_")):
            raise ApiError(401, "This is the stand-in: never send it a live key. Use its test key.")
        if not hmac.compare_digest(given.encode(), self._api_key.encode()):
            raise ApiError(401, "Invalid API key. Send the key that the stand-in was started with as a Bearer.")
        version = request.headers.get("stripe-version", schema.API_VERSION)
        if version != schema.API_VERSION:
            raise ApiError(
                400,
                f"The stand-in speaks API version {schema.API_VERSION} only, not {version}.",
                param="Stripe-Version",
            )

    def _once(
        self,
        request: Request,
        operation: schema.Operation,
        ids: dict[str, str],
        raw: dict[str, Any],
        key: str | None,
    ) -> Answer:
        """Serve a request, or repeat the answer that its idempotency key already had."""
        asked = json.dumps([request.method, request.path, raw], sort_keys=True)
        if key is not None:
            earlier = self._earlier(key, asked)
            if earlier is not None:
                return earlier
        request_id = self._world.new_id("req")
        self._world.request_id, self._world.idempotency_key = request_id, key
        headers = {"Request-Id": request_id, "Stripe-Version": schema.API_VERSION}
        try:
            with self._world.store.transaction():
                shown = operations.perform(self._world, operation, ids, raw)
                answer = Answer.json(200, shown, **headers)
                self._remember(key, asked, answer)
        except (RequestRefused, NotImitated):
            raise  # nothing began: the key stays free, as with Stripe
        except ApiError as error:
            answer = _refusal(error)
            answer.headers.update(headers)
            with self._world.store.transaction():
                self._remember(key, asked, answer)
        finally:
            self._world.request_id = self._world.idempotency_key = None
        return answer

    def _earlier(self, key: str, asked: str) -> Answer | None:
        if not 0 < len(key) <= 255:
            raise ApiError(400, "An idempotency key has 1 to 255 characters.")
        oldest = int(self._world.now()) - _KEYS_LAST_S
        self._world.store.run("DELETE FROM idempotency WHERE created < ?", (oldest,))
        rows = self._world.store.run("SELECT * FROM idempotency WHERE key = ?", (key,))
        if not rows:
            return None
        if rows[0]["request"] != asked:
            raise ApiError(
                400,
                f"The idempotency key '{key}' was used with other parameters. Send the same "
                "request again, or use a new key.",
                kind="idempotency_error",
            )
        return Answer(
            rows[0]["status"],
            rows[0]["body"].encode(),
            {"Content-Type": "application/json", "Idempotent-Replayed": "true"},
        )

    def _remember(self, key: str | None, asked: str, answer: Answer) -> None:
        if key is not None:
            self._world.store.run(
                "INSERT INTO idempotency (key, request, status, body, created) VALUES (?, ?, ?, ?, ?)",
                (key, asked, answer.status, answer.body.decode(), int(self._world.now())),
            )

    # the hosted page and the controls

    def _page(self, request: Request) -> Answer:
        session_id = request.path.removeprefix("/c/pay/")
        asked = parse_qs(request.query).get("lang", [None])[0]
        accepted = request.headers.get("accept-language")
        if request.method == "post":
            form = forms.decode(request.body.decode())
            with self._world.store.transaction():
                page = pages.act(self._world, session_id, form, asked=asked, accepted=accepted)
        else:
            with self._world.store.lock:
                page = pages.show(self._world, session_id, asked=asked, accepted=accepted)
        headers = {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": _PAGE_POLICY,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        if page.location:
            headers["Location"] = page.location
        return Answer(page.status, page.html.encode(), headers)

    def _controls(self, request: Request) -> Answer:
        given = request.headers.get("x-control-key", "")
        if self._control_key is None:
            raise ApiError(403, "Controls are off: start the stand-in with a control key.")
        if not hmac.compare_digest(given.encode(), self._control_key.encode()):
            raise ApiError(403, "Send the control key in the header X-Control-Key.")
        name = request.path.removeprefix("/_control/")
        return Answer.json(200, self._control.handle(request.method.upper(), name, request.body))


def _broken(message: str) -> ApiError:
    return ApiError(500, message, kind="api_error", code="standin_broken", may_retry=False)


def _refusal(error: ApiError) -> Answer:
    answer = Answer.json(error.status, error.body())
    if error.may_retry is not None:
        answer.headers["Stripe-Should-Retry"] = "true" if error.may_retry else "false"
    return answer
