"""What `dogctl push` decides, without an engine or a registry."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dogctl.config.load import load
from dogctl.config.model import Project
from dogctl.errors import Cancelled, ConfigError
from dogctl.image import Digest, ImageRef
from dogctl.lifecycle.push import Part, which_part
from dogctl.lifecycle.push_names import push_names
from dogctl.lifecycle.push_progress import Layers
from dogctl.lifecycle.push_registry import Place
from dogctl.lifecycle.push_upload import cause, is_known
from dogctl.secrets import Secret
from dogctl.tools.docker import Image, Layer
from dogctl.tools.docker.stream import until
from dogctl.tools.runner import LOCAL

NO_GIT = "0.0.0-dev.0.nogit"


def project(root: Path, **environ: str) -> Project:
    (root / "pyproject.toml").write_text('[tool.dogctl]\nname = "tiny"\ntags = ["latest"]\n')
    return load(folder=root, environ=environ)


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"DOCKER_USERNAME": "dog"}, "docker.io/dog/tiny"),
        ({"DOCKER_USERNAME": "dog", "DOCKER_REPO": "app"}, "docker.io/dog/app"),
        ({"DOCKER_USERNAME": "Dog.Owner"}, "docker.io/dog.owner/tiny"),
        ({"DOCKER_USERNAME": "_json_key", "DOCKER_REPO": "gcr.io/team/app"}, "gcr.io/team/app"),
        ({"DOCKER_REPO": "gcr.io/team/app"}, "gcr.io/team/app"),
        (
            {"DOCKER_REPO": "europe-west1-docker.pkg.dev/team/images/app"},
            "europe-west1-docker.pkg.dev/team/images/app",
        ),
        (
            {"DOCKER_REPO": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app"},
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app",
        ),
    ],
)
def test_an_image_goes_where_the_settings_say(
    tmp_path: Path, environ: dict[str, str], name: str
) -> None:
    found = push_names(project(tmp_path, **environ), ["stable", "latest"], LOCAL)
    assert str(found.version) == str(found.candidate) == f"{name}:{NO_GIT}"
    assert found.release == ("latest", "stable")


@pytest.mark.parametrize("user", ["me@example.com", "_json_key", "two words"])
def test_a_user_without_repositories_is_told(tmp_path: Path, user: str) -> None:
    with pytest.raises(ConfigError, match=f"'{user}' has no repositories") as caught:
        push_names(project(tmp_path, DOCKER_USERNAME=user), [], LOCAL)
    assert caught.value.where == "$DOCKER_USERNAME"
    assert "DOCKER_REPO" in (caught.value.hint or "")


def test_a_name_without_an_owner_goes_nowhere(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no repository to push tiny to") as caught:
        push_names(project(tmp_path, DOCKER_REPO="app"), [], LOCAL)
    assert caught.value.where == "DOCKER_REPO"


@pytest.mark.parametrize(
    ("flags", "other"),
    [
        ({"candidate": True, "promote": True}, "--promote"),
        ({"candidate": True, "tags": ["x"]}, "--tag"),
        ({"promote": True, "image": "x"}, "--image"),
    ],
)
def test_some_flags_exclude_each_other(flags: dict[str, Any], other: str) -> None:
    none: dict[str, Any] = {"image": None, "tags": None, "candidate": False, "promote": False}
    with pytest.raises(ConfigError, match="exclude each other") as caught:
        which_part(**{**none, **flags})
    assert caught.value.where == other
    assert which_part(**none) is Part.ALL
    assert which_part(**{**none, "candidate": True}) is Part.CANDIDATE
    assert which_part(**{**none, "promote": True}) is Part.RELEASE


def test_layers_are_told_when_their_state_changes() -> None:
    layers = Layers()
    told = [
        layers.hear(layer)
        for layer in (
            Layer("a", "Preparing", 0, 0),
            Layer("b", "Preparing", 0, 0),
            Layer("b", "Waiting", 0, 0),
            Layer("a", "Pushing", 1_000_000, 4_000_000),
            Layer("a", "Pushing", 3_000_000, 4_000_000),
            Layer("b", "Retrying in 5 seconds", 0, 0),
            Layer("b", "Retrying in 4 seconds", 0, 0),
            Layer("b", "Mounted from team/base", 0, 0),
        )
    ]
    assert [line for line in told if line] == [
        "a pushing",
        "b retrying",
        "b mounted from team/base",
    ]
    assert str(layers) == "1 of 2 layers, 3.0 of 4.0 MB"
    layers.hear(Layer("a", "Pushing", 4_001_000, 4_000_000))
    assert layers.hear(Layer("a", "Pushed", 0, 0)) == "a pushed"
    assert str(layers) == "2 of 2 layers, 4.0 of 4.0 MB"


def test_an_image_is_known_in_one_repository_only() -> None:
    digest = Digest("sha256", "1" * 64)
    known = ImageRef.parse("team/app").pinned(digest)
    image = Image("sha256:2", "linux/amd64", {}, (known,))
    assert is_known(image, ImageRef.parse("docker.io/team/app:1.0"), digest)
    assert not is_known(image, ImageRef.parse("docker.io/team/other:1.0"), digest)
    assert not is_known(image, ImageRef.parse("team/app:1.0"), Digest("sha256", "3" * 64))


@pytest.mark.parametrize(
    ("says", "code"),
    [
        ("An image does not exist locally with the tag: team/app", "image-not-built"),
        ("missing content: content digest sha256:1: not found", "image-incomplete"),
        ("denied: no", "registry-denied"),
    ],
)
def test_not_every_cause_is_the_registrys(says: str, code: str) -> None:
    error = cause(ImageRef.parse("team/app:1.0"), (says,), logged_in=True)
    assert error.code == code


def test_a_password_is_remembered_before_it_is_used(tmp_path: Path) -> None:
    heard: list[Secret] = []
    login = {"DOCKER_USERNAME": "dog", "DOCKER_PASSWORD": "canary-bone"}
    found = Place(project(tmp_path, **login), heard.append).login()
    assert found is not None
    assert heard == [found.password] == [Secret("canary-bone")]


def test_silence_keeps_nobody_from_stopping() -> None:
    stop, over = threading.Event(), threading.Event()

    def said() -> Iterator[dict[str, Any]]:
        yield {"status": "Pushing"}
        over.wait()

    heard = until(stop, said())
    assert next(heard) == {"status": "Pushing"}
    stop.set()
    with pytest.raises(Cancelled):
        next(heard)
    over.set()


def test_what_breaks_off_is_raised() -> None:
    def said() -> Iterator[dict[str, Any]]:
        yield {"status": "Pushing"}
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        list(until(threading.Event(), said()))
