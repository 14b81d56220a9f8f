"""The whole way of the bundled app: built, pushed, released with a real MySQL, used, and removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chart.visitors import crowd, visit
from tests.dogctl.live_project import NAME, RESTRICTED, LiveProject, push_mysql
from tests.eventually import eventually
from tests.testbed.cluster.addresses import NODE_NAME, SECOND_NAME
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.cluster.metrics import metrics
from tests.testbed.cluster.second import second_node
from tests.testbed.engine import own_engine

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def here() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found, second_node(found), metrics(found):
        push_mysql(found)
        found.kubectl("create", "namespace", NAME)
        found.kubectl("label", "namespace", NAME, RESTRICTED)
        yield found


def test_from_the_first_build_to_nothing_left(here: Cluster, tmp_path: Path) -> None:
    project = LiveProject(tmp_path, here)
    project.values()
    project.answer("build")
    digest = project.answer("push")["digest"]
    first = project.live("release")
    assert first["image"].endswith(f"@{digest}")
    assert first["pods"] == 3

    seen = visit(here, project.url, 60)
    assert not seen.failures
    assert sorted(seen.numbers) == [*range(1, 61)]

    status = project.live("status")
    assert status["count"]["value"] == 60
    assert status["release"]["revision"] == 1
    assert status["drift"]["differences"] == []
    assert {pod["node"] for pod in status["pods"]} == {NODE_NAME, SECOND_NAME}

    with crowd(here, project.url) as during:
        node = project.without_database()
        here.kubectl("drain", node, "--delete-emptydir-data", "--timeout=180s")
        eventually(lambda: project.ready() == 3, 180)
        here.kubectl("uncordon", node)
        page = tmp_path / "webapp/pages.py"
        page.write_text(f"{page.read_text()}# another version\n")
        project.commit("second")
        project.answer("build")
        project.answer("push")
        second = project.live("release")
    assert second["revision"] == 2
    assert second["image"] != first["image"]
    assert not during.failures
    assert sorted(during.numbers) == [*range(61, 61 + len(during.numbers))]

    scaling = {"enabled": True, "minReplicas": 3, "maxReplicas": 5, "cpu": 20}
    project.values(autoscaling=scaling)
    project.live("release")
    with crowd(here, project.url) as during:
        eventually(lambda: project.ready() == 5, 240)
    assert not during.failures

    back = project.live("rollback", "1")
    assert back["image"] == first["image"]
    assert project.live("rollback", "1")["changed"] is False
    before = project.live("status")["count"]["value"]
    assert visit(here, project.url, 3).numbers

    project.live("uninstall", "--volumes", "--yes")
    left = project.get("all,secret,pvc,configmap,lease")["items"]
    assert [item["metadata"]["name"] for item in left] == ["kube-root-ca.crt"]
    assert before > 60
