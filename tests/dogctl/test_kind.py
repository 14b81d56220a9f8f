"""kind as it is documented: what it is asked, and what its answers mean."""

from __future__ import annotations

import json

import pytest

from dogctl.errors import ToolError
from dogctl.image import ImageRef
from dogctl.tools.kind import Kind
from dogctl.tools.runner import Runner
from tests.dogctl.recording import Recorder, Said

IMAGE = ImageRef.parse("team/dog:1.0-abc")
NODES = "kind get nodes --name=dev"
EXPORT = "kind export kubeconfig --name=dev"
TWO = Said("dev-worker\ndev-control-plane\n")
NONE = Said(err='No kind nodes found for cluster "dev".\n')


def kind(runner: Runner, **environ: str) -> Kind:
    return Kind("dev", runner, environ)


@pytest.mark.parametrize("said", [NONE, Said('No kind nodes found for cluster "dev".\n')])
def test_a_cluster_that_is_not_there(said: Said) -> None:
    assert kind(Recorder({NODES: said})).nodes() is None


def test_the_state_of_the_nodes_is_that_of_their_containers() -> None:
    runner = Recorder({NODES: TWO, "docker inspect": Said("running\nexited\n")})
    assert kind(runner).nodes() == ("running", "exited")
    assert runner.asked[1] == (
        "docker inspect --format={{.State.Status}} dev-control-plane dev-worker"
    )


def test_another_engine_may_run_them() -> None:
    runner = Recorder({NODES: TWO, "podman inspect": Said("running\nrunning\n")})
    assert kind(runner, KIND_EXPERIMENTAL_PROVIDER="podman").nodes() == ("running", "running")


def test_an_engine_that_does_not_know_them_has_no_news() -> None:
    runner = Recorder({NODES: TWO, "docker inspect": Said(err="No such object", code=1)})
    assert kind(runner).nodes() == ("running", "running")


def test_a_new_cluster_gets_as_many_nodes_as_asked() -> None:
    runner = Recorder({NODES: NONE, "kind create": Said()})
    kind(runner).start(2)
    assert runner.asked[1] == "kind create cluster --name=dev --wait=120s --config=-"
    roles = [node["role"] for node in json.loads(runner.stdin[1])["nodes"]]
    assert roles == ["control-plane", "worker"]


@pytest.mark.parametrize(
    ("states", "asked"),
    [
        ("exited\nrunning\n", ["docker start dev-control-plane dev-worker", EXPORT]),
        ("running\nrunning\n", [EXPORT]),
    ],
    ids=["stopped", "not in the kubeconfig"],
)
def test_a_cluster_that_is_there_is_started_by_its_containers(
    states: str, asked: list[str]
) -> None:
    answers = {NODES: TWO, "docker inspect": Said(states), "docker start": Said(), EXPORT: Said()}
    runner = Recorder(answers)
    kind(runner).start(None)
    looks = (NODES, "docker inspect")
    assert [line for line in runner.asked if not line.startswith(looks)] == asked


def test_a_failure_is_told_in_its_own_words() -> None:
    said = Said(
        err="Creating cluster ...\nERROR: failed to create cluster: no space left\nStack:\n", code=1
    )
    runner = Recorder({NODES: NONE, "kind create": said})
    with pytest.raises(ToolError, match=r"^kind: failed to create cluster: no space left$"):
        kind(runner).start(None)


def test_without_kind_the_hint_is_to_install_it() -> None:
    with pytest.raises(ToolError) as caught:
        kind(Recorder({})).nodes()
    assert "install kind" in str(caught.value.hint)


def test_an_image_is_held_if_every_node_has_it() -> None:
    has, lacks = "docker exec dev-control-plane", "docker exec dev-worker"
    asked = f"{has} crictl inspecti --quiet docker.io/team/dog:1.0-abc"
    runner = Recorder({NODES: TWO, has: Said(), lacks: Said(code=1)})
    assert not kind(runner).holds(IMAGE)
    assert runner.asked[1] == asked
    assert kind(Recorder({NODES: TWO, "docker exec": Said()})).holds(IMAGE)


def test_an_image_is_loaded() -> None:
    runner = Recorder({"kind load": Said()})
    kind(runner).load(IMAGE)
    assert runner.asked == ["kind load docker-image docker.io/team/dog:1.0-abc --name=dev"]


def test_a_port_of_the_nodes_may_be_mapped_to_one_of_this_machine() -> None:
    runner = Recorder(
        {
            NODES: TWO,
            "docker port dev-control-plane 30080/tcp": Said("0.0.0.0:8080\n[::]:8080\n"),
            "docker port": Said(err="no public port", code=1),
        }
    )
    assert kind(runner).mapped(30080) == 8080
    assert kind(runner).mapped(30081) is None
