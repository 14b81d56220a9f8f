"""Every module and root is formatted, valid, and does what its own tests say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.chart.helm import RELEASE, Helm, helm
from tests.chart.readme import CHART
from tests.testbed.terraform.plugins import Parts, parts, terraform_plugins
from tests.tf.terraform import FOLDERS, TF, Copy, copy

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

EXAMPLES = sorted(path.name for path in (TF / "gke").glob("*.tfvars"))
EVERYTHING = Path(__file__).parent / "everything.tfvars"
LABELS = {"project": "dogs", "environment": "test", "managed-by": "dogctl"}
CARRIERS = {"labels", "resource_labels", "user_labels"}
RELEASES = {"dev": "dev-flask-app", "prod": "prod-flask-app"}


@pytest.fixture(scope="module")
def made() -> Parts:
    return parts()


@pytest.fixture(scope="module")
def environ(made: Parts) -> Iterator[Mapping[str, str]]:
    with terraform_plugins(made=made) as plugins:
        yield plugins.environ


@pytest.fixture(scope="module")
def chart_tool() -> Helm:
    return helm()


@pytest.fixture
def gke(tmp_path: Path, environ: Mapping[str, str]) -> Copy:
    return copy("gke", tmp_path, environ)


@pytest.fixture
def minikube(tmp_path: Path, environ: Mapping[str, str]) -> Copy:
    return copy("minikube", tmp_path, environ)


def test_all_is_formatted(environ: Mapping[str, str]) -> None:
    Copy(TF, environ).do("fmt", "-check", "-diff", "-recursive")


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_valid_and_passes_its_tests(
    name: str, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    folder = copy(name, tmp_path, environ)
    folder.do("validate", "-no-color")
    said = folder.do("test", "-no-color")
    assert re.search(r"Success! [1-9]\d* passed, 0 failed\.", said), said


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_can_be_planned(example: str, gke: Copy) -> None:
    plan = gke.planned("examples", f"-var-file={example}")
    assert "google_container_cluster" in {each["type"] for each in plan["resource_changes"]}


def test_whatever_can_have_labels_has_them(gke: Copy) -> None:
    plan = gke.planned("examples", f"-var-file={EVERYTHING}")
    found = {each["type"] for each in plan["resource_changes"]}
    labelled = set()
    for each in plan["resource_changes"]:
        schemas = plan["provider_schemas"][each["provider_name"]]["resource_schemas"]
        if carries(schemas[each["type"]]["block"]):
            assert LABELS in values(each["change"]["after"]), each["address"]
            labelled.add(each["type"])
    assert len(labelled) == 8
    assert found >= google_types()


def test_minikube_needs_nothing_but_the_environment(minikube: Copy) -> None:
    refused = minikube.run("plan", "-input=false", "-no-color")
    assert refused.code == 1
    assert set(re.findall(r'variable "(\w+)"', refused.said)) == {"environment"}


@pytest.mark.parametrize("answer", sorted(RELEASES))
def test_minikube_asks_for_dev_or_prod(answer: str, minikube: Copy) -> None:
    said = minikube.do("plan", "-no-color", stdin=f"{answer}\n")
    assert "Where to deploy: dev or prod." in said
    assert re.search(rf'name += "{RELEASES[answer]}"', said)
    assert re.search(r'namespace += "mytomorrow"', said)


def test_minikube_knows_no_other_environment(minikube: Copy) -> None:
    refused = minikube.run("plan", "-no-color", stdin="qa\n")
    assert refused.code == 1
    assert "write dev or prod" in refused.said


@pytest.mark.parametrize("environment", sorted(RELEASES))
def test_the_chart_takes_the_values_of_minikube(environment: str, chart_tool: Helm) -> None:
    files = (CHART / "values-minikube.yaml", TF / "minikube/values" / f"{environment}.yaml")
    given = {"podLabels": LABELS, "secrets": {"values": {"DB_SECRET": "some"}}}
    things = chart_tool.things(given, *(f"--values={path}" for path in files))
    assert things["Service", RELEASE]["spec"]["type"] == "NodePort"
    pods = things["Deployment", RELEASE]["spec"]["template"]["metadata"]["labels"]
    assert LABELS.items() <= pods.items()


def google_types() -> set[str]:
    """The types of Google's that any module makes."""
    files = [path.read_text() for path in sorted(TF.rglob("*.tf"))]
    return set(re.findall(r'^resource "(google_\w+)"', "".join(files), re.MULTILINE))


def carries(block: Mapping[str, Any]) -> bool:
    """Whether a resource, or a block in it, takes labels."""
    inner = (each["block"] for each in block.get("block_types", {}).values())
    return bool(CARRIERS & block.get("attributes", {}).keys()) or any(map(carries, inner))


def values(planned: Any) -> list[Any]:
    """Every value in a resource, however deep."""
    if isinstance(planned, dict):
        return [planned, *(found for each in planned.values() for found in values(each))]
    if isinstance(planned, list):
        return [found for each in planned for found in values(each)]
    return [planned]
