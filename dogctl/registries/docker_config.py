"""The user's own logins, of `docker login` and of credential helpers. They are only ever read.

https://docs.docker.com/reference/cli/docker/login/#credential-stores
"""

from __future__ import annotations

import warnings

from dogctl.errors import DogctlError
from dogctl.registries.base import IDENTITY_TOKEN, Login
from dogctl.secrets import Secret


def login(registry: str) -> Login | None:
    """What $DOCKER_CONFIG or ~/.docker has for a registry; None if nothing.

    Raises DogctlError for a file that is broken and for a credential helper that fails.
    """
    from docker import auth
    from docker.errors import DockerException

    try:
        with warnings.catch_warnings():
            # A helper that is not installed is an error below, and no line on stderr.
            warnings.simplefilter("ignore")
            found = auth.load_config().resolve_authconfig(registry) or {}
    except (DockerException, ValueError) as error:
        raise DogctlError(
            "the Docker client's own logins cannot be read",
            code="registry-login-unreadable",
            where="config.json in $DOCKER_CONFIG or ~/.docker",
            hint=f"docker login {registry}",
            # Its text may quote what a helper printed.
            detail=(type(error.__cause__ or error).__name__,),
        ) from None
    # Helpers answer with capital letters, the file with small ones.
    entry = {str(name).lower(): value for name, value in found.items()}
    if entry.get("identitytoken"):
        return Login(IDENTITY_TOKEN, Secret(entry["identitytoken"]))
    if entry.get("username") and entry.get("password"):
        return Login(entry["username"], Secret(entry["password"]))
    return None
