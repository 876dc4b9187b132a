"""Secrets of jobs: encrypted at rest with a key derived from the site's own, readable by workers only."""

import base64
import hashlib
import json

from cryptography.fernet import Fernet
from django.conf import settings


def seal(secrets: dict[str, str]) -> str:
    """An opaque text; empty when there is nothing to hide."""
    return _cipher().encrypt(json.dumps(secrets).encode()).decode() if secrets else ""


def unseal(sealed: str) -> dict[str, str]:
    return json.loads(_cipher().decrypt(sealed.encode())) if sealed else {}


def _cipher() -> Fernet:
    key = hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"job secrets").digest()
    return Fernet(base64.urlsafe_b64encode(key))
