"""Buckets to publish charts in: moto's, the test bed's own Google's, and fake-gcs-server's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dogctl.chartrepos import gcs, s3
from dogctl.chartrepos.buckets import BucketRepository
from dogctl.clouds.google import account
from dogctl.secrets import Secret
from tests.testbed.aws import REGION, Aws
from tests.testbed.google.fake_gcs import fake_gcs
from tests.testbed.google.resources import BUCKET
from tests.testbed.google.serving import PROJECT, Google, google_alone

NAME, FOLDER = "kennel-charts", "stable"


@dataclass(frozen=True)
class Store:
    """A bucket, the way to a repository in it, what is there, and how often to edit it."""

    scheme: str
    environ: Mapping[str, str]
    make: Callable[..., BucketRepository]
    content: Callable[[], dict[str, bytes]]
    turns: int

    def repository(self, folder: str = FOLDER, bucket: str = NAME) -> BucketRepository:
        return self.make(bucket, folder)


def at_amazon(found: Aws) -> Store:
    client = found.client("s3")
    for each in client.list_buckets()["Buckets"]:
        for key in client.list_objects_v2(Bucket=each["Name"]).get("Contents", ()):
            client.delete_object(Bucket=each["Name"], Key=key["Key"])
        client.delete_bucket(Bucket=each["Name"])
    client.create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": REGION})

    def content() -> dict[str, bytes]:
        listed = client.list_objects_v2(Bucket=NAME).get("Contents", ())
        return {
            each["Key"]: client.get_object(Bucket=NAME, Key=each["Key"])["Body"].read()
            for each in listed
        }

    return Store("s3", found.environ, partial(s3.repository, region=REGION), content, 334)


@contextmanager
def at_google() -> Iterator[Store]:
    """All of it the test bed's own, which keeps conditions on reads, too."""
    with google_alone() as found:
        found.resources.create(BUCKET, {"project": PROJECT, "name": NAME})

        def content() -> dict[str, bytes]:
            return {name: each.content for (_, name), each in found.storage.objects.items()}

        yield google_store(found, found.environ, content, 40)


@contextmanager
def at_fake_gcs(program: Path) -> Iterator[Store]:
    """What others take for Cloud Storage; the logins are the test bed's."""
    with google_alone() as logins, fake_gcs(program) as found:
        found.create(NAME)
        environ = {**logins.environ, **found.environ}
        yield google_store(logins, environ, partial(found.content, NAME), 334)


def google_store(
    logins: Google, environ: Mapping[str, str], content: Callable[[], dict[str, bytes]], turns: int
) -> Store:
    key = logins.key(logins.account("publisher"))
    who = partial(account, Secret(key), ("https://www.googleapis.com/auth/cloud-platform",))
    make = partial(gcs.repository, account=who, project=PROJECT)
    named = {**environ, "GCP_CREDENTIALS": key, "PROJECT_ID": PROJECT}
    return Store("gs", named, make, content, turns)
