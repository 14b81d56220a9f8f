"""`dogctl cleanup` of images and charts at once, in one registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dogctl.cleanup.chart_stores import (
    UNUSED,
    Kennel,
    Store,
    decisions,
    filled,
    in_a_registry,
)
from tests.dogctl.conftest import Done, Project
from tests.testbed.registries.registry import binary

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
WORDS = ("--keep", "2", "--json", *UNUSED)


@pytest.fixture(scope="module", autouse=True)
def unpacked() -> None:
    """Before the sandbox of the first test."""
    binary()


@pytest.fixture
def charts() -> Iterator[Store]:
    with in_a_registry() as found:
        yield found


@pytest.fixture
def kennel(charts: Store, new_project: Callable[[], Project]) -> Kennel:
    """Four images and four versions of a chart."""
    return filled(new_project(), charts)


def cleanup(kennel: Kennel, *words: str) -> Done:
    return kennel.cleanup(*WORDS, *words, what=())


def test_one_preview_one_plan_one_answer(kennel: Kennel, charts: Store, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    looked = cleanup(kennel, "--plan-out", str(plan))
    assert looked.code == 0, looked.err
    going = {
        name: [tag for tag, why in decisions(part).items() if why is None]
        for name, part in looked.json["data"].items()
        if name != "dry_run"
    }
    assert going == {"images": ["t0", "t1"], "charts": ["1.0.0", "1.1.0"]}
    shown = kennel.project.dogctl("cleanup", "--keep", "2", "--dry-run").out
    assert "2 of 4 images of" in shown
    assert "2 of 4 charts of" in shown
    asked = cleanup(kennel)
    assert "deletes 2 images of" in asked.json["error"]["message"]
    assert "deletes 2 charts of" in asked.json["error"]["message"]
    done = cleanup(kennel, "--plan", str(plan), "--yes")
    assert done.code == 0, done.err
    assert {name: len(done.json["data"][name]["deleted"]) for name in ("images", "charts")} == {
        "images": 2,
        "charts": 2,
    }
    assert charts.versions() == {"1.2.0", "1.3.0"}
    again = cleanup(kennel, "--yes")
    assert (again.code, again.json["data"]["changed"]) == (0, False)


def test_one_that_cannot_be_read_does_not_hide_the_other(kennel: Kennel, charts: Store) -> None:
    charts.proxy.fail(999, path="/v2/team/app/.*", status=403)
    looked = cleanup(kennel, "--dry-run")
    assert looked.code == 1
    assert looked.json["data"]["images"]["error"]["message"]
    assert decisions(looked.json["data"]["charts"])["1.0.0"] is None
    done = cleanup(kennel, "--yes")
    assert done.code == 1
    assert "deleted 2 charts of" in " ".join(done.json["error"]["detail"])
    assert charts.versions() == {"1.2.0", "1.3.0"}


def test_one_that_cannot_be_deleted_does_not_stop_the_other(kennel: Kennel, charts: Store) -> None:
    charts.proxy.fail(999, method="DELETE", path="/v2/team/charts/.*", status=405)
    done = cleanup(kennel, "--yes")
    assert done.code == 1
    assert "deleted 2 images of" in " ".join(done.json["error"]["detail"])
    assert len(charts.versions()) == 4


def test_one_that_is_guarded_does_not_stop_the_other(kennel: Kennel, charts: Store) -> None:
    charts.publish("dogs", "1.4.0", 20)  # three of five would go now
    done = kennel.cleanup("--keep", "2", "--yes", "--json", "--allow-nothing-in-use", what=())
    assert (done.code, done.json["error"]["code"]) == (1, "guarded")
    assert "deleted 2 images of" in " ".join(done.json["error"]["detail"])
    assert len(charts.versions()) == 5


def test_a_plan_for_elsewhere_is_refused(kennel: Kennel, charts: Store, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    assert cleanup(kennel, "--plan-out", str(plan)).code == 0
    text = plan.read_text().replace("team/charts", "team/other")
    plan.write_text(text)
    refused = cleanup(kennel, "--plan", str(plan), "--yes")
    assert (refused.code, refused.json["error"]["code"]) == (2, "wrong-plan")
    assert len(charts.versions()) == 4
