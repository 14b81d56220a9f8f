"""The smoke tests that run on this machine, and what dead ones have left.

Each run has a file, locked for as long as its dogctl lives and made before anything else is. A
stack whose file nobody holds is a dead run's, and the next run removes it. The engine knows the
stacks by a label too, should the files be lost.
"""

from __future__ import annotations

import hashlib
import os
import platform
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING

from dogctl.errors import ToolError
from dogctl.lifecycle.compose_engine import project_name
from dogctl.lifecycle.local import Paths, try_lock
from dogctl.plan import Run
from dogctl.tools.compose import remove
from dogctl.tools.docker import PROJECT, Docker

if TYPE_CHECKING:
    from dogctl.config.model import Project
    from dogctl.tools.runner import Runner

LABEL = "dogctl.smoke"
KEPT = b"kept"
TRIES = 5
PAUSE = 0.3
GRACE = 3.0


class Life(StrEnum):
    """What has become of a run."""

    RUNS = "runs"
    KEPT = "kept"
    DEAD = "dead"


@dataclass
class OwnRun:
    """A run of ours; the lock ends with it, or with us."""

    name: str
    file: Path
    lock: int

    def keep(self) -> None:
        """Leave the stack to whoever asks for its end."""
        os.write(self.lock, KEPT)
        os.close(self.lock)

    def end(self) -> None:
        """Forget a run whose stack is gone."""
        self.file.unlink(missing_ok=True)
        os.close(self.lock)


@dataclass(frozen=True)
class Runs:
    """All runs of a project's smoke test on this machine."""

    project: Project
    docker: Docker
    runner: Runner

    @property
    def base(self) -> str:
        """What the names of all stacks begin with."""
        return f"{project_name(self.project)}-smoke"

    @property
    def label(self) -> tuple[str, str]:
        """What the stacks of these runs carry: another machine may share the engine."""
        whose = f"{platform.node()}:{self.project.root}:{self.project.state}"
        return LABEL, hashlib.sha256(whose.encode()).hexdigest()[:16]

    def begin(self) -> OwnRun:
        """A new run, with a name that no other has."""
        Paths(self.project.state).make()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        name = f"{self.base}-{secrets.token_hex(4)}"
        draft = self._folder / f".{name}"
        lock = os.open(draft, os.O_CREAT | os.O_RDWR, 0o600)
        try_lock(lock)
        # Under its name nobody ever sees it without its lock.
        return OwnRun(name, draft.rename(self._folder / name), lock)

    def left(self, *, kept: bool = False) -> tuple[str, ...]:
        """The names of dead runs' stacks, with `kept` also of those that were to stay."""
        gone = (Life.DEAD, Life.KEPT) if kept else (Life.DEAD,)
        return tuple(name for name, life in self.all().items() if life in gone)

    def all(self) -> dict[str, Life]:
        """What has become of every run whose stack may be there, by the stack's name."""
        found = {}
        for name in self._names():
            with self._claimed(name) as life:
                found[name] = life
        return found

    def sweep(
        self, step: Run, *, kept: bool = False, names: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        """Remove what dead runs have left; answers the names of their stacks.

        `names`: of these stacks only.
        """
        swept = []
        for name in self._names():
            if names is not None and name not in names:
                continue
            with self._claimed(name) as life:
                if life is Life.DEAD or (kept and life is Life.KEPT):
                    step.progress(f"removing {name}")
                    self._end_programs(name)
                    self.remove(name, step)
                    self._file(name).unlink(missing_ok=True)
                    swept.append(name)
        return tuple(swept)

    def remove(self, name: str, step: Run) -> None:
        """Remove all of a stack. Raises ToolError, Cancelled."""
        for left in reversed(range(TRIES)):
            try:
                remove(name, self.runner, volumes=True, kill=True, stop=step.stop)
            except ToolError:
                if not left:
                    raise
            else:
                if not self.docker.stacks(f"{PROJECT}={name}"):
                    return
            step.sleep(PAUSE)  # the engine is still busy with what a dead program asked for

    @property
    def _folder(self) -> Path:
        return Paths(self.project.state).record.parent / "smoke"

    def _file(self, name: str) -> Path:
        return self._folder / name

    def _names(self) -> list[str]:
        # The engine first: a run that begins in between has its file before it has a stack.
        label, value = self.label
        names = set(self.docker.stacks(f"{label}={value}"))
        with suppress(FileNotFoundError):
            names.update(each.name for each in self._folder.iterdir() if each.name[0] != ".")
        return sorted(names)

    @contextmanager
    def _claimed(self, name: str) -> Iterator[Life]:
        """What has become of a run; while this lasts, everybody else sees it as one that runs."""
        try:
            lock = os.open(self._file(name), os.O_RDWR)
        except FileNotFoundError:
            yield Life.DEAD
            return
        try:
            if try_lock(lock):
                yield Life.KEPT if os.read(lock, len(KEPT)) == KEPT else Life.DEAD
            else:
                yield Life.RUNS
        finally:
            os.close(lock)

    def _end_programs(self, name: str) -> None:
        """End what a dead dogctl has started and what goes on without it."""
        from dogctl.tools.processes import ProcessId, stop

        if stop(ProcessId(0, "", name), GRACE):
            sleep(PAUSE)
