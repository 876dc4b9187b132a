"""Refusals: what a service raises when it will not do what was asked.

Each says why and what to do next; the doors translate it into their protocol's form.
"""

from django.utils.functional import Promise


class Refusal(Exception):
    """Base of all refusals. `code` is for programs, `message` and `hint` are for people."""

    status = 400
    code = "invalid"

    def __init__(self, message: str | Promise, *, hint: str | Promise = "", code: str = "", **context: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.code
        self.context = context

    def __str__(self) -> str:
        """What is wrong, and what to do about it: as sentences, also where a message ends without its stop."""
        message, hint = str(self.message), str(self.hint)
        stop = "." if message and hint and not message.endswith((".", "!", "?", "。", "！", "？")) else ""
        return f"{message}{stop} {hint}".strip()


class NotFound(Refusal):
    status = 404
    code = "not_found"


class Forbidden(Refusal):
    status = 403
    code = "forbidden"


class Unauthenticated(Refusal):
    status = 401
    code = "unauthenticated"


class PaymentRequired(Refusal):
    status = 402
    code = "payment_required"


class MethodNotAllowed(Refusal):
    """`allowed`, a list of methods, travels in the context and becomes the Allow header."""

    status = 405
    code = "method_not_allowed"


class Conflict(Refusal):
    status = 409
    code = "conflict"


class Invalid(Refusal):
    status = 400
    code = "invalid"


class TooManyRequests(Refusal):
    """`retry_after` in seconds travels in the context and becomes the Retry-After header."""

    status = 429
    code = "too_many_requests"


class Unavailable(Refusal):
    status = 503
    code = "unavailable"
