"""A cleanup that was planned, to be looked at and carried out later. It holds no secret."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dogctl.errors import ConfigError
from dogctl.image import Digest, ImageRef
from dogctl.lifecycle.cleanup.retention import Decision
from dogctl.registries.inventory import Item

FORMAT = 1
_AGAIN = "dogctl cleanup images --plan-out FILE plans anew"


@dataclass(frozen=True)
class Planned:
    """What may go.

    Args:
        repository: in which it is.
        tags: those of each digest that goes, as they were then.
    """

    repository: ImageRef
    tags: Mapping[Digest, tuple[str, ...]]

    def allows(self, item: Item) -> bool:
        """Whether it was planned, and has no tag that it had not then."""
        return item.digest in self.tags and set(item.tags) <= set(self.tags[item.digest])


def write(path: Path, repository: ImageRef, decided: Iterable[Decision]) -> None:
    """Write what goes, whole or not at all: the same for the same decisions. Raises ConfigError."""
    going = [
        {"digest": str(each.item.digest), "tags": each.item.tags, "reason": each.reason}
        for each in decided
        if not each.keep
    ]
    plan = {"format": FORMAT, "repository": repository.name, "delete": going}
    try:
        new = path.with_name(f".{path.name}.new")
        new.write_text(json.dumps(plan, indent=2) + "\n")
        new.replace(path)
    except OSError as error:
        raise ConfigError(
            f"cannot write it: {error.strerror}",
            code="plan-unwritable",
            where=str(path),
            hint="name another file with --plan-out",
        ) from None


def read(path: Path, repository: ImageRef) -> Planned:
    """Read a plan that was made for this repository. Raises ConfigError."""
    try:
        plan = json.loads(path.read_text())
        if plan["format"] != FORMAT:
            raise ValueError("made by another version of dogctl")
        tags = {Digest.parse(each["digest"]): _texts(each["tags"]) for each in plan["delete"]}
        named = ImageRef.parse(plan["repository"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"this is no plan of a cleanup: {error}",
            code="wrong-plan",
            where=str(path),
            hint=_AGAIN,
        ) from None
    if named.name != repository.name:
        raise ConfigError(
            f"this plan is for {named.name}, and not for {repository.name}",
            code="wrong-plan",
            where=str(path),
            hint=_AGAIN,
        )
    return Planned(repository, tags)


def _texts(values: Sequence[object]) -> tuple[str, ...]:
    return tuple(map(str, values))
