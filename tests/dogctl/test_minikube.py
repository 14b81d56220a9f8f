"""minikube as it is documented: what it is asked, and what its answers mean."""

from __future__ import annotations

import json

import pytest

from dogctl.errors import ToolError
from dogctl.image import ImageRef
from dogctl.tools.minikube import Minikube, read_images, read_status
from dogctl.tools.runner import Runner
from tests.dogctl.recording import Recorder, Said

IMAGE = ImageRef.parse("team/dog:1.0-abc")


def node(
    host: str = "Running",
    kubelet: str = "Running",
    server: str = "Running",
    kubeconfig: str = "Configured",
) -> dict[str, object]:
    states = {"Host": host, "Kubelet": kubelet, "APIServer": server, "Kubeconfig": kubeconfig}
    return {"Name": "dev", **states, "Worker": False}


WORKER = node(server="Irrelevant", kubeconfig="Irrelevant") | {"Worker": True}
STATUS = "minikube status --output=json --profile=dev"
UP = Said(json.dumps(node()))
DOWN = Said(json.dumps(node("Stopped", "Stopped", "Stopped", "Stopped")), code=7)
NONE = Said(err='* Profile "dev" not found. Run "minikube profile list" to view all.', code=85)
LISTED = Said("docker.io/team/dog:1.0-abc\n<none>:<none>\n\n")


def event(kind: str, **data: str) -> str:
    return json.dumps({"type": f"io.k8s.sigs.minikube.{kind}", "data": data})


def minikube(runner: Runner) -> Minikube:
    return Minikube("dev", runner, {})


@pytest.mark.parametrize(
    ("said", "nodes"),
    [
        (node(), ("running",)),
        ([node(), WORKER], ("running", "running")),
        ([node(), WORKER | {"Host": "Stopped", "Kubelet": "Stopped"}], ("running", "stopped")),
        (node("Stopped", "Stopped", "Stopped", "Stopped"), ("stopped",)),
        (node("Running", "Stopped", "Paused"), ("paused",)),
        (node("Running", "Running", "Stopped"), ("stopped",)),
        (node("Running", "Running", "Running", "Misconfigured"), ("stale kubeconfig",)),
        (node("Nonexistent", "Nonexistent", "Nonexistent", "Nonexistent"), None),
    ],
)
def test_the_state_of_the_nodes(said: object, nodes: tuple[str, ...] | None) -> None:
    assert read_status(json.dumps(said).encode()) == nodes


def test_a_profile_that_is_not_there_is_no_error() -> None:
    assert minikube(Recorder({STATUS: NONE})).nodes() is None
    assert minikube(Recorder({STATUS: DOWN})).nodes() == ("stopped",)


@pytest.mark.parametrize("said", ["", "null", "Usage of minikube"])
def test_an_answer_that_says_nothing_is_an_error(said: str) -> None:
    with pytest.raises(ToolError, match="says nothing of its nodes"):
        read_status(said.encode())


@pytest.mark.parametrize(
    ("before", "nodes", "asked"),
    [
        ([NONE], 2, ["start --output=json --addons=metrics-server --nodes=2"]),
        ([DOWN], 2, ["start --output=json --addons=metrics-server"]),
        ([Said(json.dumps(node(server="Paused")), code=2), UP], None, ["unpause"]),
        (
            [Said(json.dumps(node(kubeconfig="Misconfigured")), code=4), UP],
            None,
            ["update-context"],
        ),
        (
            [Said(json.dumps([node(server="Paused"), WORKER]), code=2), DOWN],
            None,
            ["unpause", "start --output=json --addons=metrics-server"],
        ),
    ],
    ids=["absent", "stopped", "paused", "stale", "paused and stopped"],
)
def test_how_it_is_started(before: list[Said], nodes: int | None, asked: list[str]) -> None:
    runner = Recorder({STATUS: before, "minikube": Said()})
    minikube(runner).start(nodes)
    changes = [line for line in runner.asked if line != STATUS]
    assert changes == [f"minikube {each} --profile=dev" for each in asked]


def test_its_steps_are_told_and_nothing_else() -> None:
    lines = [event("step", message="Creating container ...\n"), event("info", message="x"), "odd"]
    heard: list[str] = []
    runner = Recorder({STATUS: NONE, "minikube start": Said("\n".join(lines))})
    minikube(runner).start(None, heard.append)
    assert heard == ["Creating container ..."]


def test_a_start_with_another_driver_fails_in_its_own_words() -> None:
    lines = [
        event("step", message="minikube v1.36.0"),
        event(
            "error",
            name="GUEST_DRIVER_MISMATCH",
            exitcode="81",
            message='The existing "dev" cluster was created using the "docker" driver, which is'
            ' incompatible with requested "kvm2" driver.',
            advice="Delete the existing 'dev' cluster using: 'minikube delete -p dev'",
        ),
    ]
    runner = Recorder({STATUS: DOWN, "minikube start": Said("\n".join(lines), code=81)})
    with pytest.raises(ToolError, match='using the "docker" driver') as caught:
        minikube(runner).start(None)
    assert caught.value.hint == "Delete the existing 'dev' cluster using: 'minikube delete -p dev'"


def test_a_failure_without_events_is_told_by_what_it_printed() -> None:
    runner = Recorder({STATUS: Said(err="X Exiting due to MK_USAGE: no\n", code=64)})
    with pytest.raises(ToolError, match="X Exiting due to MK_USAGE: no") as caught:
        minikube(runner).nodes()
    assert caught.value.hint == "minikube logs --profile=dev tells more"


def test_without_minikube_the_hint_is_to_install_it() -> None:
    with pytest.raises(ToolError) as caught:
        minikube(Recorder({})).nodes()
    assert "install minikube" in str(caught.value.hint)


def test_the_images_that_it_has() -> None:
    assert read_images(LISTED.out.encode()) == {IMAGE}
    assert read_images(b"") == frozenset()


def test_an_image_is_loaded_and_looked_for() -> None:
    runner = Recorder({"minikube image load": Said(), "minikube image ls": LISTED})
    minikube(runner).load(IMAGE)
    assert runner.asked == [
        "minikube image load docker.io/team/dog:1.0-abc --daemon --profile=dev",
        "minikube image ls --profile=dev",
    ]


def test_a_load_that_silently_did_nothing_is_an_error() -> None:
    runner = Recorder({"minikube image load": Said(), "minikube image ls": Said()})
    with pytest.raises(ToolError, match=r"did not load docker\.io/team/dog:1.0-abc"):
        minikube(runner).load(IMAGE)


@pytest.mark.parametrize(
    ("said", "url"),
    [
        (
            Said("http://192.168.49.2:31234\nhttp://192.168.49.2:31235\n"),
            "http://192.168.49.2:31234",
        ),
        (Said(err="! service dog has no node port", code=0), None),
        (
            Said("http://127.0.0.1:51234\n", "! the terminal needs to be open to run it."),
            None,
        ),
    ],
    ids=["node port", "none", "tunnel"],
)
def test_where_a_service_answers(said: Said, url: str | None) -> None:
    runner = Recorder({"minikube service": said})
    assert minikube(runner).url("web", "dog") == url
    assert runner.asked == ["minikube service dog --namespace=web --url --profile=dev"]
