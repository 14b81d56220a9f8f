"""A cleanup that was planned, to be looked at and carried out later. It holds no secret."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dogctl.errors import ConfigError
from dogctl.image import Digest
from dogctl.lifecycle.cleanup.policies import Words
from dogctl.lifecycle.cleanup.retention import Decision
from dogctl.registries.inventory import Item

FORMAT = 2
_AGAIN = "dogctl cleanup --plan-out FILE plans anew"


@dataclass(frozen=True)
class Planned:
    """What may go of one part.

    Args:
        place: where that is.
        tags: those of each digest that goes, as they were then.
    """

    place: str
    tags: Mapping[Digest, tuple[str, ...]]

    def allows(self, item: Item) -> bool:
        """Whether it was planned, and has no tag that it had not then."""
        return item.digest in self.tags and set(item.tags) <= set(self.tags[item.digest])


def write(path: Path, words: Words, decided: Mapping[str, tuple[str, Iterable[Decision]]]) -> None:
    """Write what goes, whole or not at all: the same for the same decisions. Raises ConfigError.

    `words` say by which policy, and `decided` has the place of each part, and what was decided
    there, by the part's name.
    """
    parts = {
        name: {"repository": place, "delete": [_going(each) for each in found if not each.keep]}
        for name, (place, found) in decided.items()
    }
    plan = {"format": FORMAT, "policy": asdict(words), **parts}
    try:
        new = path.with_name(f".{path.name}.new")
        new.write_text(json.dumps(plan, indent=2) + "\n")
        new.replace(path)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"cannot write it: {getattr(error, 'strerror', error)}",
            code="plan-unwritable",
            where=str(path),
            hint="name another file with --plan-out",
        ) from None


def read(path: Path, places: Mapping[str, str]) -> dict[str, Planned]:
    """Read what was planned for these parts, by their names; nothing of one that is not in it.

    `places` says where each of them is. Raises ConfigError: it was planned for elsewhere.
    """
    with _reading(path) as plan:
        found = {name: _planned(plan.get(name), place) for name, place in places.items()}
    for name, place in places.items():
        if found[name].place != place:
            raise _wrong(path, f"this plan is for {found[name].place}, and not for {place}")
    return found


def policy(path: Path) -> Words:
    """By which policy it was planned. Raises ConfigError."""
    with _reading(path) as plan:
        return Words(**plan["policy"])


@contextmanager
def _reading(path: Path) -> Iterator[dict[str, Any]]:
    try:
        plan = json.loads(path.read_text())
        if plan["format"] != FORMAT:
            raise ValueError("made by another version of dogctl")
        yield plan
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _wrong(path, f"this is no plan of a cleanup: {error}") from None


def _going(decision: Decision) -> dict[str, Any]:
    item = decision.item
    return {"digest": str(item.digest), "tags": item.tags, "reason": decision.reason}


def _planned(part: Mapping[str, Any] | None, place: str) -> Planned:
    if part is None:
        return Planned(place, {})
    tags = {Digest.parse(each["digest"]): _texts(each["tags"]) for each in part["delete"]}
    return Planned(str(part["repository"]), tags)


def _wrong(path: Path, says: str) -> ConfigError:
    return ConfigError(says, code="wrong-plan", where=str(path), hint=_AGAIN)


def _texts(values: Sequence[object]) -> tuple[str, ...]:
    return tuple(map(str, values))
