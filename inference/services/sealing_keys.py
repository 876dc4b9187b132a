"""Keys and certificates that pictures are marked and signed with; made when first needed, renewed by a command."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from inference.content import certificates
from inference.content.certificates import Issued
from inference.content.manifests import CannotSign, Signer

# Names within the folder of the deployment's keys.
WATERMARK, ROOT, SIGNER, FORMER = "watermark.key", "c2pa-root", "c2pa-signer", "c2pa-former.pem"


def watermark_key() -> bytes:
    """Who has it can find, make and remove our marks. It never changes: older pictures would not be known any more."""
    return _made_once(settings.KEYS_ROOT / WATERMARK, lambda: secrets.token_bytes(32))


def signer() -> Signer:
    """The operator's own certificate, or the deployment's. Raises CannotSign."""
    if settings.C2PA_CERTIFICATES:
        try:
            chain, key = Path(settings.C2PA_CERTIFICATES).read_bytes(), Path(settings.C2PA_KEY).read_bytes()
        except OSError as error:
            raise CannotSign(f"The certificate or its key cannot be read: {error}") from error
        return Signer(chain, key, settings.C2PA_ALGORITHM, settings.C2PA_TIMESTAMPS)
    issued = _pair(SIGNER, lambda: certificates.new_signer(_root(), settings.BASE_URL))
    return Signer(issued.certificate, issued.key, certificates.ALGORITHM, settings.C2PA_TIMESTAMPS)


def anchors() -> str:
    """PEM of all that pictures of this deployment were ever signed under."""
    chains = [_root().certificate]
    former = settings.KEYS_ROOT / FORMER
    if former.exists():
        chains.append(former.read_bytes())
    if settings.C2PA_CERTIFICATES:
        chains.append(Path(settings.C2PA_CERTIFICATES).read_bytes())
    return b"".join(chains).decode()


def renew() -> Signer:
    """A new key and certificate under the same authority; what was signed before stays good."""
    issued = certificates.new_signer(_root(), settings.BASE_URL)
    _replace(_file(SIGNER), issued.key + issued.certificate)
    return signer()


def replace_root() -> Signer:
    """A new authority as well; the one before stays trusted."""
    with (settings.KEYS_ROOT / FORMER).open("ab") as former:
        former.write(_root().certificate)
    issued = certificates.new_root(settings.BASE_URL)
    _replace(_file(ROOT), issued.key + issued.certificate)
    return renew()


def _root() -> Issued:
    return _pair(ROOT, lambda: certificates.new_root(settings.BASE_URL))


def _pair(name: str, make: Callable[[], Issued]) -> Issued:
    """Key and certificates in one file, so that they always belong together."""

    def joined() -> bytes:
        issued = make()
        return issued.key + issued.certificate

    content = _made_once(_file(name), joined)
    key, mark, chain = content.partition(b"-----BEGIN CERTIFICATE-----")
    return Issued(mark + chain, key)


def _file(name: str) -> Path:
    return Path(settings.KEYS_ROOT) / f"{name}.pem"


def _made_once(file: Path, make: Callable[[], bytes]) -> bytes:
    if not file.exists():
        part = _written(file, make())
        try:
            # Two processes may get here at once: the first link wins, the other one's is dropped.
            os.link(part, file)
        except FileExistsError:
            pass
        finally:
            part.unlink()
    return file.read_bytes()


def _replace(file: Path, content: bytes) -> None:
    _written(file, content).replace(file)


def _written(file: Path, content: bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = file.with_name(f"{file.name}-{secrets.token_hex(4)}")
    part.touch(mode=0o600)
    part.write_bytes(content)
    return part
