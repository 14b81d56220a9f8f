"""What a release has of Terraform's outputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from dogctl.config.load import load
from dogctl.config.model import Project
from dogctl.errors import ConfigError
from dogctl.lifecycle.infra.given import given_by
from dogctl.lifecycle.infra.planned import outputs_of

SETTINGS = """
[tool.dogctl]
name = "app"

[tool.dogctl.env.dev.infra-values]
"database.host" = "host"

[tool.dogctl.env.dev.infra-secrets]
PORTS = "ports"
"""


def project(root: Path, settings: str = SETTINGS) -> Project:
    (root / "pyproject.toml").write_text(settings)
    return load(folder=root, environment="dev")


def test_a_secret_that_is_no_text_becomes_json_whether_it_is_sensitive_or_not(
    tmp_path: Path,
) -> None:
    wanted = project(tmp_path)
    for sensitive in (True, False):
        outputs = outputs_of(
            {"host": {"value": "db"}, "ports": {"value": [True, "a"], "sensitive": sensitive}}
        )
        given = given_by(wanted, outputs)
        assert given.project.settings.variables["PORTS"].reveal() == '[true, "a"]'
        assert given.values == {"database": {"host": "db"}}


@pytest.mark.parametrize("sensitive", [True, False])
def test_a_secret_that_is_nothing_is_told(tmp_path: Path, sensitive: bool) -> None:
    outputs = outputs_of(
        {"host": {"value": None}, "ports": {"value": None, "sensitive": sensitive}}
    )
    with pytest.raises(ConfigError, match="no output ports") as raised:
        given_by(project(tmp_path), outputs)
    assert raised.value.code == "no-output"


def test_a_value_that_is_also_a_table_is_told(tmp_path: Path) -> None:
    both = SETTINGS.replace('"database.host"', 'database = "db"\n"database.host"')
    with pytest.raises(ConfigError) as raised:
        project(tmp_path, both)
    assert "database cannot be a value and hold database.host" in str(
        (raised.value.message, raised.value.detail)
    )
