"""The number that an app counts its visits in, where its checks say so."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dogctl.clouds.kubernetes import Object
from dogctl.config.checks import Number
from dogctl.errors import DogctlError
from dogctl.image import ImageRef
from dogctl.lifecycle.verify import app_service

if TYPE_CHECKING:
    from dogctl.config.model import Settings
    from dogctl.lifecycle.cluster import Cluster


def visits(
    cluster: Cluster, settings: Settings, manifest: Sequence[Object], image: ImageRef | None
) -> int | None:
    """The app's own number, asked through its service; None if there is none, or no answer."""
    number = next(
        (c.number for c in settings.checks or () if c.increases_by and c.number.path), None
    )
    service = app_service(manifest, image)
    if number is None or number.path is None or service is None:
        return None
    try:
        status, body = cluster.kubernetes.ask_service(cluster.namespace, *service, number.path)
    except DogctlError:
        return None
    return read(number, body) if status == 200 else None


def read(number: Number, body: bytes) -> int | None:
    """The number in an answer; None if it is not there."""
    text = body.decode(errors="replace")
    try:
        if number.json:
            value = json.loads(text)
            for key in number.json.split("."):
                value = value[key]
            return int(value)
        if number.text:
            found = re.search(number.text, text, re.MULTILINE)
            return int(float(found[1])) if found else None
        return int(text)
    except (ValueError, KeyError, TypeError, IndexError):
        return None
