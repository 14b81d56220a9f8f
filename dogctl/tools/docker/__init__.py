"""The Docker engine's API, over the docker SDK."""

from dogctl.tools.docker.container import PROJECT, SERVICE, Container
from dogctl.tools.docker.engine import PULL_REFUSED, PUSH_REFUSED, Docker
from dogctl.tools.docker.image import Image, Layer

__all__ = [
    "PROJECT",
    "PULL_REFUSED",
    "PUSH_REFUSED",
    "SERVICE",
    "Container",
    "Docker",
    "Image",
    "Layer",
]
