"""Where Terraform works for an environment: a mirror of the project, never the project itself.

Terraform writes beside its configuration, and takes where its state is from there. In the mirror
the configuration is made of links, and so is all that it may refer to by a path of its own; what
is written stays in `.dogctl/infra/ENV/`.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import IO, TYPE_CHECKING

from dogctl.errors import ConfigError, DogctlError
from dogctl.lifecycle.cluster import require_environment
from dogctl.lifecycle.local import make_state, not_writable, try_lock, write
from dogctl.plan import Run
from dogctl.tools.processes import start_mark

if TYPE_CHECKING:
    from dogctl.config.model import Project

# Files of this name complete a configuration, and win over all others:
# https://developer.hashicorp.com/terraform/language/files/override
OVERRIDE = "dogctl_override.tf.json"
LOCK_FILE = ".terraform.lock.hcl"
UNSAVED = "errored.tfstate"
# What Terraform writes beside its configuration, be it here or by hand.
_WRITTEN = (".terraform", "terraform.tfstate", UNSAVED, "crash.log", OVERRIDE)
_NEVER = (".git", ".dogctl")
_POLL = 0.2
# As long as any approval: the setting approval_hours.
KEPT_SECONDS = 720 * 3600


@dataclass(frozen=True)
class Place:
    """The folders and files of one environment's infrastructure.

    Args:
        source: the configuration, in the project.
        environment: the environment's name.
    """

    project: Project
    source: Path
    environment: str

    @property
    def base(self) -> Path:
        return self.project.state / "infra" / self.environment

    @property
    def root(self) -> Path:
        """Where Terraform runs."""
        return self.base / "work" / self.source.relative_to(self.project.root)

    @property
    def log(self) -> Path:
        return self.base / "terraform.log"

    @property
    def plan(self) -> Path:
        """The plan that `dogctl infra plan` made last."""
        return self.base / "plan"

    @property
    def unsaved(self) -> Path:
        """The state that Terraform could not save."""
        return self.root / UNSAVED

    @property
    def values(self) -> Path | None:
        """The environment's own values of variables, if it has any."""
        path = self.root / f"{self.environment}.tfvars"
        return path if path.is_file() else None

    @property
    def is_locked(self) -> bool:
        """Whether the project says which providers it is made for."""
        return (self.source / LOCK_FILE).is_file()

    @property
    def shown(self) -> str:
        """Where Terraform runs, as people may type it in the project's folder."""
        return os.path.relpath(self.root, self.project.root)

    def plan_of(self, sha256: str) -> Path:
        """Where a plan is kept under its own hash, so that nobody takes it for another."""
        return self.base / "plans" / sha256

    def forget_old_plans(self) -> None:
        """Plans hold secrets: those that no approval lasts for go."""
        for plan in (self.base / "plans").iterdir():
            if time.time() - plan.stat().st_mtime > KEPT_SECONDS:
                plan.unlink(missing_ok=True)

    def make(self) -> None:
        """Make the folders. Raises DogctlError."""
        try:
            make_state(self.project.state)
            for folder in (self.base.parent, self.base, self.base / "plans"):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise not_writable(self.base, error) from error

    def mirror(self, backend: Mapping[str, object]) -> None:
        """Let the mirror be what the project is now, with that backend. Raises DogctlError."""
        try:
            self._mirror()
            write_private(self.root / OVERRIDE, _override(backend))
        except OSError as error:
            raise not_writable(self.base, error) from error

    def has_backend(self, backend: Mapping[str, object]) -> bool:
        """Whether the mirror is there, with that backend."""
        file = self.root / OVERRIDE
        return file.is_file() and file.read_bytes() == _override(backend)

    def is_initialised(self) -> bool:
        """Whether `terraform init` has done its work, and nothing that it goes by has changed."""
        return self._stamp.is_file() and self._stamp.read_text() == self._fingerprint()

    def note_initialised(self) -> None:
        """Note that it has. Raises DogctlError."""
        write(self._stamp, self._fingerprint())

    @property
    def _stamp(self) -> Path:
        return self.base / "initialised"

    def _fingerprint(self) -> str:
        """A hash of all that `terraform init` goes by, as far as it has run already."""
        known = self.root / ".terraform" / "modules" / "modules.json"
        folders = [self.root]
        if known.is_file():
            modules = json.loads(known.read_text())["Modules"]
            folders += [self.root / each["Dir"] for each in modules]
        files = sorted(
            {
                file.resolve()
                for folder in folders
                for file in folder.glob("*")
                if file.name.endswith((".tf", ".tf.json")) or file.name == LOCK_FILE
            }
        )
        hashed = hashlib.sha256()
        for file in files:
            hashed.update(f"{file}\0".encode() + file.read_bytes() + b"\0")
        return hashed.hexdigest()

    def _mirror(self) -> None:
        level, mirror = self.project.root, self.base / "work"
        for part in self.source.relative_to(level).parts:
            _link(level, mirror, {*_NEVER, part})
            level, mirror = level / part, mirror / part
        written = {each.name for each in level.iterdir() if each.name.startswith(_WRITTEN)}
        _link(level, mirror, {*_NEVER, *(written - {LOCK_FILE})})


