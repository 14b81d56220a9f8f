"""Which image a project's is: where it lives, and which account may push it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dogctl.errors import ConfigError
from dogctl.image import DOCKER_HUB, ImageRef
from dogctl.registries.base import Login
from dogctl.registries.credentials import Accounts, credentials_for
from dogctl.secrets import Remember

if TYPE_CHECKING:
    from dogctl.config.model import Project


# Hears of every password before it is used, to keep it out of all outputs.
def image_name(project: Project) -> ImageRef:
    """The repository of the project's image, without a tag.

    DOCKER_REPO alone is a repository of DOCKER_USERNAME at Docker Hub, as the CI systems of such
    projects have it; without either it is a local name that cannot be pushed. Raises ConfigError
    if nobody of that name can have a repository.
    """
    settings = project.settings
    repo = settings.docker_repo or settings.name
    user = settings.docker_username
    if "/" in repo or not user:
        return ImageRef.parse(repo)
    try:
        # Docker Hub takes a login in capitals too, but has no repository in them.
        return ImageRef(DOCKER_HUB, f"{user.lower()}/{repo}")
    except ValueError:
        raise ConfigError(
            f"{user!r} has no repositories at Docker Hub",
            code="bad-repository",
            where=project.origins["docker_username"],
            hint="set DOCKER_REPO to the whole name, such as team/app or ghcr.io/team/app",
        ) from None


def shown(image: ImageRef) -> str:
    """The name as people write it: without what Docker adds to it."""
    return str(image).removeprefix(f"{DOCKER_HUB}/").removeprefix("library/")


def is_local(image: ImageRef) -> bool:
    """Whether it names no repository that anybody could push to."""
    return image.registry == DOCKER_HUB and image.repository.startswith("library/")


def accounts(project: Project) -> Accounts:
    """The logins that the settings give; those of Docker are for the image's registry only."""
    settings = project.settings
    user, password = settings.docker_username, settings.docker_password
    return Accounts(
        docker=Login(user, password) if user and password else None,
        docker_registry=image_name(project).registry,
        google=settings.gcp_credentials or settings.gcp_sa_key,
    )


def login_for(project: Project, registry: str, remember: Remember) -> Login | None:
    """The login of the settings for a registry, or else the user's own. Raises DogctlError."""
    found = credentials_for(registry, accounts(project))
    if found is not None:
        remember(found.password)
    return found
