"""Which login for which registry. What the settings say comes first, what a machine has last."""

from __future__ import annotations

import os
from dataclasses import dataclass

from dogctl.image import DOCKER_HUB
from dogctl.registries import artifact_registry, docker_config, ecr, hosts
from dogctl.registries.base import Login
from dogctl.secrets import Secret

# Users that clouds have for whoever brings a key or a token of theirs; they are nobody elsewhere.
# https://cloud.google.com/artifact-registry/docs/docker/authentication
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
CLOUD_USERS = ("_json_key", "_json_key_base64", artifact_registry.USERNAME, "AWS")


@dataclass(frozen=True)
class Accounts:
    """The logins that the settings give.

    Args:
        docker: DOCKER_USERNAME and DOCKER_PASSWORD; a cloud gets them for a user of CLOUD_USERS.
        docker_registry: the one registry they are for; they are sent to no other.
        google: GCP_CREDENTIALS or GCP_SA_KEY, the JSON key of a service account.
    """

    docker: Login | None = None
    docker_registry: str = DOCKER_HUB
    google: Secret | None = None


def credentials_for(registry: str, accounts: Accounts) -> Login | None:
    """The login for a registry as in ImageRef; None if there is none.

    It may ask Google or Amazon for one that lasts hours: ask again rather than keep it. Raises
    DogctlError if there is one that does not work.
    """
    region = hosts.amazon_region(registry)
    cloud = hosts.is_google(registry) or region is not None
    own = accounts.docker if registry == accounts.docker_registry else None
    if own is not None and (not cloud or own.username in CLOUD_USERS):
        return own
    if region is not None:
        return ecr.login(region) or docker_config.login(registry)
    if cloud:
        return _google(registry, accounts)
    return docker_config.login(registry)


def _google(registry: str, accounts: Accounts) -> Login | None:
    if accounts.google is not None:
        return artifact_registry.login_with_key(accounts.google)
    if os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        return artifact_registry.default_login()
    # Away from Google's machines, looking for one of them takes seconds: that comes last.
    return docker_config.login(registry) or artifact_registry.default_login()