def find_place(project: Project) -> Place:
    """The place of the project's environment. Raises ConfigError: it has no infrastructure."""
    name = require_environment(project)
    given = project.settings.infra
    if given is None:
        raise ConfigError(
            f"the environment {name} has no infrastructure of its own",
            code="no-infra",
            where=f"pyproject.toml:tool.dogctl.env.{name}.infra",
            hint='add infra = "FOLDER" there, the folder of its Terraform configuration',
        )
    source = (project.root / given).resolve()
    root = project.root.resolve()
    if not source.is_relative_to(root) or not any(source.glob("*.tf*")):
        raise ConfigError(
            f"{given} is no folder of the project with a Terraform configuration",
            code="no-infra",
            where=project.origins.get("infra", "infra"),
            hint="correct the setting infra",
        )
    return Place(project, project.root / source.relative_to(root), name)


@contextmanager
def alone(place: Place, step: Run, patience: float) -> Iterator[None]:
    """Let one dogctl at a time work in a place, and no Terraform that a dead one left running.

    A dead run's Terraform goes on, and is waited for however long it takes: it does what this run
    would do. A live run is waited for `patience` seconds. Raises DogctlError.
    """
    place.make()
    with (place.base / "lock").open("a") as file:
        _wait_for_the_living(file, place, step, patience)
        while pid := _running(place):
            step.progress(f"waiting for the Terraform of a run that died (PID {pid})")
            step.sleep(_POLL)
        yield


def remember_run(place: Place, pid: int) -> None:
    """Note a Terraform that may outlive us; the next run waits for it."""
    note = {"pid": pid, "started": start_mark(pid)}
    write_private(place.base / "terraform.pid", json.dumps(note).encode())


def write_private(path: Path, content: bytes) -> None:
    """Write a file for our eyes only, whole or not at all. Raises OSError."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    draft.replace(path)


def _override(backend: Mapping[str, object]) -> bytes:
    return json.dumps({"terraform": {"backend": backend}}).encode()


def _wait_for_the_living(file: IO[str], place: Place, step: Run, patience: float) -> None:
    deadline = monotonic() + patience
    while not try_lock(file.fileno()):
        step.progress("waiting for another dogctl that works on this infrastructure")
        if monotonic() > deadline:
            raise DogctlError(
                f"another dogctl has been at this infrastructure for over {patience:g} s",
                code="infra-busy",
                where=str(place.base),
                hint="wait for it and run the command again, or give --lock-timeout more seconds",
            )
        step.sleep(_POLL)


def _running(place: Place) -> int | None:
    """The PID of a Terraform that runs here, be it of a run that died."""
    try:
        note = json.loads((place.base / "terraform.pid").read_text())
    except (OSError, ValueError):
        return None
    pid = int(note["pid"])
    started = start_mark(pid)
    return pid if started and started == note["started"] else None


def _link(level: Path, mirror: Path, hidden: set[str]) -> None:
    """Links to all in a folder of the project, but for what is hidden, and no others."""
    mirror.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = {each.name: each for each in level.iterdir() if each.name not in hidden}
    for found in mirror.iterdir():
        if found.is_symlink() and wanted.get(found.name) != found.readlink():
            found.unlink()
    for name, target in wanted.items():
        link = mirror / name
        if not link.is_symlink():
            _make_way(link)
            link.symlink_to(target)


def _make_way(path: Path) -> None:
    """A file of Terraform's own gives way to the project's; a folder from before the settings changed."""
    if path.is_dir():
        path.rename(path.with_name(f"{path.name}.old-{os.getpid()}"))
    else:
        path.unlink(missing_ok=True)
