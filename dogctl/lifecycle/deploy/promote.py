"""What runs in one environment, to be deployed to another: the very same image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dogctl.errors import ConfigError
from dogctl.image import ImageRef
from dogctl.lifecycle import record
from dogctl.lifecycle.cluster import connect
from dogctl.lifecycle.history import not_released
from dogctl.lifecycle.record import Result
from dogctl.lifecycle.revisions import deployed, revisions
from dogctl.lifecycle.shipped import image_of
from dogctl.secrets import Remember
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project


@dataclass(frozen=True)
class Promoted:
    """An image with its digest, and what it was built from, if that is noted."""

    image: ImageRef
    commit: str | None


def running_there(
    source: Project, remember: Remember = lambda _: None, runner: Runner = LOCAL
) -> Promoted:
    """What runs in an environment. Raises DogctlError: nothing, or nothing that was verified."""
    cluster = connect(source, remember=remember, runner=runner)
    current = deployed(revisions(cluster))
    if current is None:
        error = not_released(source, cluster)
        error.hint = f"dogctl deploy --env {source.environment}"  # not the one it is to go to
        raise error
    noted = record.read(cluster).get(current.number)
    where = f"{cluster.namespace}/{cluster.release}"
    image = image_of(current)
    if image is None or image.digest is None:
        raise ConfigError(
            f"what runs in {source.environment} came from no registry",
            code="no-digest",
            where=where,
            hint="promote from an environment that pulls its images",
        )
    if noted is None or noted.result is not Result.OK:
        raise ConfigError(
            f"revision {current.number} in {source.environment} was not verified",
            code="not-verified",
            where=where,
            hint=f"dogctl release --env {source.environment} --image {image} does that, or says why"
            " not",
        )
    return Promoted(image, noted.commit)
