"""`dogctl cleanup charts` on a real repository of each kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dogctl.chartrepos.oci import OciCharts
from dogctl.image import ImageRef
from tests.dogctl.cleanup.chart_stores import KINDS, UNUSED, Kennel, Store, decisions, store
from tests.dogctl.conftest import Project
from tests.testbed.registries.content import MANIFEST, OCI, Uploader
from tests.testbed.registries.registry import RunningRegistry, binary

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", autouse=True)
def unpacked() -> None:
    """Before the sandbox of the first test."""
    binary()


@pytest.fixture(params=KINDS)
def charts(request: pytest.FixtureRequest) -> Iterator[Store]:
    with store(request.param) as found:
        yield found


@pytest.fixture
def s3_charts() -> Iterator[Store]:
    with store("s3") as found:
        yield found


@pytest.fixture
def kennel(charts: Store, new_project: Callable[[], Project]) -> Kennel:
    return Kennel(new_project(), charts)


def test_by_hand(kennel: Kennel, charts: Store, tmp_path: Path) -> None:
    ages = {"1.0.0": 60, "1.1.0": 50, "1.2.0-rc.1": 40, "1.2.0": 30, "1.10.0": 20, "1.3.0": 0.1}
    for version, days in ages.items():
        charts.publish("dogs", version, days)
    charts.publish("dogs-more", "1.0.0", 90)
    charts.publish("cats", "0.1.0", 90)
    (kennel.project.root / "charts" / "dogs" / "Chart.lock").write_text(
        "dependencies:\n- name: dogs\n  version: 1.1.0\n"
    )
    words = ("--keep", "2", "--protect", r"1\.0\.0", "--json")
    looked = kennel.cleanup(*words, "--dry-run")
    assert looked.code == 0, looked.err
    lock = kennel.project.root / "charts" / "dogs" / "Chart.lock"
    assert decisions(looked.json["data"]) == {
        "1.0.0": "1.0.0 is protected",
        "1.1.0": f"in use: {lock}",
        "1.2.0-rc.1": None,
        "1.2.0": None,
        "1.10.0": "one of the newest 2",
        "1.3.0": "younger than 24 h",
    }
    assert kennel.cleanup(*words).json["error"]["code"] == "unconfirmed"
    plan = tmp_path / "plan.json"
    assert kennel.cleanup(*words, "--plan-out", str(plan)).code == 0
    charts.publish("dogs", "1.2.1", 35)
    assert charts.versions() == {*ages, "1.2.1"}
    done = kennel.cleanup(*words, "--plan", str(plan), "--yes")
    assert done.code == 0, done.err
    assert len(done.json["data"]["deleted"]) == 2
    left = {*ages, "1.2.1"} - {"1.2.0", "1.2.0-rc.1"}
    assert charts.versions() == left
    assert charts.archives() >= {f"dogs-{version}.tgz" for version in left}
    assert not charts.archives() & {"dogs-1.2.0.tgz", "dogs-1.2.0-rc.1.tgz"}
    assert (charts.versions("cats"), charts.versions("dogs-more")) == ({"0.1.0"}, {"1.0.0"})
    again = kennel.cleanup(*words, "--plan", str(plan), "--yes")
    assert (again.code, again.json["data"]["changed"]) == (0, False)


def test_guards(kennel: Kennel, charts: Store) -> None:
    for number in range(4):
        charts.publish("dogs", f"1.{number}.0", 50 - number)
    refused = kennel.cleanup("--keep", "1", "--yes", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, "guarded")
    assert len(charts.versions()) == 4
    done = kennel.cleanup("--keep", "1", "--yes", "--json", *UNUSED)
    assert done.code == 0, done.err
    assert charts.versions() == {"1.3.0"}


def test_charts_that_are_made_of_it_keep_it(
    s3_charts: Store, new_project: Callable[[], Project]
) -> None:
    kennel = Kennel(new_project(), s3_charts)
    for number in range(5):
        s3_charts.publish("dogs", f"1.{number}.0", 50 - number)
    parts = [{"name": "dogs", "version": "1.1.0", "repository": "https://charts.example"}]
    s3_charts.publish("kennel", "1.0.0", 90, dependencies=parts)
    found = kennel.cleanup("--keep", "1", "--dry-run", "--json").json["data"]
    assert decisions(found)["1.1.0"] == "in use: kennel 1.0.0"
    assert [tags for tags, why in decisions(found).items() if why is None] == [
        "1.0.0",
        "1.2.0",
        "1.3.0",
    ]
    parts = [{"name": "dogs", "version": "^1.0.0", "repository": "https://charts.example"}]
    s3_charts.publish("kennel", "1.1.0", 80, dependencies=parts)
    found = kennel.cleanup("--keep", "1", "--dry-run", "--json").json["data"]
    assert None not in decisions(found).values()
    assert decisions(found)["1.3.0"] == "in use: kennel 1.1.0, by ^1.0.0"


def test_images_in_the_repository_of_a_chart_are_none(new_project: Callable[[], Project]) -> None:
    with store("oci") as charts:
        assert isinstance(charts.repository, OciCharts)
        registry = charts.repository.registry
        ref = ImageRef(registry.registry, "team/charts/dogs")
        more = f'docker-repo = "{ImageRef(charts.proxy.host, ref.repository).name}"\n'
        kennel = Kennel(new_project(), charts, more)
        uploader = Uploader(RunningRegistry(registry.registry, Path()), ref.repository)
        now = datetime.now(UTC)
        for number in range(4):
            charts.publish("dogs", f"1.{number}.0", 50 - number)
            created = {"created": (now - timedelta(days=50 - number)).isoformat()}
            config = {"mediaType": f"{OCI}.config.v1+json"}
            config |= uploader.blob(json.dumps(created).encode())
            uploader.manifest(f"main-{number}", {"config": config, "layers": []}, MANIFEST)
        words = ("--keep", "2", "--yes", "--json", *UNUSED)
        done = kennel.cleanup(*words)
        assert done.code == 0, done.err
        images = {f"main-{number}" for number in range(4)}
        assert set(registry.tags(ref)) == {"1.2.0", "1.3.0", *images}
        assert {decisions(done.json["data"])[tag] for tag in images} == {
            "is of another kind: image"
        }
        done = kennel.cleanup(*words, what=("images",))
        assert done.code == 0, done.err
        assert set(registry.tags(ref)) == {"1.2.0", "1.3.0", "main-2", "main-3"}
