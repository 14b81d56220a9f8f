"""Under which names an image goes to a registry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dogctl.errors import ConfigError
from dogctl.image import ImageRef
from dogctl.lifecycle.image import image_name, is_local
from dogctl.lifecycle.source import read_source
from dogctl.lifecycle.tags import image_tags
from dogctl.lifecycle.version import is_release
from dogctl.tools.runner import Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project


@dataclass(frozen=True)
class Names:
    """The names of one version of an image.

    Args:
        version: the one with the full version.
        candidate: the one under which it is pushed before it is known to be good: that of its
            commit, or of its version where it is made of no commit alone.
        release: the tags that make a release of the candidate.
        released: whether the version was given by somebody, and so means one image for ever.
    """

    version: ImageRef
    candidate: ImageRef
    release: tuple[str, ...]
    released: bool = False


def push_names(project: Project, tags: Iterable[str], runner: Runner) -> Names:
    """What the project as it stands is called, and with these tags too.

    Raises ConfigError: there is no repository, or one of them is no tag.
    """
    repository = image_name(project)
    if is_local(repository):
        raise ConfigError(
            f"there is no repository to push {project.settings.name} to",
            code="no-repository",
            where="DOCKER_REPO",
            hint="set DOCKER_REPO, such as ghcr.io/team/app; with DOCKER_USERNAME alone it is that"
            " user's repository at Docker Hub",
        )
    source = read_source(project, runner)
    version, *others = image_tags(project, source)
    candidate = repository.tagged(source.short) if source.short else version
    release = dict.fromkeys((version, *others, *(_tagged(repository, tag) for tag in tags)))
    tagged = tuple(str(ref.tag) for ref in release if ref != candidate)
    return Names(version, candidate, tagged, is_release(source.version))


def _tagged(repository: ImageRef, tag: str) -> ImageRef:
    try:
        return repository.tagged(tag)
    except ValueError as error:
        raise ConfigError(
            str(error), code="bad-tag", where="--tag", hint="dogctl push --help"
        ) from None
