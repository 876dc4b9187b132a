"""A convolutional code with soft decisions: each bit becomes three, of which many may be wrong.

Constraint length 7, generators 133, 171, 165 (octal), as in many radio standards; decoded by Viterbi's algorithm.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Signs = NDArray[np.int8]

MEMORY = 6
GENERATORS = (0o133, 0o171, 0o165)


def coded_length(bits: int) -> int:
    """How many signs `encode` makes of so many bits."""
    return (bits + MEMORY) * len(GENERATORS)


def encode(bits: list[int]) -> Signs:
    """Signs, +1 for 0 and -1 for 1. The code ends in its zero state."""
    state, signs = 0, []
    for bit in [*bits, *[0] * MEMORY]:
        signs += _outputs(state, bit)
        state = (state >> 1) | (bit << (MEMORY - 1))
    return np.array(signs, dtype=np.int8)


def decode(soft: Floats, bits: int) -> list[int]:
    """The bits whose signs agree best with `soft`: values of the sign's sign, the larger the surer."""
    previous, signs = _trellis()
    states = previous.shape[0]
    scores = np.full(states, -np.inf)
    scores[0] = 0.0
    came: list[NDArray[np.bool_]] = []
    for values in soft.reshape(-1, len(GENERATORS)):
        candidates = scores[previous] + signs @ values
        second = candidates[:, 1] > candidates[:, 0]
        came.append(second)
        scores = np.where(second, candidates[:, 1], candidates[:, 0])
    state, found = 0, []
    for second in reversed(came):
        found.append(state >> (MEMORY - 1))
        state = int(previous[state, int(second[state])])
    return found[::-1][:bits]


def _outputs(state: int, bit: int) -> list[int]:
    register = (bit << MEMORY) | state
    return [1 - 2 * ((register & generator).bit_count() & 1) for generator in GENERATORS]


@lru_cache
def _trellis() -> tuple[NDArray[np.int64], Floats]:
    """For each state the two it may come from, and the signs sent on the way."""
    states = 1 << MEMORY
    previous = np.zeros((states, 2), dtype=np.int64)
    signs = np.zeros((states, 2, len(GENERATORS)))
    for state in range(states):
        bit = state >> (MEMORY - 1)
        for way in (0, 1):
            before = ((state << 1) & (states - 1)) | way
            previous[state, way] = before
            signs[state, way] = _outputs(before, bit)
    return previous, signs
