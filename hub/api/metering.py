"""Counting what a bulk token downloads, by the bytes that leave (docs/reference/fair-use.md)."""

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse

from common.errors import Forbidden
from hub.api.protocol import principal_of
from hub.models import BulkUsage
from hub.services import bulk


def require_metered(request: HttpRequest) -> None:
    """For doors whose bytes leave by links that know no token. Raises Forbidden."""
    if principal_of(request).is_bulk:
        raise Forbidden(
            "A bulk token downloads files by their address only, so that its bytes can be counted.",
            hint="Use /resolve/, as the stock client does by itself; neither Xet, LFS nor git.",
        )


def is_metered(request: HttpRequest) -> bool:
    return principal_of(request).is_bulk


def reserve(request: HttpRequest, size: int) -> BulkUsage:
    """Raises TooManyRequests."""
    token = principal_of(request).token
    assert token is not None
    return bulk.reserve(token, size)


def metered(response: HttpResponse, usage: BulkUsage, blocks: Iterator[bytes], size: int) -> HttpResponse:
    """The answer with these blocks; what of `size` was not sent when it is closed goes back into the budget."""
    meter = _Meter(blocks, usage, size)
    response.streaming_content = meter  # type: ignore[attr-defined]
    response._resource_closers.append(meter.settle)  # type: ignore[attr-defined]  # noqa: SLF001 - what close() calls
    return response


class _Meter:
    def __init__(self, blocks: Iterator[bytes], usage: BulkUsage, size: int) -> None:
        self._blocks = blocks
        self._usage: BulkUsage | None = usage
        self._left = size

    def __iter__(self) -> "_Meter":
        return self

    def __next__(self) -> bytes:
        block = next(self._blocks)
        self._left -= len(block)
        return block

    def settle(self) -> None:
        """Servers may close an answer twice; a budget is settled once."""
        if (close := getattr(self._blocks, "close", None)) is not None:
            close()
        if self._usage is not None:
            bulk.give_back(self._usage, self._left)
            self._usage = None
