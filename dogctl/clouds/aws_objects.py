"""Objects of a bucket at Amazon that several writers change at once.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from dogctl.clouds import aws
from dogctl.errors import DogctlError

# The object has changed meanwhile, or changes at this moment, or is not there any more.
LATE = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409", "NoSuchKey", "404")
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
DELETED_AT_ONCE = 1000
MAKE = "make the bucket, or correct the address of the chart repository"


@dataclass(frozen=True)
class Objects:
    """The objects of one bucket; every method raises DogctlError. A mark is an ETag."""

    name: str
    region: str | None

    def read(self, key: str) -> tuple[bytes, str] | None:
        """The content and its mark; None if there is no such object."""
        from botocore.exceptions import ClientError

        with aws.refusals(self._where(key), missing=MAKE):
            try:
                answer = self._client.get_object(Bucket=self.name, Key=key)
            except ClientError as error:
                if aws.code(error) == "NoSuchKey":
                    return None
                raise
            return answer["Body"].read(), answer["ETag"]

    def write(self, key: str, content: bytes, mark: str | None, kind: str, cache: str) -> bool:
        """Write over the object with that mark, or where there is none; else False.

        A store that is not Amazon's may not know the condition, and writes over anything: once it
        has written, it is asked for the same again, which it has to refuse.
        """
        condition = {"IfNoneMatch": "*"} if mark is None else {"IfMatch": mark}
        told = {"ContentType": kind, "CacheControl": cache}
        done = self._put(key, content, **told, **condition)
        if done and not self._is_amazon and self._put(key, content, **told, **condition):
            raise DogctlError(
                "this store writes over what another has written",
                code="no-conditional-writes",
                where=self._where(key),
                hint="take one that knows If-Match and If-None-Match; look into the index for"
                " versions that others published just now",
            )
        return done

    def _put(self, key: str, content: bytes, **told: str) -> bool:
        """Whether that was done; False if the condition is not met."""
        from botocore.exceptions import ClientError

        with aws.refusals(self._where(key), missing=MAKE):
            try:
                self._client.put_object(Bucket=self.name, Key=key, Body=content, **told)
            except ClientError as error:
                if aws.code(error) in LATE:
                    return False
                raise
        return True

    def listing(self, prefix: str) -> Iterator[tuple[str, int, datetime]]:
        """The keys that begin so, with their bytes, and when they were written."""
        with aws.refusals(self._where(prefix), missing=MAKE):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.name, Prefix=prefix):
                for each in page.get("Contents", ()):
                    yield each["Key"], each["Size"], each["LastModified"]

    def delete(self, keys: Collection[str]) -> None:
        """Delete objects; those that are not there are gone already."""
        names = list(keys)
        for start in range(0, len(names), DELETED_AT_ONCE):
            some = [{"Key": name} for name in names[start : start + DELETED_AT_ONCE]]
            with aws.refusals(self._where(""), missing=MAKE):
                answer = self._client.delete_objects(
                    Bucket=self.name, Delete={"Objects": some, "Quiet": True}
                )
            if failed := answer.get("Errors"):
                raise DogctlError(
                    f"Amazon did not delete {len(failed)} objects: {failed[0].get('Message')}",
                    code=aws.FAILED,
                    where=self._where(failed[0].get("Key", "")),
                    hint="run the command again",
                )

    @cached_property
    def _client(self) -> Any:
        return aws.client("s3", self.region)

    @property
    def _is_amazon(self) -> bool:
        host = urlsplit(self._client.meta.endpoint_url).hostname or ""
        return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))

    def _where(self, key: str) -> str:
        return f"s3://{self.name}/{key}"
