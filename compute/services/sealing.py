"""Secrets of jobs: encrypted at rest, readable by workers only."""

import json

from common import sealing

_PURPOSE = "job secrets"


def seal(secrets: dict[str, str]) -> str:
    """An opaque text; empty when there is nothing to hide."""
    return sealing.seal(json.dumps(secrets), purpose=_PURPOSE) if secrets else ""


def unseal(sealed: str) -> dict[str, str]:
    return json.loads(sealing.unseal(sealed, purpose=_PURPOSE)) if sealed else {}
