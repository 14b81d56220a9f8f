"""Who may import whom, and what may not be imported on the way to --help."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "dogctl"
BASE = ("dogctl.errors", "dogctl.secrets", "dogctl.image")
REGISTRY = (
    *BASE,
    "dogctl.own_version",
    *(
        f"dogctl.registries.{name}"
        for name in ("auth", "base", "hosts", "http", "inventory", "refusals")
    ),
)
CHARTS = (*BASE, *(f"dogctl.chartrepos.{n}" for n in ("anchors", "base", "index", "versions")))
# The longest matching prefix of a module decides; values are prefixes of what it may import.
ALLOWED = {
    "dogctl.errors": (),
    "dogctl.secrets": (),
    "dogctl.image": (),
    "dogctl.bundled": (),
    "dogctl.answer": ("dogctl.errors",),
    "dogctl.plan": ("dogctl.errors",),
    "dogctl.execution": ("dogctl.errors", "dogctl.plan"),
    "dogctl.__main__": ("dogctl.cli", "dogctl.output.version", "dogctl.output.streams"),
    "dogctl.cli": (
        *BASE,
        "dogctl.answer",
        "dogctl.plan",
        "dogctl.execution",
        "dogctl.config",
        "dogctl.lifecycle",
        "dogctl.output",
        "dogctl.cli",
    ),
    "dogctl.config": (*BASE, "dogctl.config", "dogctl.bundled"),
    "dogctl.lifecycle": (
        *BASE,
        "dogctl.bundled",
        "dogctl.answer",
        "dogctl.plan",
        "dogctl.execution",
        "dogctl.config.model",
        "dogctl.config.checks",
        "dogctl.config.hooks",
        "dogctl.lifecycle",
        "dogctl.clouds",
        "dogctl.tools",
        "dogctl.registries",
        "dogctl.chartrepos",
    ),
    "dogctl.clouds": (*BASE, "dogctl.clouds", "dogctl.tools.runner"),
    "dogctl.tools": (*BASE, "dogctl.tools.runner"),
    "dogctl.tools.docker": (*BASE, "dogctl.tools.docker"),
    "dogctl.tools.terraform": (*BASE, "dogctl.tools.runner", "dogctl.tools.terraform"),
    # Drivers share what is below them and know nothing of each other.
    "dogctl.registries": REGISTRY,
    "dogctl.registries.artifact_registry": (
        *BASE,
        "dogctl.clouds.google",
        "dogctl.registries.base",
    ),
    "dogctl.registries.credentials": (
        *BASE,
        *(
            f"dogctl.registries.{name}"
            for name in ("artifact_registry", "base", "docker_config", "ecr", "hosts")
        ),
    ),
    "dogctl.registries.oci_content": (*REGISTRY, "dogctl.registries.oci"),
    "dogctl.registries.dockerhub": (*REGISTRY, "dogctl.registries.dockerhub_answers"),
    "dogctl.chartrepos": CHARTS,
    "dogctl.chartrepos.buckets": CHARTS,
    "dogctl.chartrepos.pages": (*CHARTS, "dogctl.tools.runner"),
    "dogctl.chartrepos.s3": (*CHARTS, "dogctl.chartrepos.buckets", "dogctl.clouds.aws_objects"),
    "dogctl.chartrepos.gcs": (
        *CHARTS,
        "dogctl.chartrepos.buckets",
        *("dogctl.clouds.google", "dogctl.clouds.google_objects"),
    ),
    "dogctl.chartrepos.oci": (*CHARTS, "dogctl.registries"),
    "dogctl.output": (*BASE, "dogctl.answer", "dogctl.plan", "dogctl.output", "dogctl._version"),
}
ONLY_IN = {
    "subprocess": ("dogctl.tools.runner",),
    "rich": ("dogctl.output",),
    "typer": ("dogctl.cli",),
    "boto3": ("dogctl.registries.ecr", "dogctl.clouds.aws"),
    "google": ("dogctl.clouds",),
    "lightkube": ("dogctl.clouds",),
    "httpx2": ("dogctl.clouds",),
    "pyhelm3": ("dogctl.tools.helm",),
    "python_terraform": ("dogctl.tools.terraform.command",),
}
# Imported by the command that needs them.
LATE = (
    *("docker", "boto3", "google", "pyhelm3", "pydantic", "requests", "psutil", "rich", "flask"),
    *("lightkube", "httpx2", "yaml", "python_terraform"),
)


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name != "_version.py" and "bundled" not in path.relative_to(PACKAGE).parts[:-1]:
            name = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
            yield name.removesuffix(".__init__"), path


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


@pytest.mark.parametrize(("name", "path"), list(modules()), ids=lambda value: str(value))
def test_a_module_imports_only_what_the_design_allows(name: str, path: Path) -> None:
    if name == "dogctl":
        return
    rule = max((prefix for prefix in ALLOWED if within(name, (prefix,))), key=len)
    for imported in imports(path):
        if within(imported, ("dogctl",)) and imported != "dogctl.own_version":
            assert within(imported, ALLOWED[rule]), f"{name} imports {imported}"
        for library, homes in ONLY_IN.items():
            if within(imported, (library,)):
                assert within(name, homes), f"{name} imports {library}"


def test_only_output_prints() -> None:
    for name, path in modules():
        calls = (
            node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
        )
        printing = any(isinstance(c.func, ast.Name) and c.func.id == "print" for c in calls)
        assert not printing or within(name, ("dogctl.output",)), name


def test_help_imports_no_library_of_a_single_command() -> None:
    program = f"import sys, dogctl.cli.main; print([m for m in {LATE!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_login_for_a_registry_imports_only_what_that_registry_needs() -> None:
    program = (
        "import sys; from dogctl.registries.credentials import *;"
        "from dogctl.registries.base import Login; from dogctl.secrets import Secret;"
        "credentials_for('docker.io', Accounts(Login('dog', Secret('bone'))));"
        f"print([m for m in {LATE!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
