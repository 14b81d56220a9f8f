"""When an environment counts as empty, though its cluster does not answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from dogctl.clouds.gke_errors import FORBIDDEN, NO_CLUSTER
from dogctl.clouds.kubernetes_errors import UNREACHABLE
from dogctl.config.load import load
from dogctl.config.model import Project
from dogctl.errors import ConfigError, DogctlError
from dogctl.lifecycle.cleanup.in_use import never_was
from dogctl.lifecycle.infra.state import find_state


def project(folder: Path, *lines: str) -> Project:
    table = ['target = "gke"', *lines]
    text = "\n".join(("[tool.dogctl]", 'name = "app"', "[tool.dogctl.env.qa]", *table))
    (folder / "pyproject.toml").write_text(f"{text}\n")
    return load(folder=folder, environment="qa", environ={})


def error(code: str) -> DogctlError:
    return DogctlError("it does not answer", code=code)


@pytest.mark.parametrize(
    ("state", "empty"),
    [
        (None, True),
        ('{"resources": []}', True),
        ('{"resources": [{"type": "google_container_cluster"}]}', False),
        ("{}", False),
        ("torn", False),
    ],
    ids=str,
)
def test_terraforms_state_decides(tmp_path: Path, state: str | None, empty: bool) -> None:
    found = project(tmp_path, 'infra = "tf"', 'state = "local"')
    path = find_state(found).path
    if state is not None:
        path.parent.mkdir(parents=True)
        path.write_text(state)
    assert never_was(found, error(NO_CLUSTER)) is empty


@pytest.mark.parametrize("code", [FORBIDDEN, UNREACHABLE, "wrong-cluster"])
def test_whatever_else_is_wrong_proves_nothing(tmp_path: Path, code: str) -> None:
    assert not never_was(project(tmp_path, 'infra = "tf"', 'state = "local"'), error(code))


def test_without_terraform_nothing_is_proven(tmp_path: Path) -> None:
    assert not never_was(project(tmp_path), error(NO_CLUSTER))
    with pytest.raises(ConfigError):
        never_was(project(tmp_path, 'infra = "tf"'), error(NO_CLUSTER))
