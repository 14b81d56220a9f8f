"""Service accounts of a Google that is a server of the test."""

from __future__ import annotations

import json
from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

EMAIL = "dog@kennel.iam.gserviceaccount.com"


@cache
def private_key() -> str:
    """One for all, since it takes a moment to make."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def service_account(token_uri: str) -> str:
    """The JSON key of a service account."""
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "kennel",
            "private_key_id": "1",
            "private_key": private_key(),
            "client_email": EMAIL,
            "token_uri": token_uri,
        }
    )
