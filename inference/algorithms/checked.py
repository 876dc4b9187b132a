"""The number that a watermark carries, with bits that check it, as signs that repair each other."""

import hmac

from inference.algorithms import convolution
from inference.algorithms.convolution import Floats, Signs

MARK_BITS, CHECK_BITS = 32, 16
SIGNS = convolution.coded_length(MARK_BITS + CHECK_BITS)


def signs(mark: int, key: bytes) -> Signs:
    return convolution.encode(_bits(mark, key))


def read(sums: Floats, key: bytes) -> int | None:
    """The mark whose check is right. `sums`: how much there is of each sign."""
    bits = convolution.decode(sums, MARK_BITS + CHECK_BITS)
    mark = int("".join(map(str, bits[:MARK_BITS])), 2)
    return mark if bits == _bits(mark, key) else None


def read_either_way(sums: Floats, key: bytes) -> int | None:
    """The same where all signs may be turned round; the likelier way only, so that chance has one try."""

    def likelihood(way: Floats) -> float:
        return float(way @ convolution.encode(convolution.decode(way, MARK_BITS + CHECK_BITS)))

    return read(max(sums, -sums, key=likelihood), key)


def _bits(mark: int, key: bytes) -> list[int]:
    """The mark and its check, the most significant bit first."""
    check = hmac.digest(key, b"check" + mark.to_bytes(MARK_BITS // 8), "sha256")
    number = mark << CHECK_BITS | int.from_bytes(check[: CHECK_BITS // 8])
    return [number >> place & 1 for place in reversed(range(MARK_BITS + CHECK_BITS))]
