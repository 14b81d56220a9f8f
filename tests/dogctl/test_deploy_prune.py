"""A deploy that publishes the chart, and prunes what is old, on a real registry and cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dogctl.chartrepos.oci import OciCharts
from dogctl.registries.oci_content import OciContent
from tests.dogctl.chartrepos.charts import package
from tests.dogctl.deploy_project import DeployProject
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.engine import own_engine
from tests.testbed.registries.content import MANIFEST, OCI, Uploader
from tests.testbed.registries.faults import FaultyProxy, faulty
from tests.testbed.registries.registry import RunningRegistry

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
OLD = (datetime.now(UTC) - timedelta(days=60)).isoformat()


@pytest.fixture(scope="module")
def here() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found:
        yield found


@pytest.fixture
def proxy(here: Cluster) -> Iterator[FaultyProxy]:
    with faulty(str(here.engine.registry), here.engine.network) as found:
        yield found


class Shop:
    """A project whose chart goes to a registry behind a proxy, with one old image and chart."""

    def __init__(self, root: Path, here: Cluster, proxy: FaultyProxy, name: str) -> None:
        self.project = DeployProject(root, here, name)
        self.url = f"oci://{proxy.host}/{name}-charts"
        settings = (root / "pyproject.toml").read_text()
        more = f'chart-repository = "{self.url}"\npublish-chart = true\nprune-keep = 1\n'
        self.project.configure(settings.replace("[tool.dogctl]\n", f"[tool.dogctl]\n{more}", 1))
        self.project.commit("publish and prune")
        self.network = here.engine.network
        registry = str(here.engine.registry)
        self.charts = OciCharts(self.url, OciContent(registry), f"{name}-charts")
        with self.network():
            self.charts.publish(replace(package("dogapp", "0.1.0"), created=OLD))
            uploader = Uploader(RunningRegistry(registry, Path()), f"team/{name}")
            config = uploader.blob(json.dumps({"created": OLD}).encode())
            described = {"mediaType": f"{OCI}.config.v1+json", **config}
            uploader.manifest("old", {"config": described, "layers": []}, MANIFEST)

    def versions(self) -> set[str]:
        with self.network():
            return {each.version for each in self.charts.listing("dogapp").versions}


def test_it_publishes_first_and_prunes_at_last(
    here: Cluster, proxy: FaultyProxy, tmp_path: Path
) -> None:
    shop = Shop(tmp_path, here, proxy, "pruned")
    preview = shop.project.dogctl("deploy", "--env", "dev", "--dry-run")
    assert f"to {shop.url}" in preview.out
    assert "prune images and charts beyond the newest 1" in " ".join(preview.out.split())
    first = shop.project.deploy()
    assert first["warnings"] == []
    assert first["published"]["published"]
    version = first["published"]["version"]
    assert shop.versions() == {version}
    assert [each["tags"] for each in first["pruned"]["images"]["items"] if not each["keep"]] == [
        ["old"]
    ]
    assert len(first["pruned"]["images"]["deleted"]) == 1
    assert len(first["pruned"]["charts"]["deleted"]) == 1
    again = shop.project.deploy()
    assert not again["changed"]
    assert (again["pruned"], again["warnings"]) == ({}, [])


def test_what_cannot_be_pruned_is_a_warning(
    here: Cluster, proxy: FaultyProxy, tmp_path: Path
) -> None:
    shop = Shop(tmp_path, here, proxy, "stuck")
    proxy.fail(99, method="DELETE", status=405)
    done = shop.project.dogctl("deploy", "--env", "dev")
    assert done.code == 0, done.err
    assert "warning: not everything was pruned" in done.out
    assert len(shop.versions()) == 2
    # One that cannot be told at all neither.
    proxy.fail(99, path=".*/tags/list", status=404)
    done = shop.project.dogctl("deploy", "--env", "dev", "--skip", "publish", "--json")
    assert done.code == 0, done.err
    assert done.json["data"]["warnings"]
    assert "published" not in done.json["data"]


def test_a_chart_that_cannot_be_published_stops_before_the_release(
    here: Cluster, proxy: FaultyProxy, tmp_path: Path
) -> None:
    shop = Shop(tmp_path, here, proxy, "unpublished")
    proxy.fail(99, method="PUT", status=403)
    done = shop.project.dogctl("deploy", "--env", "dev")
    assert done.code == 1
    assert shop.project.kubectl("get", "deployments", "--output=name") == ""


def test_what_is_published_and_pruned_is_approved_too(
    here: Cluster, proxy: FaultyProxy, tmp_path: Path
) -> None:
    shop = Shop(tmp_path, here, proxy, "held")
    planned = shop.project.deploy("--plan-out", ".dogctl/plan.json", env="prod")
    assert shop.versions() == {"0.1.0"}
    assert (
        "prune: images and charts beyond the newest 1 that are in use nowhere" in planned["changes"]
    )
    assert any(each.startswith("publish: dogapp ") for each in planned["changes"])
    words = ("--approve", ".dogctl/plan.json", "--sha256", planned["sha256"])
    elsewhere = {"CHART_REPOSITORY": "oci://127.0.0.1:1/charts"}
    refused = shop.project.dogctl("deploy", "--env", "prod", *words, **elsewhere)
    assert refused.code == 2
    assert "what is published: approved" in refused.err
    done = shop.project.deploy(*words, env="prod")
    assert done["published"]["published"]
    assert shop.versions() == {done["published"]["version"]}
