"""Certificates: until when they are good, and for whom."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dogctl.errors import DogctlError

if TYPE_CHECKING:
    from cryptography import x509

PORT = 443
SECONDS = 5.0


@dataclass(frozen=True)
class Certificate:
    """The first of a chain, that of the server itself.

    Args:
        hosts: the names it is for.
        issuer: who signed it.
        expires: until when it is good.
    """

    hosts: tuple[str, ...]
    issuer: str
    expires: datetime


def from_pem(chain: bytes) -> Certificate:
    """Raises ValueError if it is none."""
    from cryptography.x509 import load_pem_x509_certificate

    return _read(load_pem_x509_certificate(chain))


def served(host: str, port: int = PORT) -> Certificate:
    """The certificate that a server shows, whether it is trusted or not. Raises DogctlError."""
    from cryptography.x509 import load_der_x509_certificate

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # What is to be told is what it shows; whether the page is trusted is asked elsewhere.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            shown = secure.getpeercert(binary_form=True)
        return _read(load_der_x509_certificate(shown or b""))
    # Names that are none, and certificates that are none.
    except (OSError, ValueError) as error:
        raise DogctlError(
            f"shows no certificate: {getattr(error, 'strerror', None) or error}",
            code="no-certificate",
            where=f"{host}:{port}",
            hint="look at the Ingress, and at the name in the DNS",
        ) from None


def _read(found: x509.Certificate) -> Certificate:
    from cryptography.x509 import DNSName, ExtensionNotFound, SubjectAlternativeName

    try:
        names = found.extensions.get_extension_for_class(SubjectAlternativeName).value
        hosts = tuple(names.get_values_for_type(DNSName))
    except ExtensionNotFound:
        hosts = ()
    return Certificate(hosts, found.issuer.rfc4514_string(), found.not_valid_after_utc)
