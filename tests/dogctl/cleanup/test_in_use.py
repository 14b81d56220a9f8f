"""What is in use, in a real cluster: what `dogctl cleanup images` deletes, and what it keeps."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dogctl.chartrepos.oci import OciCharts
from dogctl.clouds.kubeconfig import find, make
from dogctl.clouds.kubernetes import Kubernetes
from dogctl.image import Digest, ImageRef
from dogctl.lifecycle.cleanup.in_use import scan_cluster
from dogctl.lifecycle.cleanup.references import References
from dogctl.registries.oci_content import OciContent
from tests.conftest import REPOSITORY
from tests.dogctl.chartrepos.charts import package
from tests.dogctl.conftest import Done
from tests.dogctl.release_project import ReleaseProject, build
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.engine import own_engine
from tests.testbed.registries.content import Uploader
from tests.testbed.registries.registry import RunningRegistry

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
# The newest first: an hour or a day old images stay anyhow.
DAYS = {"one-1": 60, "two-1": 50, "three-1": 40, "four-1": 30, "five-1": 20, "six-1": 10}
BROKEN = """
apiVersion: v1
kind: Secret
metadata: {name: sh.helm.release.v1.other.v1, labels: {owner: helm, name: other, version: "1"}}
type: helm.sh/release.v1
stringData: {release: "no release"}
"""


@pytest.fixture(scope="module")
def here() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found:
        yield found


@pytest.fixture
def project(here: Cluster, tmp_path: Path) -> ReleaseProject:
    found = ReleaseProject(tmp_path, here, "tiny")
    for name, days in DAYS.items():
        age(here, build(here, tmp_path, name), days)
    return found


def age(here: Cluster, ref: ImageRef, days: int) -> None:
    """Let an image be some days old, under the same tag."""
    with here.engine.network():
        uploader = Uploader(RunningRegistry(ref.registry, Path()), ref.repository)
        found = uploader.session.get(f"{uploader.base}/manifests/{ref.tag}").json()
        place = f"{uploader.base}/blobs/{found['config']['digest']}"
        created = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        config = {**uploader.session.get(place).json(), "created": created}
        found["config"] |= uploader.blob(json.dumps(config).encode())
        uploader.manifest(str(ref.tag), found, found["mediaType"])


def cleanup(project: ReleaseProject, *words: str) -> Done:
    return project.dogctl("cleanup", "images", *words, "--json")


def reasons(done: Done) -> Mapping[str, Any]:
    items = done.json["data"]["items"]
    return {tag: each["reason"] if each["keep"] else None for each in items for tag in each["tags"]}


def manifests(project: ReleaseProject, done: Done) -> set[Digest]:
    assert project
    return {Digest.parse(each["digest"]) for each in done.json["data"]["items"]}


def test_where_only_a_namespace_may_be_looked_into_that_is_told(here: Cluster) -> None:
    kinds = ("pods", "secrets", "configmaps", "deployments.apps", "statefulsets.apps")
    kinds += ("daemonsets.apps", "replicasets.apps", "controllerrevisions.apps")
    kinds += ("jobs.batch", "cronjobs.batch")
    image, rights = "host:5000/team/app", f"--resource={','.join(kinds)}"
    for name in ("mine", "others"):
        here.kubectl("create", "namespace", name)
        here.kubectl("create", "deployment", name, f"--namespace={name}", f"--image={image}:{name}")
    here.kubectl("create", "serviceaccount", "reader", "--namespace=mine")
    here.kubectl("create", "role", "reader", "--namespace=mine", "--verb=list", rights)
    who = ("--role=reader", "--serviceaccount=mine:reader")
    here.kubectl("create", "rolebinding", "reader", "--namespace=mine", *who)
    token = here.kubectl("create", "token", "reader", "--namespace=mine").strip()
    server = find("testbed", {"KUBECONFIG": str(here.kubeconfig)})["clusters"][0]["cluster"]
    said: list[str] = []
    with here.network():
        asked = Kubernetes(lambda: make("reader", server, {"token": token}))
        found = scan_cluster(asked, "mine", References(ImageRef.parse(image)), "dev", said.append)
    assert set(found.tags) == {"mine"}
    assert said[-1].startswith("dev: only the namespace mine may be looked into for configmaps, ")
    assert found.gaps == [said[-1]]


def charted(project: ReleaseProject, name: str, version: str) -> None:
    """The bundled chart as the project's own, under another name and version."""
    folder = project.root / "charts" / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(REPOSITORY / "charts" / "dogapp", folder)
    text = (folder / "Chart.yaml").read_text()
    text = re.sub(r"(?m)^version:.*$", f"version: {version}", text)
    (folder / "Chart.yaml").write_text(re.sub(r"(?m)^name:.*$", f"name: {name}", text))


