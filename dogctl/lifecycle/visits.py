"""The number that an app counts its visits in, where its checks say so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dogctl.clouds.kubernetes import Object
from dogctl.config.checks import Number
from dogctl.errors import DogctlError
from dogctl.image import ImageRef
from dogctl.lifecycle.smoke_checks import read_number
from dogctl.lifecycle.verify import app_service

if TYPE_CHECKING:
    from dogctl.config.model import Settings
    from dogctl.lifecycle.cluster import Cluster


def visits(
    cluster: Cluster, settings: Settings, manifest: Sequence[Object], image: ImageRef | None
) -> int | None:
    """The app's own number, asked through its service; None if there is none, or no answer."""
    number = counted(settings)
    service = app_service(manifest, image)
    if number is None or number.path is None or service is None:
        return None
    try:
        status, body = cluster.kubernetes.ask_service(cluster.namespace, *service, number.path)
    except DogctlError:
        return None
    return read(number, body) if status == 200 else None


def counted(settings: Settings) -> Number | None:
    """The number that the smoke test counts, where it can be read without adding to it."""
    checks = settings.checks or ()
    return next((each.number for each in checks if each.increases_by and each.number.path), None)


def read(number: Number, body: bytes) -> int | None:
    """The number in an answer; None if it is not there."""
    try:
        return int(read_number(number, body.decode(errors="replace")))
    except ValueError:
        return None
