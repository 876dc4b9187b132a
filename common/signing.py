"""The deployment's Ed25519 key: it signs certificates, revocation lists and statements.

Signatures are compact JWS (RFC 7515) with alg=EdDSA (RFC 8037) and a key id, so that
standard tools verify them; the algorithm is fixed in code and never read from the token.
"""

import base64
import hashlib
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings


class SignatureInvalid(Exception):
    """The token is malformed, altered, expired, or signed by another key."""


def sign(claims: dict[str, Any]) -> str:
    """A compact JWS over the claims, signed with the newest key."""
    key = _private_key(settings.KEYS_ROOT)
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": _key_id(key.public_key())})


def verify(token: str, *, ignore_times: bool = False) -> dict[str, Any]:
    """The claims of a token that this deployment signed; with `ignore_times` also before and after its term.

    Raises SignatureInvalid.
    """
    key = _private_key(settings.KEYS_ROOT).public_key()
    in_term = not ignore_times
    options: Any = {"verify_aud": False, "verify_exp": in_term, "verify_nbf": in_term, "verify_iat": in_term}
    try:
        return jwt.decode(token, key, algorithms=["EdDSA"], options=options)
    except jwt.InvalidTokenError as error:
        raise SignatureInvalid(str(error)) from error


def public_keys() -> dict[str, Any]:
    """The JSON Web Key Set (RFC 7517) that anybody verifies with, offline."""
    key = _private_key(settings.KEYS_ROOT).public_key()
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {
        "keys": [
            {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": _key_id(key), "x": _encode(raw)},
        ]
    }


def canonical(value: Any) -> bytes:
    """The one JSON spelling that is hashed: sorted names, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: Any) -> str:
    """SHA-256, in hexadecimal, of the canonical form."""
    return hashlib.sha256(canonical(value)).hexdigest()


@lru_cache
def _private_key(folder: Path) -> Ed25519PrivateKey:
    file = folder / "signing.pem"
    if not file.exists():
        _create_key(folder, file)
    key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    return key


def _create_key(folder: Path, file: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    own = folder / f"signing-{os.getpid()}.pem"
    own.touch(mode=0o600)
    own.write_bytes(pem)
    try:
        # Two processes may get here at once: the first link wins, the other one's key is dropped.
        os.link(own, file)
    except FileExistsError:
        pass
    finally:
        own.unlink()


def _key_id(key: Ed25519PublicKey) -> str:
    """RFC 7638 thumbprint."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return _encode(hashlib.sha256(canonical({"crv": "Ed25519", "kty": "OKP", "x": _encode(raw)})).digest())


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
