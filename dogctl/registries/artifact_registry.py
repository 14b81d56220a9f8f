"""Google's Artifact Registry: its logins. Its images are those of any registry (oci.py).

https://cloud.google.com/artifact-registry/docs/docker/authentication#token
"""

from __future__ import annotations

from dogctl.clouds import google
from dogctl.registries.base import Login
from dogctl.secrets import Secret

USERNAME = "oauth2accesstoken"


def login_with_key(key: Secret) -> Login:
    """A login that is good for an hour, from a service account's key (JSON).

    Raises DogctlError.
    """
    return Login(USERNAME, google.with_key(key).token())


def default_login() -> Login | None:
    """A login from the application-default credentials; None if there are none.

    Raises DogctlError.
    """
    account = google.default_account()
    return Login(USERNAME, account.token()) if account else None
