"""Under which names an image goes to a registry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dogctl import own_version
from dogctl.errors import ConfigError
from dogctl.image import Digest, ImageRef
from dogctl.lifecycle.image import image_name, is_local
from dogctl.lifecycle.version import Source, newest_tag, project_source
from dogctl.tools.docker import Image
from dogctl.tools.runner import Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

_SHORT_SHA = 7
_SHA = re.compile(r"[0-9a-f]{7,40}")


@dataclass(frozen=True)
class Names:
    """The tags of one version of an image.

    Args:
        version: the tag with the full version.
        candidate: the tag under which it is pushed before it is known to be good.
    """

    version: ImageRef
    candidate: ImageRef

    def release(self, others: Iterable[str]) -> tuple[str, ...]:
        """The tags that make a release of the candidate: the version, and `others`."""
        tags = dict.fromkeys((str(self.version.tag), *others))
        return tuple(tag for tag in tags if tag != self.candidate.tag)


def names(project: Project, runner: Runner) -> Names:
    """What the project as it stands is called. Raises ConfigError if it is called nothing."""
    repository = image_name(project)
    if is_local(repository):
        raise ConfigError(
            f"there is no repository to push {project.settings.name} to",
            code="no-repository",
            where="DOCKER_REPO",
            hint="set DOCKER_REPO, such as ghcr.io/team/app; DOCKER_USERNAME alone makes it a"
            " repository of that user at Docker Hub",
        )
    source = Source(own_version()) if project.bundled else project_source(project.root, runner)
    return tags_of(repository, source)


def tags_of(repository: ImageRef, source: Source) -> Names:
    """A commit is a candidate by its short hash; what is no commit, by its version."""
    version = repository.tagged(source.version.replace("+", "_"))
    candidate = repository.tagged(source.commit[:_SHORT_SHA]) if source.commit else version
    return Names(version, candidate)


def extra_tags(repository: ImageRef, image: Image) -> tuple[str, ...]:
    """The local tags that an image has in a repository on top of versions and hashes.

    Other versions are left out: an unchanged image keeps the names of all of them, and what they
    mean in the registry was decided when they were pushed.
    """
    local = (ImageRef.parse(name) for name in image.names)
    tags = [str(ref.tag) for ref in local if ref.name == repository.name]
    return tuple(tag for tag in tags if not newest_tag([tag]) and not _SHA.fullmatch(tag))


def known_digests(repository: ImageRef, image: Image) -> Sequence[Digest]:
    """What a local image is known as in the registry's repository, since it was pushed there."""
    local = (ImageRef.parse(name) for name in image.digests)
    return [ref.digest for ref in local if ref.name == repository.name and ref.digest]
