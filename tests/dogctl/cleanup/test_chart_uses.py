"""Which versions of a chart are needed beside those that were released."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dogctl.chartrepos.index import EMPTY, Entry, add, entries
from dogctl.config.load import load
from dogctl.errors import ConfigError
from dogctl.image import ImageRef
from dogctl.lifecycle.cleanup.chart_uses import asked_for, chart_name, dependents
from dogctl.lifecycle.cleanup.references import References
from tests.dogctl.chartrepos.charts import package

LOCK = "dependencies:\n- {name: dogs, version: 1.4.0}\n- {name: cats, version: 2.0.0}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    chart(tmp_path, "dogs")
    return tmp_path


def chart(root: Path, name: str, more: str = "") -> Path:
    folder = root / "charts" / name
    folder.mkdir(parents=True)
    text = f"apiVersion: v2\nname: {name}\nversion: 0.0.0\n{more}"
    (folder / "Chart.yaml").write_text(text)
    return folder


def configure(root: Path, *environments: str, given: str | None = None) -> None:
    text = '[tool.dogctl]\nname = "kennel"\n'
    text += f'chart = "{given}"\n' if given else ""
    for number, each in enumerate(environments):
        text += f'[tool.dogctl.env.e{number}]\nchart = "{each}"\n'
    (root / "pyproject.toml").write_text(text)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (None, "dogs"),
        ("charts/dogs", "dogs"),
        ("oci://host/team/hounds@1.0.0", "hounds"),
        ("s3://bucket/stable/hounds", "hounds"),
        ("https://charts.example/big-hounds-1.0.0-rc.1.tgz", "big-hounds"),
        ("hounds.tgz", "hounds"),
    ],
)
def test_what_the_chart_is_called(root: Path, given: str | None, name: str) -> None:
    (root / "hounds.tgz").write_bytes(package("hounds", "3.0.0").archive)
    configure(root, given=given)
    assert chart_name(load(folder=root)) == name


def test_a_chart_without_a_name_is_told(root: Path) -> None:
    (root / "charts" / "dogs" / "Chart.yaml").write_text("version: 1.0.0\n")
    configure(root)
    with pytest.raises(ConfigError, match="no name"):
        chart_name(load(folder=root))


def test_what_the_settings_name(root: Path) -> None:
    (root / "dogs.tgz").write_bytes(package("dogs", "3.0.0").archive)
    given = ("charts/dogs", "s3://b/f/dogs@1.0.0", "oci://h/dogs", "https://h/dogs-2.0.0.tgz")
    configure(root, *given, "dogs.tgz", "s3://b/f/cats@7.0.0")
    projects = [load(folder=root, environment=f"e{number}") for number in range(6)]
    assert asked_for(projects, "dogs") == {
        "1.0.0": "setting chart of e1",
        "": "setting chart of e2",
        "2.0.0": "setting chart of e3",
        "3.0.0": "setting chart of e4",
    }


def test_what_the_projects_charts_are_made_of(root: Path) -> None:
    parts = "dependencies:\n- {name: dogs, version: ^1.0.0}\n"
    kennel = chart(root, "kennel", parts)
    configure(root, given="charts/kennel")
    project = load(folder=root)
    assert asked_for([project], "dogs") == {"^1.0.0": str(kennel / "Chart.yaml")}
    (kennel / "Chart.lock").write_text(LOCK)
    assert asked_for([project], "dogs") == {"1.4.0": str(kennel / "Chart.lock")}
    shutil.rmtree(root / "charts" / "dogs")
    assert asked_for([project], "cats") == {"2.0.0": str(kennel / "Chart.lock")}


def test_what_other_charts_are_made_of() -> None:
    made = package("kennel", "1.0.0").entry()
    parts = [{"name": "dogs", "version": "1.10"}, {"name": "dogs", "version": ">= 2", "alias": "d"}]
    text = add(EMPTY, {**made, "dependencies": [*parts, {"name": "mysql", "version": "9.0.0"}]})
    text = add(text, {**package("cats", "1.0.0").entry(), "dependencies": None})
    found = dependents(entries(text), "dogs")
    assert found == {"1.10": "kennel 1.0.0", ">= 2": "kennel 1.0.0"}
    assert dependents([Entry("dogs", "1.0.0", dependencies=(("dogs", "0.1.0"),))], "dogs") == {}


def test_a_release_names_its_chart_and_what_that_is_made_of() -> None:
    parts = [{"name": "dogs", "version": "^1.0.0"}]
    metadata = {"name": "kennel", "version": "3.0.0", "dependencies": parts}
    found = References(None, "dogs")
    found.see_chart({"metadata": metadata, "lock": None}, "here")
    locked = [{"name": "dogs", "version": "1.4.0"}]
    found.see_chart({"metadata": metadata, "lock": {"dependencies": locked}}, "there")
    found.see_chart({"metadata": {"name": "dogs", "version": "1.2.0"}}, "where")
    assert found.versions == {"^1.0.0": "here", "1.4.0": "there", "1.2.0": "where"}
    assert not found.see(b"dogs:1.0", "here")


def test_only_what_may_name_it_is_read_whole() -> None:
    found = References(ImageRef.parse("host/team/app"), "dogs")
    assert found.may_name(b'{"name":"dogs"}')
    assert found.may_name(b"repository: app")
    assert not found.may_name(b'{"name":"dogs-more"}')
