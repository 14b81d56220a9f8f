"""The chart's files say the same, whatever helm makes of them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart import readme
from tests.chart.readme import CHART, README
from tests.conftest import REPOSITORY

ABOUT = yaml.safe_load((CHART / "Chart.yaml").read_text())
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
OVERLAYS = sorted(CHART.glob("values-*.yaml"))
# What may have any key: names of variables, labels, objects of Kubernetes.
OPEN = re.compile(r"env|.*\.(values|data|limits|requests)")


def test_the_readme_has_every_value() -> None:
    assert README.read_text() == readme.readme(), "python -m tests.chart.readme"


def test_the_readme_names_every_overlay() -> None:
    assert set(re.findall(r"`(values-\w+\.yaml)`", README.read_text())) == {
        path.name for path in OVERLAYS
    }


def test_schema_and_values_know_the_same_names() -> None:
    assert list(differences(SCHEMA, {**DEFAULTS, "global": {}})) == []


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_an_overlay_holds_only_what_differs(overlay: Path) -> None:
    for name, value in leaves(yaml.safe_load(overlay.read_text())):
        if not OPEN.fullmatch(name.rpartition(".")[0]):
            assert value != reduce(getitem, name.split("."), DEFAULTS), name


def test_the_icon_is_there() -> None:
    address, _, path = ABOUT["icon"].partition("/main/")
    assert address == ABOUT["home"].replace("github.com", "raw.githubusercontent.com")
    assert (REPOSITORY / path).read_text().startswith("<svg")


def test_what_artifact_hub_shows() -> None:
    notes = ABOUT["annotations"]
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert notes["artifacthub.io/license"] == project["license"]
    for link in yaml.safe_load(notes["artifacthub.io/links"]):
        path = link["url"].removeprefix(f"{ABOUT['home']}/blob/main/")
        assert (REPOSITORY / path).is_file()


def test_the_package_brings_the_chart() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included["charts/dogapp"] == "dogctl/bundled/charts/dogapp"


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no mapping, by its name: `service.port`."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def differences(schema: Mapping[str, Any], values: Any, name: str = "") -> Iterator[str]:
    """What only one of both has, and where the schema would take anything else."""
    schema = resolved(schema)
    if "properties" in schema:
        if schema.get("additionalProperties") is not False:
            yield f"{name} takes anything"
        yield from (f"{name}.{key}" for key in schema["properties"].keys() ^ values.keys())
        for key in schema["properties"].keys() & values.keys():
            yield from differences(schema["properties"][key], values[key], f"{name}.{key}")


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema without references, and without null where that is another choice."""
    for choice in schema.get("anyOf", []):
        if choice != {"type": "null"}:
            return resolved(choice)
    if "$ref" in schema:
        return resolved(SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]])
    return schema
