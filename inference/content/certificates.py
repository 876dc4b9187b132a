"""A certificate authority of the deployment's own, and certificates for signing pictures under it.

What C2PA asks of them stands in its specification, "Certificate Profile": X.509 version 3, the signer is no authority,
may sign, and has an extended purpose; e-mail protection is the one that every validator knows.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ALGORITHM = "es256"
ROOT_DAYS, SIGNER_DAYS = 20 * 365, 5 * 365
# Clocks of those who check may be behind.
BEFORE = timedelta(hours=1)


@dataclass(frozen=True)
class Issued:
    """PEM: the certificate and the key that belongs to it."""

    certificate: bytes
    key: bytes


def new_root(site: str) -> Issued:
    """The authority, once for a deployment. `site` is its address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(site, "Wellspring root")
    usage = {"key_cert_sign": True, "crl_sign": True}
    made = (
        _certificate(name, name, key.public_key(), ROOT_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(**usage), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Issued(_pem(made), _pem_of_key(key))


def new_signer(root: Issued, site: str) -> Issued:
    """A key for signing pictures; the certificate is the whole chain, the signer first."""
    authority = x509.load_pem_x509_certificate(root.certificate)
    authority_key = serialization.load_pem_private_key(root.key, password=None)
    assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    made = (
        _certificate(_name(site, "Wellspring pictures"), authority.subject, key.public_key(), SIGNER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    return Issued(_pem(made) + root.certificate, _pem_of_key(key))


def ends(chain: bytes) -> datetime:
    """When the first certificate of a chain ends."""
    return x509.load_pem_x509_certificates(chain)[0].not_valid_after_utc


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BEFORE)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(site: str, common: str) -> x509.Name:
    return x509.Name(
        [
            # At most 64 characters, says X.520.
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, site[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem_of_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
