"""`dogctl deploy` with a real engine, registry and cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dogctl.deploy_project import DeployProject
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.engine import own_engine

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def here() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found:
        yield found


def test_one_command_from_the_source_to_pods_that_answer(here: Cluster, tmp_path: Path) -> None:
    project = DeployProject(tmp_path, here, "whole")
    first = project.deploy()
    assert first["changed"]
    assert first["pods"] == 2
    assert first["status"] == 200

    again = project.deploy()
    assert not again["changed"]
    assert again["image"] == first["image"]

    project.change()
    second = project.deploy()
    assert second["revision"] == 2
    assert second["image"] != first["image"]
