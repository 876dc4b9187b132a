"""Compute is an integer of GPU-seconds."""


def format_gpu_seconds(seconds: int) -> str:
    """`2 h 05 min`, `41 s`: the two largest units, exact to the smaller."""
    sign = "-" if seconds < 0 else ""
    seconds = abs(seconds)
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{sign}{hours:,} h {minutes:02d} min"
    if minutes:
        return f"{sign}{minutes} min {rest:02d} s"
    return f"{sign}{rest} s"
