"""The documentation tells the truth: its examples are run, its tables are compared."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dogctl.cli.app import app
from dogctl.errors import ExitCode
from dogctl.lifecycle.config import list_settings
from tests.conftest import REPOSITORY
from tests.testbed.ports import free_port

PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md")])
NAMES = [page.name for page in PAGES]
EXAMPLE_PORT = "5000"


@dataclass(frozen=True)
class Example:
    """A command as shown, and what it is shown to print; `...` stands for anything."""

    command: str
    output: str

    def matches(self, printed: str) -> bool:
        pattern = re.escape(self.output.strip()).replace(r"\.\.\.", ".*")
        return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


def examples(page: Path) -> Iterator[Example]:
    """The commands of all `console` blocks, in order."""
    for block in re.findall(r"^```console\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield Example(command, output)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A copy of what the examples use."""
    for name in ("webapp", "templates"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    yield tmp_path
    subprocess.run([sys.executable, "-m", "dogctl", "down"], cwd=tmp_path, check=True)


@pytest.mark.real
@pytest.mark.parametrize("page", [page for page in PAGES if list(examples(page))], ids=str)
def test_the_examples_print_what_they_are_shown_to_print(page: Path, project: Path) -> None:
    port = str(free_port())
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "FLASK_PORT": port}
    for example in examples(page):
        done = subprocess.run(
            ["/bin/sh", "-c", example.command.replace(EXAMPLE_PORT, port)],
            cwd=project,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        printed = [text.replace(port, EXAMPLE_PORT) for text in (done.stdout, done.stderr)]
        assert any(map(example.matches, printed)), f"{example}\nprinted {printed}"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        assert "://" in target or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_make_targets_exist(page: Path) -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_setting_is_documented() -> None:
    shown = table(REPOSITORY / "docs" / "settings.md")
    real = [
        tuple("" if cell == "-" else cell for cell in setting.values())
        for setting in list_settings().data["settings"]
    ]
    assert shown == [tuple(map(str, row)) for row in real]


def test_every_exit_code_is_documented() -> None:
    rows = table(REPOSITORY / "docs" / "cli.md")
    documented = {int(row[0]) for row in rows if row[0].isdigit()}
    assert documented == set(map(int, ExitCode))


def test_every_command_is_documented() -> None:
    text = (REPOSITORY / "docs" / "cli.md").read_text()
    names = [command.name for command in app.registered_commands]
    for group in app.registered_groups:
        assert group.typer_instance is not None
        prefix = group.typer_instance.info.name
        names += [
            f"{prefix} {command.name}" for command in group.typer_instance.registered_commands
        ]
    assert len(names) > 8
    for name in names:
        assert f"`dogctl {name}" in text, name


def table(page: Path) -> list[tuple[str, ...]]:
    """The cells of all tables, without their heads, code marks and dashes for nothing."""
    rows = [
        tuple(cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line)[1:-1])
        for line in page.read_text().splitlines()
        if line.startswith("|")
    ]
    marks = [i for i, row in enumerate(rows) if set("".join(row)) <= {"-"}]
    heads = {*marks, *(i - 1 for i in marks)}
    return [
        tuple("" if cell == "-" else cell for cell in row)
        for i, row in enumerate(rows)
        if i not in heads
    ]
