"""A release of a chart that is published in S3, in a real cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dogctl.release_project import ReleaseProject, build
from tests.testbed.aws import REGION, Aws, aws
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.engine import own_engine

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
BUCKET = "kennel-charts"
REPOSITORY = f"s3://{BUCKET}/stable"


@pytest.fixture(scope="module")
def here() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found:
        yield found


@pytest.fixture
def amazon(here: Cluster) -> Iterator[Aws]:
    with aws(here.network) as found:
        with here.network():
            found.client("s3").create_bucket(
                Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
        yield found


def test_a_published_chart_is_released(here: Cluster, amazon: Aws, tmp_path: Path) -> None:
    project = ReleaseProject(tmp_path, here, "published")
    image = build(here, tmp_path, "ok-1")
    publish = ("chart", "publish", f"--repository={REPOSITORY}", "--version=3.2.1", "--json")
    published = project.dogctl(*publish, **amazon.environ)
    assert published.code == 0, published.out + published.err
    release = ("release", "--env=dev", f"--image=:{image.tag}", "--json")
    chart = f"--chart={REPOSITORY}/dogapp@3.2.1"
    done = project.dogctl(*release, chart, **amazon.environ)
    assert done.code == 0, done.out + done.err
    assert done.json["data"]["chart"] == "dogapp-3.2.1"
    again = project.dogctl(*release, chart, **amazon.environ)
    assert (again.code, again.json["data"]["changed"]) == (0, False)
    other = project.dogctl(*release, f"--chart={REPOSITORY}/dogapp@3.3.0", **amazon.environ)
    assert other.json["error"]["code"] == "no-such-chart-version"
