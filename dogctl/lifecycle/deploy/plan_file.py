"""Where a plan is written that is to be approved: looked at before minutes of work go into it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dogctl.errors import ConfigError
from dogctl.tools.git import Git
from dogctl.tools.runner import Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project
    from dogctl.lifecycle.source import Source

FLAG = "--plan-out"


def check_place(project: Project, source: Source, file: Path, runner: Runner) -> None:
    """Raise ConfigError if the file would make the tree unclean: then nobody could carry it out."""
    root, path = project.root.resolve(), file.absolute()
    if source.commit is None or not path.resolve().is_relative_to(root):
        return
    if not Git(project.root, runner).ignores(path):
        raise ConfigError(
            f"{file} would be a change in the project, and the plan one of another tree",
            code="plan-in-tree",
            where=FLAG,
            hint=f"{FLAG} .dogctl/{file.name}, or add {file.name} to .gitignore and commit that",
        )


def check_writable(file: Path) -> None:
    """Raise ConfigError if it cannot be written; makes its folder."""
    new = draft(file)
    try:
        if file.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        file.parent.mkdir(parents=True, exist_ok=True)
        new.touch()
        new.unlink()
    except OSError as error:
        raise ConfigError(
            f"the plan cannot be written to {file}: {error.strerror}",
            code="not-writable",
            where=FLAG,
            hint="name a file in a folder of yours, such as .dogctl/plan.json",
        ) from None


def draft(file: Path) -> Path:
    """Where it is until it is whole."""
    return file.with_name(f".{file.name}.new")
