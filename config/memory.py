"""Memory that a process of many threads gives back after a large request (docs/decisions/070)."""

import ctypes

# The names and numbers of glibc's malloc.h; other C libraries have no such function, and need none.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
# Bytes. Transfers go through blocks of one MiB, and would pay for fresh pages with each if these counted as large.
_LARGE = 4 * 1024 * 1024


def give_back() -> None:
    """Call before threads begin; for processes that wait for requests rather than compute."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(_ARENA_MAX, 1)
    mallopt(_TRIM_THRESHOLD, _LARGE)
    mallopt(_MMAP_THRESHOLD, _LARGE)
