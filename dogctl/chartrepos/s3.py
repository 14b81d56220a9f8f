"""A repository in a bucket at Amazon, or at another store that speaks S3."""

from __future__ import annotations

import time

from dogctl.chartrepos.base import Pause
from dogctl.chartrepos.buckets import BucketRepository
from dogctl.clouds.aws_objects import Objects


def repository(
    bucket: str, folder: str, region: str | None, pause: Pause = time.sleep
) -> BucketRepository:
    """The charts in a folder of a bucket, as in base.ChartRepository."""
    url = f"s3://{bucket}/{folder}".rstrip("/")
    return BucketRepository(url, Objects(bucket, region), folder, pause)
