"""A repository in a bucket at Google."""

from __future__ import annotations

import time
from collections.abc import Callable

from dogctl.chartrepos.base import Pause
from dogctl.chartrepos.buckets import BucketRepository
from dogctl.clouds.google import Account
from dogctl.clouds.google_objects import Objects


def repository(
    bucket: str,
    folder: str,
    account: Callable[[], Account],
    project: str | None,
    pause: Pause = time.sleep,
) -> BucketRepository:
    """The charts in a folder of a bucket, as in base.ChartRepository."""
    url = f"gs://{bucket}/{folder}".rstrip("/")
    return BucketRepository(url, Objects(bucket, account, project), folder, pause)
