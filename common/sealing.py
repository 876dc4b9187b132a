"""Secrets that have to be told again, so that a hash will not do: encrypted by a key that comes of the site's own."""

import base64
import hashlib

from cryptography.fernet import Fernet
from django.conf import settings


def seal(text: str, *, purpose: str) -> str:
    """An opaque text; empty when there is nothing to hide. `purpose` has up to 16 bytes and parts the keys."""
    return _cipher(purpose).encrypt(text.encode()).decode() if text else ""


def unseal(sealed: str, *, purpose: str) -> str:
    return _cipher(purpose).decrypt(sealed.encode()).decode() if sealed else ""


def _cipher(purpose: str) -> Fernet:
    key = hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=purpose.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