def test_a_chart_that_may_be_rolled_back_to_stays(here: Cluster, tmp_path: Path) -> None:
    project = ReleaseProject(tmp_path, here, "charted")
    build(here, tmp_path, "one-1")
    with here.engine.network():
        charts = OciCharts("oci://any", OciContent(str(here.engine.registry)), "charts")
        for number in range(6):
            created = (datetime.now(UTC) - timedelta(days=60 - number)).isoformat()
            charts.publish(replace(package("kennel", f"1.{number}.0"), created=created))
    for version in ("1.0.0", "1.2.0"):
        charted(project, "kennel", version)
        done = project.dogctl("release", "--env", "dev", "--image", ":one-1")
        assert done.code == 0, done.err
    charted(project, "kennel", "2.0.0")
    url = {"CHART_REPOSITORY": f"oci://{here.engine.registry}/charts"}
    found = project.dogctl("cleanup", "charts", "--keep", "1", "--json", "--dry-run", **url)
    assert found.code == 0, found.err
    why = reasons(found)
    assert why["1.0.0"] == "in use: dev: revision 1 of charted"
    assert why["1.2.0"] == "in use: dev: revision 2 of charted"
    assert why["1.5.0"] == "one of the newest 1"
    done = project.dogctl("cleanup", "charts", "--keep", "1", "--json", "--yes", **url)
    assert done.code == 0, done.err
    with here.engine.network():
        left = {each.version for each in charts.listing("kennel").versions}
    assert left == {"1.0.0", "1.2.0", "1.5.0"}


def test_what_may_be_rolled_back_to_stays(project: ReleaseProject) -> None:
    for name in ("one-1", "two-1"):
        done = project.dogctl("release", "--env", "dev", "--image", f":{name}")
        assert done.code == 0, done.err
    image = f"{project.docker.registry}/team/tiny"
    project.kubectl(
        "create", "cronjob", "nightly", f"--image={image}:three-1", "--schedule=@yearly"
    )
    project.kubectl("annotate", "cronjob", "nightly", f"note=after {image}:gone")
    found = cleanup(project, "--keep", "1", "--dry-run")
    assert found.code == 0, found.err
    why = reasons(found)
    assert why["one-1"].startswith("in use: dev: ")
    assert why["two-1"].startswith("in use: dev: pod ")
    assert why["three-1"] == "in use: dev: cronjob nightly"
    assert {tag for tag, reason in why.items() if reason is None} == {"four-1", "five-1"}
    assert why["six-1"] == "one of the newest 1"
    refused = cleanup(project, "--keep", "1")
    assert (refused.code, refused.json["error"]["code"]) == (2, "unconfirmed")
    done = cleanup(project, "--keep", "1", "--yes")
    assert done.code == 0, done.err
    assert len(done.json["data"]["deleted"]) == 2
    left = reasons(cleanup(project, "--keep", "1", "--dry-run"))
    assert set(left) == {"one-1", "two-1", "three-1", "six-1"}
    # What a node has in its cache proves nothing.
    for name in ("one-1", "two-1"):
        project.cluster.run("docker", "image", "rm", "--force", f"{image}:{name}")
    back = project.dogctl("rollback", "--env", "dev", "--yes")
    assert back.code == 0, back.err

    # An environment that cannot be read stops it.
    project.cluster.run("kubectl", "--namespace=default", "apply", "-f", "-", stdin=BROKEN)
    stopped = cleanup(project, "--older-than", "1d", "--yes")
    assert (stopped.code, stopped.json["error"]["code"]) == (1, "revision-unreadable")
