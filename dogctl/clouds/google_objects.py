"""Objects of a bucket at Google that several writers change at once.

https://cloud.google.com/storage/docs/request-preconditions
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from dogctl.clouds.google import Account
from dogctl.clouds.google_storage import TIMEOUT, Bucket

MAKE = "make the bucket, or correct the address of the chart repository"


@dataclass
class Objects:
    """The objects of one bucket; every method raises DogctlError. A mark is a generation.

    Args:
        account: who we are.
        project: whose the bucket is.
    """

    name: str
    account: Callable[[], Account]
    project: str | None

    def read(self, key: str) -> tuple[bytes, str] | None:
        """The content and its mark; None if there is no such object."""
        from google.api_core.exceptions import NotFound, PreconditionFailed

        with self._bucket.refusals(missing=MAKE):
            while True:
                found = self._objects.get_blob(key, timeout=TIMEOUT)
                if found is None:
                    self._bucket.require(key)
                    return None
                try:
                    content = found.download_as_bytes(
                        if_generation_match=found.generation, timeout=TIMEOUT
                    )
                except (NotFound, PreconditionFailed):
                    continue  # it was written between the two questions
                return content, str(found.generation)

    def write(self, key: str, content: bytes, mark: str | None, kind: str, cache: str) -> bool:
        """Write over the object with that mark, or where there is none; else False."""
        from google.api_core.exceptions import PreconditionFailed

        with self._bucket.refusals(missing=MAKE):
            blob = self._objects.blob(key)
            # A public object is else kept for an hour by whoever is on the way to it.
            blob.cache_control = cache
            try:
                blob.upload_from_string(
                    content,
                    content_type=kind,
                    if_generation_match=int(mark or 0),
                    timeout=TIMEOUT,
                )
            except PreconditionFailed:
                return False
        return True

    def listing(self, prefix: str) -> Iterator[tuple[str, int, datetime]]:
        """The keys that begin so, with their bytes, and when they were written."""
        with self._bucket.refusals(missing=MAKE):
            for each in self._bucket.client.list_blobs(self.name, prefix=prefix, timeout=TIMEOUT):
                yield each.name, each.size, each.updated

    def delete(self, keys: Collection[str]) -> None:
        """Delete objects; those that are not there are gone already."""
        from google.api_core.exceptions import NotFound

        with self._bucket.refusals(missing=MAKE):
            for key in keys:
                try:
                    self._objects.blob(key).delete(timeout=TIMEOUT)
                except NotFound:
                    continue

    @cached_property
    def _bucket(self) -> Bucket:
        return Bucket(self.name, self.account, self.project)

    @property
    def _objects(self) -> Any:
        return self._bucket.client.bucket(self.name)
