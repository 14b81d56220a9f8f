"""A plan in a file that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from dogctl.errors import ConfigError
from dogctl.lifecycle.cleanup import plan_file
from dogctl.lifecycle.cleanup.policies import Words


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"format": 1}',
        '{"format": 2, "images": 5}',
        '{"format": 2, "images": {"repository": "h/a", "delete": 5}}',
        '{"format": 2, "images": {"repository": "h/a", "delete": [{"digest": 5, "tags": []}]}}',
        '{"format": 2, "images": {"repository": "elsewhere/a", "delete": []}}',
    ],
    ids=["empty", "list", "old", "number", "no list", "no digest", "elsewhere"],
)
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        plan_file.read(path, {"images": "h/a"})
    assert error.value.code == "wrong-plan"


def test_where_no_file_can_be_none_is_written(tmp_path: Path) -> None:
    for path in (tmp_path, Path(), tmp_path / "none" / "plan"):
        with pytest.raises(ConfigError) as error:
            plan_file.write(path, Words(keep=1), {})
        assert error.value.code == "plan-unwritable"
