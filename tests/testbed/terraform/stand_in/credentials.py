"""How hashicorp/google gets a token: from its block, variables, a key file, or the machine.

https://registry.terraform.io/providers/hashicorp/google/6.50.0/docs/guides/provider_reference#authentication
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEYS = ("GOOGLE_CREDENTIALS", "GOOGLE_CLOUD_KEYFILE_JSON", "GCLOUD_KEYFILE_JSON")
APPLICATION = "GOOGLE_APPLICATION_CREDENTIALS"
TOKEN = "GOOGLE_OAUTH_ACCESS_TOKEN"
METADATA = "GCE_METADATA_HOST"
AUDIENCE = "https://container.googleapis.com/"
NONE = (
    "Attempted to load application default credentials since neither `credentials` nor"
    " `access_token` was set in the provider block.  No credentials loaded. To use your gcloud"
    " credentials, run 'gcloud auth application-default login'"
)
HOUR = 3600
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class NoCredentials(Exception):  # noqa: N818  (the provider's own words)
    """Nobody says who asks."""


def authorization(config: dict[str, Any]) -> str:
    """The header for a request. Raises NoCredentials."""
    if token := config.get("access_token") or os.environ.get(TOKEN):
        return f"Bearer {token}"
    if given := key_in(config):
        return f"Bearer {signed(key(given))}"
    if host := os.environ.get(METADATA):
        return f"Bearer {from_machine(host)}"
    raise NoCredentials(NONE)


def access_token(config: dict[str, Any]) -> str:
    """One that clusters take too, as no token is that an account signs itself.

    Raises NoCredentials.
    """
    known = authorization(config).removeprefix("Bearer ")
    given = key_in(config)
    if given is None or config.get("access_token") or os.environ.get(TOKEN):
        return known
    account = key(given)
    url = urlsplit(account["token_uri"])
    form = urlencode({"grant_type": GRANT, "assertion": signed(account, account["token_uri"])})
    connection = http.client.HTTPConnection(url.netloc, timeout=10)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", url.path, form, headers)
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    if "access_token" not in answer:
        raise NoCredentials(f"oauth2: {answer}")
    return str(answer["access_token"])


def key_in(config: dict[str, Any]) -> str | None:
    """A key or the file that it is in, whoever says so."""
    variables = map(os.environ.get, (*KEYS, APPLICATION))
    return config.get("credentials") or next(filter(None, variables), None)


def key(given: str) -> dict[str, Any]:
    """The content of a key file, or the file that it is in. Raises NoCredentials."""
    text = given if given.lstrip().startswith("{") else None
    try:
        found = json.loads(text if text is not None else Path(given).read_text())
    except (OSError, ValueError) as error:
        raise NoCredentials(f"{NONE}: {error}") from error
    return dict(found)


def signed(known: dict[str, Any], audience: str = AUDIENCE) -> str:
    """A token that an account signs itself: https://google.aip.dev/auth/4111"""
    now = int(time.time())
    email = known["client_email"]
    claims = {"iss": email, "sub": email, "aud": audience, "iat": now, "exp": now + HOUR}
    head = {"alg": "RS256", "typ": "JWT", "kid": known["private_key_id"]}
    said = b".".join(packed(json.dumps(part).encode()) for part in (head, claims))
    private = serialization.load_pem_private_key(known["private_key"].encode(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    signature = private.sign(said, padding.PKCS1v15(), hashes.SHA256())
    return b".".join((said, packed(signature))).decode()


def packed(data: bytes) -> bytes:
    """As tokens have it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def from_machine(host: str) -> str:
    """The token that a machine at Google has. Raises NoCredentials."""
    connection = http.client.HTTPConnection(host, timeout=10)
    path = "/computeMetadata/v1/instance/service-accounts/default/token"
    try:
        connection.request("GET", path, headers={"Metadata-Flavor": "Google"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise NoCredentials(NONE)
        return str(json.loads(answer.read())["access_token"])
    except OSError as error:
        raise NoCredentials(NONE) from error
    finally:
        connection.close()
