"""The last stage of a deploy never fails it, whatever goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from dogctl.config.load import load
from dogctl.config.model import Project
from dogctl.errors import Cancelled, DogctlError
from dogctl.execution import execute
from dogctl.lifecycle.deploy.prune import Prune, Pruned, limits, prunes
from dogctl.plan import Plan, Report, Status
from tests.dogctl.infra_project import Silent


def project(root: Path, *settings: str) -> Project:
    lines = "\n".join(settings)
    (root / "pyproject.toml").write_text(f'[tool.dogctl]\nname = "kennel"\n{lines}\n')
    return load(folder=root)


def pruned(found: Project, error: Exception | None = None) -> Report:
    def environments() -> Sequence[Project]:
        if error:
            raise error
        return ()

    step = Prune(found, environments, lambda _: None).stage()
    return execute(Plan("deploy", (step,)), Silent(), threading.Event())


@pytest.mark.parametrize(
    "error", [DogctlError("the cluster is away", code="away"), RuntimeError("a bug"), KeyError("x")]
)
def test_an_error_is_a_warning(tmp_path: Path, error: Exception) -> None:
    report = pruned(project(tmp_path, "prune-keep = 3"), error)
    assert report.error is None
    assert report.outcomes["prune"].status is Status.UNCHANGED
    found: Pruned = report.results["prune"]["prune"]
    assert found.warnings == (f"not everything was pruned: {error}",)
    assert not found.data


def test_a_repository_that_is_none_is_a_warning(tmp_path: Path) -> None:
    found: Pruned = pruned(project(tmp_path, "prune-keep = 3")).results["prune"]["prune"]
    assert "images of no registry are not cleaned up" in found.warnings[0]


def test_who_asks_to_stop_stops_it(tmp_path: Path) -> None:
    report = pruned(project(tmp_path, "prune-keep = 3"), Cancelled())
    assert isinstance(report.error, Cancelled)


def test_what_may_go_is_what_the_settings_say(tmp_path: Path) -> None:
    assert not prunes(project(tmp_path))
    both = project(tmp_path, "prune-keep = 3", 'prune-older-than = "30d"')
    assert prunes(both)
    assert limits(both) == "beyond the newest 3 and older than 30d"
