"""The several targets: reached, started, and given their images."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from dogctl.clouds.kubeconfig import find, make
from dogctl.config.load import load
from dogctl.errors import ConfigError, DogctlError
from dogctl.execution import execute, preview
from dogctl.image import ImageRef
from dogctl.lifecycle import local_targets, targets
from dogctl.lifecycle.cluster import connect
from dogctl.lifecycle.targets import TargetDriver, load_step, start_step
from dogctl.plan import Plan
from dogctl.secrets import Secret
from dogctl.tools.docker import Image
from dogctl.tools.runner import Runner
from tests.dogctl.recording import Recorder, Said
from tests.dogctl.test_plan import Recorder as Heard

ID = "sha256:" + "0123456789ab" + "0" * 52
IMAGE = ImageRef.parse("team/dog:1.0")
INSIDE = ImageRef.parse("team/dog:1.0-0123456789ab")
# What the tools answer.
KIND = "kind get nodes --name=dev"
KIND_UP = {KIND: Said("dev-control-plane\n"), "docker inspect": Said("running\n")}
MINIKUBE = "minikube status --output=json --profile=dev"


@pytest.fixture
def kubeconfig(tmp_path: Path, httpserver: HTTPServer) -> Path:
    """One with a context for each target, of a cluster that is always ready."""
    httpserver.expect_request("/readyz").respond_with_data("ok")
    names = ("dev", "kind-dev", "away")
    path = tmp_path / "kubeconfig"
    path.write_text(
        json.dumps(
            {
                "clusters": [{"name": "one", "cluster": {"server": httpserver.url_for("/")}}],
                "users": [{"name": "me", "user": {"token": "secret"}}],
                "contexts": [
                    {"name": name, "context": {"cluster": "one", "user": "me"}} for name in names
                ],
                "current-context": "away",
            }
        )
    )
    return path


def driver(root: Path, settings: str, runner: Runner | None = None, **environ: str) -> TargetDriver:
    (root / "pyproject.toml").write_text(
        f'[tool.dogctl]\nname = "dog"\n[tool.dogctl.env.dev]\n{settings}'
    )
    project = load(folder=root, environment="dev", environ=environ)
    return targets.driver(project, runner=runner or Recorder({}), environ=environ)


@dataclass
class FakeDocker:
    """An engine with an image."""

    images: dict[str, str] = field(default_factory=dict)
    pulled: list[str] = field(default_factory=list)

    def image(self, name: str) -> Image | None:
        return Image(self.images[name], "linux/amd64", {}) if name in self.images else None

    def tag(self, image: str, name: ImageRef) -> None:
        self.images[str(name)] = image

    def pull(self, name: str) -> Any:
        self.pulled.append(name)
        self.images[name] = ID
        yield "Pulling"


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    made = FakeDocker({str(IMAGE): ID})
    monkeypatch.setattr(local_targets.Docker, "connect", lambda: made)
    return made


def test_a_context_is_read_and_never_the_current_one(tmp_path: Path, kubeconfig: Path) -> None:
    found = driver(tmp_path, 'target = "context"\ncontext = "dev"', KUBECONFIG=str(kubeconfig))
    assert found.pushes
    assert found.read()["current-context"] == "dev"
    assert found.loaded(IMAGE) == found.load(IMAGE) == IMAGE
    with pytest.raises(ConfigError) as caught:
        driver(tmp_path, 'target = "context"', KUBECONFIG=str(kubeconfig))
    assert caught.value.where == "pyproject.toml:tool.dogctl.env.dev.context"


def test_only_a_cluster_on_this_machine_can_be_started(tmp_path: Path) -> None:
    away = driver(tmp_path, 'target = "context"\ncontext = "away"')
    plan = Plan("release", (start_step(away),))
    with pytest.raises(ConfigError, match="only clusters on this machine"):
        preview(plan)


@pytest.mark.parametrize(
    ("target", "context"), [("minikube", "dev"), ("kind", "kind-dev")], ids=["minikube", "kind"]
)
def test_a_cluster_here_is_read_without_asking_its_tool(
    tmp_path: Path, kubeconfig: Path, target: str, context: str
) -> None:
    settings = f'target = "{target}"\ncluster = "dev"'
    found = driver(tmp_path, settings, KUBECONFIG=str(kubeconfig))
    assert not found.pushes
    assert found.read()["current-context"] == context


@pytest.mark.parametrize(
    ("target", "answers", "message"),
    [
        ("minikube", {MINIKUBE: Said(code=85)}, "there is no minikube profile dev"),
        (
            "minikube",
            {
                MINIKUBE: Said(
                    '{"Host":"Stopped","Kubelet":"Stopped","APIServer":"Stopped"}', code=7
                )
            },
            "the minikube profile dev does not run: stopped",
        ),
        ("kind", {KIND: Said()}, "there is no kind cluster dev"),
        (
            "kind",
            {KIND: Said("dev-control-plane"), "docker": Said("exited")},
            "the kind cluster dev does not run: exited",
        ),
    ],
)
def test_a_cluster_that_does_not_run_is_told_with_the_command_that_starts_it(
    tmp_path: Path, target: str, answers: dict[str, Said], message: str
) -> None:
    found = driver(tmp_path, f'target = "{target}"\ncluster = "dev"', Recorder(answers))
    for ask in (found.read, found.check):
        with pytest.raises(DogctlError, match=message) as caught:
            ask()
        assert caught.value.hint == "dogctl release --env dev --start"


def test_a_running_cluster_that_no_kubeconfig_has_is_told_as_that(tmp_path: Path) -> None:
    found = driver(tmp_path, 'target = "kind"\ncluster = "dev"', Recorder(KIND_UP))
    with pytest.raises(ConfigError, match="no context 'kind-dev'"):
        found.read()


def test_a_cluster_is_started_once(tmp_path: Path, kubeconfig: Path) -> None:
    settings = 'target = "kind"\ncluster = "dev"'
    environ = {"KUBECONFIG": str(kubeconfig)}
    looked: list[bool] = []
    answers = {**KIND_UP, KIND: [Said(), Said(), KIND_UP[KIND]], "kind create": Said()}
    runner = Recorder(answers)
    step = start_step(driver(tmp_path, settings, runner, **environ), 1, lambda: looked.append(True))
    for status in ("done", "unchanged"):
        report = execute(Plan("release", (step,)), Heard())
        assert report.error is None
        assert report.outcomes["start"].status == status
    assert looked == [True, True]
    assert len([line for line in runner.asked if line.startswith("kind create")]) == 1


def test_another_number_of_nodes_takes_a_new_cluster(tmp_path: Path) -> None:
    found = driver(tmp_path, 'target = "kind"\ncluster = "dev"', Recorder(KIND_UP))
    with pytest.raises(ConfigError, match="the kind cluster dev is there with 1 node") as caught:
        found.running(2)
    assert "kind delete cluster --name=dev" in str(caught.value.hint)


def test_an_image_is_loaded_once_under_a_name_of_its_content(
    tmp_path: Path, docker: FakeDocker
) -> None:
    runner = Recorder(
        {**KIND_UP, "docker exec": [Said(code=1), Said(code=1), Said()], "kind load": Said()}
    )
    target = driver(tmp_path, 'target = "kind"\ncluster = "dev"', runner)
    plan = Plan("release", (load_step(target, lambda _: IMAGE),))
    assert preview(plan)[0].change == f"load {IMAGE} into the cluster"
    runner.asked.clear()
    for status in ("done", "unchanged"):
        report = execute(plan, Heard())
        assert report.outcomes["load"].status == status
        assert report.results["load"] == INSIDE
    assert docker.images[str(INSIDE)] == ID
    assert [line for line in runner.asked if line.startswith("kind load")] == [
        f"kind load docker-image {INSIDE} --name=dev"
    ]


def test_an_image_that_is_only_in_a_registry_is_pulled_first(
    tmp_path: Path, docker: FakeDocker
) -> None:
    docker.images.clear()
    runner = Recorder({KIND: KIND_UP[KIND], "docker exec": Said(code=1), "kind load": Said()})
    target = driver(tmp_path, 'target = "kind"\ncluster = "dev"', runner)
    assert target.load(IMAGE) == INSIDE
    assert docker.pulled == [str(IMAGE)]
    with pytest.raises(DogctlError, match="the engine has no image") as caught:
        target.load(ImageRef.parse("dog:1.0"))
    assert caught.value.hint == "dogctl build"


def test_a_long_tag_leaves_room_for_the_content() -> None:
    name = local_targets.name_inside(IMAGE.tagged("x" * 128), ID)
    assert name.tag == "x" * 115 + "-0123456789ab"


@pytest.mark.parametrize(
    ("target", "profile"), [("minikube", "dev"), ("kind", "dev"), ("gke", "prod-1")]
)
def test_the_name_of_googles_cluster_is_for_google_only(
    tmp_path: Path, target: str, profile: str
) -> None:
    settings = f'target = "{target}"\ncluster = "dev"'
    (tmp_path / "pyproject.toml").write_text(f"[tool.dogctl.env.dev]\n{settings}")
    project = load(folder=tmp_path, environment="dev", environ={"GKE_CLUSTER_NAME": "prod-1"})
    assert project.settings.cluster == profile


def test_the_secrets_of_a_kubeconfig_are_known_before_they_are_used(
    tmp_path: Path, kubeconfig: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.dogctl]\nname = "dog"\n[tool.dogctl.env.dev]\ntarget = "kind"\ncluster = "dev"'
    )
    environ = {"KUBECONFIG": str(kubeconfig)}
    project = load(folder=tmp_path, environment="dev", environ=environ)
    heard: list[Secret] = []
    found = connect(project, remember=heard.append, environ=environ)
    assert found.kubernetes.raw("/readyz") == b"ok"
    assert set(heard) == {Secret("secret")}


def test_a_plugin_beside_the_kubeconfig_is_found_from_anywhere(tmp_path: Path) -> None:
    user = {"exec": {"command": "./bin/plugin", "apiVersion": "v1"}}
    config = make("one", {"server": "https://dog"}, user)
    path = tmp_path / "config"
    path.write_text(json.dumps(config))
    (entry,) = find("one", {"KUBECONFIG": str(path)})["users"]
    assert entry["user"]["exec"]["command"] == str(tmp_path / "bin/plugin")
