"""What the SDK raises, as errors of ours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from dogctl.errors import ToolError

INSTALL = "https://docs.docker.com/engine/install/"


@contextmanager
def told() -> Iterator[None]:
    """Turn what the SDK raises into ToolError."""
    from docker.errors import APIError, DockerException
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except APIError as error:
        raise ToolError(
            f"the Docker engine refused: {error.explanation or error}", code="engine-refused"
        ) from error
    except (DockerException, RequestException, HTTPError) as error:
        raise unreachable(error) from error


def unreachable(error: Exception) -> ToolError:
    """The error of an engine that is not there, or that this user may not use."""
    host = os.environ.get("DOCKER_HOST")
    address = host or "the default socket"
    text = str(error)
    if "Permission" in text:
        return ToolError(
            "you may not use the Docker engine",
            code="engine-denied",
            where=address,
            hint="sudo usermod -aG docker $USER, then log in again",
        )
    return ToolError(
        "cannot reach a Docker engine",
        code="engine-unreachable",
        where=address,
        hint=f"start Docker ({INSTALL})" + (", or correct DOCKER_HOST" if host else ""),
        detail=(text.splitlines()[0],) if text else (),
    )


def require_readable_config() -> None:
    """Raise ToolError if the SDK would stumble over the Docker client's configuration."""
    from docker.auth import load_config
    from docker.errors import DockerException

    try:
        load_config()
    except (DockerException, AttributeError, TypeError, ValueError) as error:
        raise ToolError(
            "the Docker client's configuration cannot be read",
            code="docker-config-unreadable",
            where="config.json in $DOCKER_CONFIG or ~/.docker",
            hint="correct it, or docker login again",
            # Its text may quote a login.
            detail=(type(error).__name__,),
        ) from None
