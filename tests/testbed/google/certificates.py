"""An authority that signs certificates for keys that it is shown, as trustme does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

HOUR = timedelta(hours=1)


class Authority:
    """An authority of that name; `certificate` is its own, in PEM."""

    def __init__(self, name: str) -> None:
        self._key = rsa.generate_private_key(65537, 2048)
        self._name = named(name)
        own = self._build(self._name, self._key.public_key(), authority=True)
        self.certificate = in_pem(own)

    def sign(self, public_key: str, name: str) -> str:
        """A certificate in PEM for a public key in PEM, whatever its first line calls it."""
        text = public_key.replace(" RSA PUBLIC KEY", " PUBLIC KEY")
        key: Any = serialization.load_pem_public_key(text.encode())
        return in_pem(self._build(named(name), key))

    def issue(self, name: str) -> str:
        """A new private key and a certificate for it, in PEM."""
        key = rsa.generate_private_key(65537, 2048)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return private.decode() + in_pem(self._build(named(name), key.public_key()))

    def _build(
        self, subject: x509.Name, key: rsa.RSAPublicKey, *, authority: bool = False
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - HOUR)
            .not_valid_after(now + HOUR)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )


def named(name: str) -> x509.Name:
    """A subject; 64 characters are allowed."""
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name[:64])])


def in_pem(certificate: x509.Certificate) -> str:
    """As text."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
