"""From measured time to GPU-seconds. Integers only; the holder never pays above the reservation."""


def reservation(*, timeout_seconds: int, rate: int) -> int:
    """What a job may cost at most: its time limit times the GPU-seconds a second costs."""
    return timeout_seconds * rate


def charge(*, milliseconds: int, rate: int) -> int:
    """GPU-seconds for a measured time; a begun GPU-second counts."""
    return -(-milliseconds * rate // 1000)


def settlement(*, charges: list[int], reserved: int) -> int:
    """What a job pays in the end: its charged attempts, at most what was reserved for it."""
    return min(sum(charges), reserved)


def notices_due(*, used: int, granted: int, notified: int, levels: tuple[int, ...]) -> list[int]:
    """The levels (percent of the grant used) that are reached and were not told before."""
    return [level for level in levels if notified < level and used * 100 >= level * granted]
