"""Refusals in the shape of Stripe's API (https://docs.stripe.com/api/errors)."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A refusal that travels to the client as `{"error": {...}}` with its HTTP status."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        decline_code: str | None = None,
        may_retry: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = kind
        self.code = code
        self.param = param
        self.decline_code = decline_code
        self.may_retry = may_retry

    def body(self) -> dict[str, Any]:
        fields = {
            "code": self.code,
            "decline_code": self.decline_code,
            "message": self.message,
            "param": self.param,
            "type": self.type,
        }
        return {"error": {name: value for name, value in fields.items() if value is not None}}


class RequestRefused(ApiError):
    """The parameters do not fit; nothing was done, so no idempotent answer is kept."""

    def __init__(self, message: str, *, code: str, param: str) -> None:
        super().__init__(400, message, code=code, param=param)


class NotImitated(ApiError):
    """Real Stripe may do this; the stand-in does not, and says so instead of guessing."""

    def __init__(self, what: str) -> None:
        super().__init__(
            501,
            f"The Stripe stand-in does not imitate {what}. Use what "
            "docs/reference/stripe-standin.md lists, or teach the stand-in this.",
            kind="api_error",
            code="not_imitated",
            may_retry=False,
        )


class WrongAnswer(Exception):
    """The stand-in is about to send something Stripe's own types do not allow: a bug in it."""


def missing(kind: str, object_id: str, *, param: str = "id") -> ApiError:
    return ApiError(
        404,
        f"No such {kind}: '{object_id}'. Check the id, and that it was made with this stand-in's data.",
        code="resource_missing",
        param=param,
    )
