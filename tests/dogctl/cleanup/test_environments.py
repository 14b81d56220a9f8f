"""Environments of which a variable says where they are cannot be told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from dogctl.config.load import load
from dogctl.config.model import Project
from dogctl.errors import ConfigError
from dogctl.lifecycle.cleanup.environments import require_own_places

SETTINGS = """
[tool.dogctl]
name = "shop"

[tool.dogctl.env.dev]
target = "gke"
cluster = "dogs"
project-id = "kennel-dev"
region = "europe-west1"

[tool.dogctl.env.prod]
target = "gke"
cluster = "dogs"
project-id = "kennel-prod"
region = "europe-west1"

[tool.dogctl.env.local]
target = "kind"
"""


def projects(folder: Path, *names: str, **variables: str) -> list[Project]:
    (folder / "pyproject.toml").write_text(SETTINGS)
    return [load(folder=folder, environment=name, environ=variables) for name in names]


@pytest.mark.parametrize("name", ["GKE_CLUSTER_NAME", "PROJECT_ID", "GCP_PROJECT", "REGION"])
def test_a_variable_that_says_where_several_are(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="dev, prod") as raised:
        require_own_places(projects(tmp_path, "dev", "prod", "local", **{name: "elsewhere"}))
    assert raised.value.where == f"${name}"


def test_what_says_it_itself_or_is_alone(tmp_path: Path) -> None:
    require_own_places(projects(tmp_path, "dev", "prod", "local"))
    require_own_places(projects(tmp_path, "dev", "local", PROJECT_ID="elsewhere"))
