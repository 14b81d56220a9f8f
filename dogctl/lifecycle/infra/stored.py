"""Plans that wait for an approval: beside the state, encrypted, since they hold secrets."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dogctl.errors import DogctlError
from dogctl.lifecycle.infra.buckets import open_bucket
from dogctl.lifecycle.infra.place import Place, find_place, write_private
from dogctl.lifecycle.infra.planned import Planned, file_hash
from dogctl.lifecycle.infra.state import State, Store, find_state
from dogctl.lifecycle.local import not_writable
from dogctl.tools.terraform.causes import BAD_PLAN

if TYPE_CHECKING:
    from dogctl.config.model import Project

NO_PLAN = "plan-missing"


@dataclass(frozen=True)
class StoredPlan:
    """A plan that was put where other runs find it.

    Args:
        sha256: its hash, in hexadecimal digits.
        where: its place, for people.
        changes: what it changes, as data.
    """

    sha256: str
    where: str
    changes: Sequence[Mapping[str, Any]] = ()


def store_plan(project: Project, planned: Planned) -> StoredPlan:
    """Put a plan beside the state, under its hash. Raises DogctlError."""
    state = find_state(project)
    changes = [each.data() for each in planned.changes]
    if state.store is Store.LOCAL:
        return StoredPlan(planned.sha256, str(planned.file), changes)
    key = state.plan_key(planned.sha256)
    open_bucket(project, state).put(key, planned.file.read_bytes())
    return StoredPlan(planned.sha256, f"{state.store}://{state.bucket}/{key}", changes)


def fetch_plan(project: Project, sha256: str) -> Path:
    """A file with the plan of that hash.

    Raises DogctlError: it is not there any more, or is another one.
    """
    state, place = find_state(project), find_place(project)
    file = place.plan_of(sha256)
    if file_hash(file) == sha256:
        return file
    content = None
    if state.store is not Store.LOCAL:
        content = open_bucket(project, state).get(state.plan_key(sha256))
    if content is None:
        raise DogctlError(
            "the plan that was approved is not there any more",
            code=NO_PLAN,
            where=_where(state, sha256),
            hint="make a new plan, and have that approved",
        )
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DogctlError(
            "the stored plan is another one than the one that was approved",
            code=BAD_PLAN,
            where=_where(state, sha256),
            hint="see who may write there; make a new plan, and have that approved",
        )
    place.make()
    write_private(file, content)
    return file


def save_plan(place: Place, planned: Path, out: Path | None) -> Path:
    """Put a copy of a plan where the user wants it, or where the last one is kept.

    Answers its path, as people may type it here. Raises DogctlError.
    """
    path = out or place.plan
    try:
        write_private(path, planned.read_bytes())
    except OSError as error:
        raise not_writable(path, error) from error
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _where(state: State, sha256: str) -> str:
    if state.store is Store.LOCAL:
        return str(state.path)
    return f"{state.store}://{state.bucket}/{state.plan_key(sha256)}"
