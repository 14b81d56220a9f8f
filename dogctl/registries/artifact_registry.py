"""Google's Artifact Registry: its logins. Its images are those of any registry (oci.py).

https://cloud.google.com/artifact-registry/docs/docker/authentication#token
"""

from __future__ import annotations

import json
from typing import Any

from dogctl.errors import DogctlError
from dogctl.registries.base import Login
from dogctl.secrets import Secret

USERNAME = "oauth2accesstoken"
SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


def login_with_key(key: Secret) -> Login:
    """A login that is good for an hour, from a service account's key (JSON).

    Raises DogctlError.
    """
    from google.auth.exceptions import GoogleAuthError
    from google.oauth2.service_account import Credentials

    try:
        found = Credentials.from_service_account_info(json.loads(key.reveal()), scopes=SCOPES)
    except (ValueError, TypeError, AttributeError, GoogleAuthError):
        # The cause may quote the key.
        raise DogctlError(
            "this is no key of a service account",
            code="registry-bad-key",
            where="GCP_CREDENTIALS",
            hint="set it to the JSON that Google gave when the key was created",
        ) from None
    return _login(found, "the service account in GCP_CREDENTIALS")


def default_login() -> Login | None:
    """A login from the application-default credentials; None if there are none.

    They are a file or, on Google's machines, the machine's own:
    https://cloud.google.com/docs/authentication/application-default-credentials
    Raises DogctlError.
    """
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    try:
        found, _ = google.auth.default(scopes=SCOPES)
    except DefaultCredentialsError:
        return None
    return _login(found, "the application-default credentials")


def _login(credentials: Any, whose: str) -> Login:
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import Request

    try:
        credentials.refresh(Request())
    except GoogleAuthError as error:
        raise DogctlError(
            f"Google gives no access token for {whose}",
            code="registry-login-refused",
            hint="gcloud auth application-default login",
            detail=(type(error).__name__,),
        ) from error
    return Login(USERNAME, Secret(credentials.token))
