"""Quantities as people read them: compute is an integer of GPU-seconds, storage one of bytes."""

import math

from django.utils.translation import gettext as _


def format_gpu_seconds(seconds: int) -> str:
    """`2 h 05 min`, `1 h 06 min 40 s`, `41 s`: exact, without seconds that are none in whole minutes of hours."""
    sign = "-" if seconds < 0 else ""
    seconds = abs(seconds)
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    if hours and rest:
        words = _("%(hours)s h %(minutes)02d min %(seconds)02d s")
        return sign + words % {"hours": f"{hours:,}", "minutes": minutes, "seconds": rest}
    if hours:
        return sign + _("%(hours)s h %(minutes)02d min") % {"hours": f"{hours:,}", "minutes": minutes}
    if minutes:
        return sign + _("%(minutes)d min %(seconds)02d s") % {"minutes": minutes, "seconds": rest}
    return sign + _("%(seconds)d s") % {"seconds": rest}


def format_count(number: int) -> str:
    """Three digits and a letter: `7.24 B`, `980 K`; small numbers as they are."""
    if number < 1000:
        return str(number)
    value = float(number)
    for unit in ("", "K", "M", "B", "T"):
        value = float(f"{value:.3g}")
        if value < 1000 or unit == "T":
            return f"{value:.{max(0, 2 - int(math.log10(value)))}f} {unit}"
        value /= 1000
    raise AssertionError


def format_bytes(size: int) -> str:
    """Decimal units, as the Hub shows them: `1.5 MB`."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(value) < 1000 or unit == "TB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError
