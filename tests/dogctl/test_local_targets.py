"""minikube and kind, from nothing to an app that answers: stand-ins before a real cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import requests
import yaml

from dogctl.clouds import kubernetes as api
from dogctl.config.load import load
from dogctl.errors import DogctlError
from dogctl.execution import execute
from dogctl.image import ImageRef
from dogctl.lifecycle import cluster as clusters
from dogctl.lifecycle.targets import load_step, start_step
from dogctl.plan import Plan, Report
from dogctl.tools.docker import Docker
from tests.dogctl.conftest import Project
from tests.dogctl.release_project import APP, VALUES
from tests.dogctl.release_project import RECIPE as SMALL
from tests.dogctl.test_plan import Recorder as Heard
from tests.eventually import eventually
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.clusters.local import LocalClusters, local_clusters
from tests.testbed.engine import own_engine
from tests.testbed.web import RECIPE, pod_spec

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

START = "dogctl release --env dev --start"
TARGETS = ("minikube", "kind")


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found, found.network():
        yield found


@pytest.fixture
def tools(running: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalClusters]:
    """Both programs, with no clusters yet; the engine is the test bed's."""
    with local_clusters(running) as local:
        for name, value in local.environ.items():
            monkeypatch.setenv(name, value)
        yield local


@pytest.fixture
def image(running: Cluster, tmp_path: Path) -> ImageRef:
    """An image that the engine has, and neither a registry nor the cluster."""
    folder = tmp_path / "image"
    folder.mkdir()
    (folder / "Dockerfile").write_text(RECIPE)
    running.run("docker", "build", "--tag", "team/local:1.0", str(folder))
    return ImageRef.parse("team/local:1.0")


def connect(root: Path, target: str, *, start: bool = False) -> clusters.Cluster:
    (root / "pyproject.toml").write_text(
        f'[tool.dogctl]\nname = "dog"\n[tool.dogctl.env.dev]\ntarget = "{target}"\ncluster = "dev"\n'
    )
    project = load(folder=root, environment="dev", environ=os.environ)
    return clusters.connect(project, start=start)


def started(root: Path, target: str, nodes: int | None = None) -> clusters.Cluster:
    found = connect(root, target, start=True)
    assert run(found, nodes).error is None
    return found


def run(found: clusters.Cluster, nodes: int | None = None) -> Report:
    return execute(Plan("release", (start_step(found.target, nodes),)), Heard())


def serve(found: clusters.Cluster, image: ImageRef, **service: str) -> None:
    """A pod with this image, and a service before it."""
    labels = {"app": "local"}
    spec = {"selector": labels, "ports": [{"port": 80, "targetPort": 8000}], **service}
    pod = {"metadata": {"name": "local", "labels": labels}, "spec": pod_spec(str(image))}
    found.kubernetes.create(api.PODS, pod, "default")
    found.kubernetes.create(api.SERVICES, {"metadata": {"name": "local"}, "spec": spec}, "default")


@pytest.fixture
def tidy(running: Cluster) -> Iterator[None]:
    yield
    running.kubectl("delete", "pod,service", "local", "--ignore-not-found", "--now")


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/hostname", timeout=10).ok
    except requests.RequestException:
        return False


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("target", TARGETS)
def test_a_cluster_is_made_once_and_reached(tmp_path: Path, target: str) -> None:
    found = connect(tmp_path, target, start=True)
    with pytest.raises(DogctlError, match=f"there is no {target}") as caught:
        found.kubernetes.get(api.NAMESPACES, "default")
    assert caught.value.hint == START
    for status in ("done", "unchanged"):
        report = run(found, 2)
        assert report.error is None
        assert report.outcomes["start"].status == status
    assert found.kubernetes.get(api.NAMESPACES, "default")
    assert found.helm.version
    report = run(found, 3)
    assert isinstance(report.error, DogctlError)
    assert report.error.code == "other-nodes"


def test_a_minikube_that_is_stopped_or_paused_goes_on(
    running: Cluster, tools: LocalClusters, tmp_path: Path
) -> None:
    found = started(tmp_path, "minikube")
    assert ["minikube", "start", "--output=json", "--addons=metrics-server", "--profile=dev"] in (
        tools.calls()
    )
    for verb, state in (("pause", "paused"), ("stop", "stopped")):
        running.run("env", f"PATH={tools.environ['PATH']}", "minikube", verb, "--profile=dev")
        with pytest.raises(DogctlError, match=f"does not run: {state}") as caught:
            found.target.check()
        assert caught.value.hint == START
        assert run(found).outcomes["start"].status == "done"
        found.target.check()


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("target", TARGETS)
def test_a_kubeconfig_that_was_lost_is_made_again(
    tmp_path: Path, tools: LocalClusters, target: str
) -> None:
    found = started(tmp_path, target)
    tools.kubeconfig.unlink()
    with pytest.raises(DogctlError):
        found.kubernetes.get(api.NAMESPACES, "default")
    assert run(found).outcomes["start"].status == "done"
    assert found.kubernetes.get(api.NAMESPACES, "default")


@pytest.mark.parametrize("target", TARGETS)
def test_a_start_that_fails_says_why(tmp_path: Path, tools: LocalClusters, target: str) -> None:
    found = connect(tmp_path, target, start=True)
    verb = "start" if target == "minikube" else "create"
    tools.fail(target, verb, code=80, words="no space left on device")
    report = run(found)
    assert isinstance(report.error, DogctlError)
    assert "no space left on device" in report.error.message


@pytest.mark.usefixtures("tools", "tidy")
@pytest.mark.parametrize("target", TARGETS)
def test_an_image_is_loaded_and_runs_and_its_service_is_found(
    tmp_path: Path, target: str, image: ImageRef
) -> None:
    found = started(tmp_path, target)
    plan = Plan("release", (load_step(found.target, lambda _: image),))
    inside = execute(plan, Heard()).results["load"]
    known = Docker.connect().image(str(image))
    assert known is not None
    assert inside.tag == f"1.0-{known.id.removeprefix('sha256:')[:12]}"
    serve(found, inside, type="NodePort")
    url = found.target.url(found.kubernetes, "default", "local")
    assert url is not None
    if target == "minikube":
        eventually(partial(answers, url))
    else:  # the port of a container that is not there; what is mapped is tested without
        eventually(lambda: found.kubernetes.ask_service("default", "local", "80", "/")[0] == 200)
        assert url.startswith(
            f"http://{found.kubernetes.select(api.NODES)[0]['status']['addresses'][0]['address']}:"
        )
    assert found.target.url(found.kubernetes, "default", "nobody") is None


@pytest.mark.usefixtures("tidy")
def test_an_image_is_loaded_into_minikube_once(
    tmp_path: Path, tools: LocalClusters, image: ImageRef
) -> None:
    found = started(tmp_path, "minikube")
    plan = Plan("release", (load_step(found.target, lambda _: image),))
    execute(plan, Heard())
    assert execute(plan, Heard()).outcomes["load"].status == "unchanged"
    assert len([call for call in tools.calls() if call[1:3] == ["image", "load"]]) <= 1


@pytest.mark.usefixtures("tools", "tidy")
@pytest.mark.parametrize(
    ("target", "service", "found"),
    [("kind", "LoadBalancer", True), ("minikube", "ClusterIP", False)],
)
def test_a_service_may_have_an_address_or_none(
    tmp_path: Path, target: str, service: str, found: bool, image: ImageRef
) -> None:
    reached = started(tmp_path, target)
    serve(reached, reached.target.load(image), type=service)
    ask = partial(reached.target.url, reached.kubernetes, "default", "local")
    if not found:
        assert ask() is None
        return
    eventually(lambda: answers(ask() or "http://127.0.0.1:9"))


TINY = """
[tool.dogctl]
name = "small"
values = ["values.yaml"]

[tool.dogctl.env.dev]
target = "{target}"
cluster = "dev"
"""


@pytest.mark.parametrize("target", TARGETS)
def test_one_command_leads_from_no_cluster_to_a_release(
    running: Cluster, tools: LocalClusters, tmp_path: Path, target: str
) -> None:
    project = Project(tmp_path)
    project.configure(TINY.format(target=target))
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(VALUES))
    folder = tmp_path / "image"
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    (folder / "Dockerfile").write_text(SMALL)
    running.run(
        "docker", "build", "--quiet", "--build-arg=BEHAVIOUR=ok", "-t", "small:1", str(folder)
    )
    words = ("release", "--env", "dev", "--image", "small:1", "--json")
    refused = project.dogctl(*words, **tools.environ)
    assert refused.code == 1
    assert refused.json["error"]["hint"].endswith("release --env dev --start")
    made = project.dogctl(*words, "--start", **tools.environ)
    assert made.code == 0, made.err
    assert ":1-" in made.json["data"]["image"]
    assert made.json["data"]["pods"] == 2
    again = project.dogctl(*words, "--start", **tools.environ)
    assert again.code == 0, again.err
    assert again.json["data"]["revision"] == 1
    running.kubectl("delete", "namespace", "small")
