"""ORCID iDs: sixteen digits, the last a check digit (ISO 7064, MOD 11-2)."""

import re

_PATTERN = re.compile(r"\d{4}-\d{4}-\d{4}-\d{3}[\dX]", re.ASCII)


def normalised(text: str) -> str:
    """The iD in its usual form, from itself or its address; empty when it is none."""
    name = text.strip().rstrip("/").rpartition("/")[2].upper().replace("-", "")
    dashed = "-".join(name[start : start + 4] for start in range(0, len(name), 4))
    if not _PATTERN.fullmatch(dashed):
        return ""
    return dashed if _check_digit(name[:-1]) == name[-1] else ""


def _check_digit(digits: str) -> str:
    total = 0
    for digit in digits:
        total = (total + int(digit)) * 2
    result = (12 - total % 11) % 11
    return "X" if result == 10 else str(result)
