"""A chart repository of each kind for `dogctl cleanup charts`, and a project whose chart it has."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from dogctl.chartrepos import gcs, s3
from dogctl.chartrepos.base import ChartRepository
from dogctl.chartrepos.oci import OciCharts
from dogctl.chartrepos.pages import Pages
from dogctl.clouds.google import account
from dogctl.registries.oci_content import OciContent
from dogctl.secrets import Secret
from tests.dogctl.chartrepos.charts import package
from tests.dogctl.conftest import Done, Project
from tests.testbed.aws import REGION, aws
from tests.testbed.git_http import git_server
from tests.testbed.google.resources import BUCKET
from tests.testbed.google.serving import PROJECT, google_alone
from tests.testbed.registries.content import MANIFEST, OCI, Uploader
from tests.testbed.registries.faults import FaultyProxy, faulty
from tests.testbed.registries.registry import RunningRegistry, registry

KINDS = ("s3", "gcs", "pages", "oci")
NAME, FOLDER = "kennel-charts", "stable"
UNUSED = ("--allow-nothing-in-use", "--allow-most")


@dataclass(frozen=True)
class Store:
    """A repository.

    Args:
        url: its address for dogctl, behind the proxy.
        repository: the driver, past the proxy.
        environ: what leads a process to it.
    """

    url: str
    repository: ChartRepository
    environ: Mapping[str, str]
    proxy: FaultyProxy = field(default_factory=FaultyProxy)

    def publish(self, name: str, version: str, days: float, **metadata: Any) -> None:
        """A version that is some days old."""
        made = package(name, version)
        created = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        assert self.repository.publish(
            replace(made, created=created, metadata={**made.metadata, **metadata})
        )

    def versions(self, name: str = "dogs") -> set[str]:
        return {each.version for each in self.repository.listing(name).versions}

    def archives(self, name: str = "dogs") -> set[str]:
        """The files of a chart; in a registry the versions are all there is."""
        if isinstance(self.repository, OciCharts):
            return {f"{name}-{version}.tgz" for version in self.versions(name)}
        return {each.key for each in self.repository.archives(name)}  # type: ignore[attr-defined]


@contextmanager
def store(kind: str) -> Iterator[Store]:
    """An empty one of its own."""
    kinds = {"s3": at_amazon, "gcs": at_google, "pages": in_git, "oci": in_a_registry}
    with kinds[kind]() as made, patch.dict("os.environ", made.environ):
        yield made


@contextmanager
def at_amazon() -> Iterator[Store]:
    with aws() as found, faulty(found.url.removeprefix("http://")) as proxy:
        place = {"LocationConstraint": REGION}
        found.client("s3").create_bucket(Bucket=NAME, CreateBucketConfiguration=place)
        environ = {**found.environ, "AWS_ENDPOINT_URL": f"http://{proxy.host}"}
        yield Store(f"s3://{NAME}/{FOLDER}", s3.repository(NAME, FOLDER, REGION), environ, proxy)


@contextmanager
def at_google() -> Iterator[Store]:
    with google_alone() as found:
        found.resources.create(BUCKET, {"project": PROJECT, "name": NAME})
        key = found.key(found.account("publisher"))
        scopes = ("https://www.googleapis.com/auth/cloud-platform",)
        made = gcs.repository(NAME, FOLDER, partial(account, Secret(key), scopes), PROJECT)
        environ = {**found.environ, "GCP_CREDENTIALS": key, "PROJECT_ID": PROJECT}
        yield Store(f"gs://{NAME}/{FOLDER}", made, environ)


@contextmanager
def in_git() -> Iterator[Store]:
    with git_server() as found, faulty(found.host) as proxy:
        url = found.url.replace(found.host, proxy.host)
        made = Pages("https://team.example/charts", found.url, pause=lambda _: None)
        yield Store(f"git+{url}", made, {}, proxy)


@contextmanager
def in_a_registry() -> Iterator[Store]:
    with registry() as found, faulty(found.host) as proxy:
        made = OciCharts("oci://any", OciContent(found.host), "team/charts")
        yield Store(f"oci://{proxy.host}/team/charts", made, {}, proxy)


class Kennel:
    """A project with the chart `dogs`."""

    def __init__(self, project: Project, store: Store, more: str = "") -> None:
        self.project = project
        self.store = store
        folder = project.root / "charts" / "dogs"
        folder.mkdir(parents=True)
        (folder / "Chart.yaml").write_text("apiVersion: v2\nname: dogs\nversion: 0.0.0\n")
        project.configure(
            f'[tool.dogctl]\nname = "kennel"\nchart-repository = "{store.url}"\n{more}'
        )

    def cleanup(self, *words: str, what: Collection[str] = ("charts",)) -> Done:
        return self.project.dogctl("cleanup", *what, *words, **self.store.environ)


def decisions(data: Mapping[str, Any]) -> dict[str, str | None]:
    """Why each version stays, by its tags; None for what goes."""
    return {
        ",".join(each["tags"]): each["reason"] if each["keep"] else None for each in data["items"]
    }


def filled(project: Project, charts: Store, settings: str = "") -> Kennel:
    """Four images and four versions of a chart, in one registry."""
    host = charts.proxy.host
    found = Kennel(project, charts, f'docker-repo = "{host}/team/app"\n{settings}')
    uploader = Uploader(RunningRegistry(host, Path()), "team/app")
    for number in range(4):
        charts.publish("dogs", f"1.{number}.0", 50 - number)
        created = (datetime.now(UTC) - timedelta(days=50 - number)).isoformat()
        config = uploader.blob(json.dumps({"created": created}).encode())
        body = {"config": {"mediaType": f"{OCI}.config.v1+json", **config}, "layers": []}
        uploader.manifest(f"t{number}", body, MANIFEST)
    return found
