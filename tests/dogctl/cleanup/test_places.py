"""A variable that is about one environment does not hide the others from a cleanup."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dogctl.config.load import load
from dogctl.errors import ConfigError
from dogctl.lifecycle.cleanup.in_use import scan_environment
from dogctl.lifecycle.cleanup.places import require_own_places
from dogctl.lifecycle.cleanup.references import References
from tests.dogctl.conftest import Project

BASE = '[tool.dogctl]\nname = "app"\ndocker-repo = "127.0.0.1:1/team/app"\n'


def require(folder: Path, dev: str, prod: str, **environ: str) -> None:
    tables = f'[tool.dogctl.env.dev]\ntarget = "gke"\n{dev}\n[tool.dogctl.env.prod]\n'
    (folder / "pyproject.toml").write_text(f'{BASE}{tables}target = "gke"\n{prod}\n')
    require_own_places(
        (
            load(folder=folder, environment=name, environ=environ),
            load(folder=folder, environment=name, environ={}),
        )
        for name in ("dev", "prod")
    )


@pytest.mark.parametrize(
    ("dev", "prod", "environ", "says"),
    [
        ('cluster = "a"', 'cluster = "b"', "GKE_CLUSTER_NAME=b", "dev elsewhere than to a"),
        ("", "", "GKE_CLUSTER_NAME=b", "prod to where dev is"),
        ('project-id = "a"', 'project-id = "b"', "PROJECT_ID=a", "prod elsewhere than to b"),
        ('release = "a"', 'release = "b"', "HELM_RELEASE_NAME=c", "dev elsewhere than to a"),
    ],
    ids=["other cluster", "same place", "other project", "other release"],
)
def test_a_variable_leads_none_elsewhere(
    tmp_path: Path, dev: str, prod: str, environ: str, says: str
) -> None:
    name, _, value = environ.partition("=")
    with pytest.raises(ConfigError, match=says) as error:
        require(tmp_path, dev, prod, **{name: value})
    assert (error.value.code, error.value.where) == ("one-place", f"${name}")


def test_what_says_the_same_or_what_all_have_in_common_may_be_set(tmp_path: Path) -> None:
    require(tmp_path, 'cluster = "a"', 'cluster = "b"', PROJECT_ID="all", REGION="here")
    require(tmp_path, 'namespace = "a"', 'namespace = "b"', GKE_CLUSTER_NAME="both")
    require(tmp_path, 'cluster = "a"\nrelease = "x"', 'cluster = "a"', GKE_CLUSTER_NAME="a")
    require(tmp_path, "", "")


def test_the_command_refuses_it(new_project: Callable[[], Project]) -> None:
    project = new_project()
    tables = "".join(f'[tool.dogctl.env.{name}]\ntarget = "gke"\n' for name in ("dev", "prod"))
    project.configure(BASE + tables)
    done = project.dogctl(
        "cleanup", "images", "--keep=1", "--dry-run", "--json", GKE_CLUSTER_NAME="prod"
    )
    assert (done.code, done.json["error"]["code"]) == (2, "one-place"), done.out


def test_the_file_is_where_what_is_missing_belongs(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(f'{BASE}[tool.dogctl.env.dev]\ntarget = "gke"\n')
    project = load(folder=tmp_path, environment="dev", environ={})
    with pytest.raises(ConfigError, match="what dev uses cannot be told") as error:
        scan_environment(project, References(None, "app"))
    assert error.value.code == "incomplete-target"
    assert "[tool.dogctl.env.dev] in pyproject.toml" in str(error.value.hint)
