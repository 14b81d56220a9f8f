"""What the files of tf/ say, without running any of it."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.tf.terraform import FOLDERS, ROOTS, TF

PAGE = (REPOSITORY / "docs/infrastructure.md").read_text()
DECLARED = re.compile(r'^(variable|output) "(\w+)" \{\n(.*)', re.MULTILINE)
RESOURCE = re.compile(r'^(?:resource|data) "([a-z]+)_', re.MULTILINE)
PROVIDER = re.compile(r'source += "hashicorp/(\w+)"\n(.*)')
BACKEND = re.compile(r"^\s*(backend|cloud)\b.*\{", re.MULTILINE)


def text(name: str) -> str:
    """All the Terraform of a module or root."""
    return "".join(path.read_text() for path in sorted((TF / name).glob("*.tf")))


@pytest.mark.parametrize("name", FOLDERS)
def test_everything_is_described(name: str) -> None:
    for kind, declared, first in DECLARED.findall(text(name)):
        assert re.fullmatch(r'  description = ".+\."', first), f"{kind} {declared}"


@pytest.mark.parametrize("name", FOLDERS)
def test_versions_are_pinned(name: str) -> None:
    assert 'required_version = ">= 1.9"' in text(name)
    providers = PROVIDER.findall(text(name))
    assert {provider for provider, _ in providers} >= set(RESOURCE.findall(text(name)))
    assert all(re.search(r'version = "~> \d+\.\d+"', pin) for _, pin in providers)


@pytest.mark.parametrize("name", FOLDERS)
def test_no_backend_is_fixed(name: str) -> None:
    assert not BACKEND.search(text(name))


@pytest.mark.parametrize("name", ROOTS)
def test_every_root_has_the_same_labels(name: str) -> None:
    said = " ".join(text(name).split())
    assert '{ project = var.name environment = var.environment managed-by = "dogctl" }' in said
    assert 'output "labels"' in said


def test_everything_at_aws_gets_the_tags() -> None:
    assert "default_tags { tags = local.tags }" in " ".join(text("state").split())


@pytest.mark.parametrize("name", FOLDERS)
def test_the_page_names_every_folder(name: str) -> None:
    assert f"| `{name.removeprefix('modules/')}` |" in PAGE or f"| `tf/{name}` |" in PAGE


@pytest.mark.parametrize("name", ROOTS)
def test_the_page_names_every_variable_and_output_of_a_root(name: str) -> None:
    for kind, declared, _ in DECLARED.findall(text(name)):
        assert f"`{declared}`" in PAGE, f"{kind} {declared}"


def test_dev_and_prod_fit_on_one_minikube() -> None:
    values = [yaml.safe_load(path.read_text()) for path in (TF / "minikube/values").iterdir()]
    assert len({each["service"]["nodePort"] for each in values}) == len(values) == 2
