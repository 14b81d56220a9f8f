"""Hooks of a deploy, as settings: a command or a Job of one's own, before or after one of its steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dogctl.config import parse
from dogctl.config.parse import ProblemsError


class Stage(StrEnum):
    """The steps of a deploy that hooks belong to and that can be skipped, in their order."""

    BUILD = "build"
    PUSH = "push"
    SMOKE = "smoke"
    TAG = "tag"
    LOAD = "load"
    INFRA = "infra"
    COMPARE = "compare"
    PUBLISH = "publish"
    RELEASE = "release"
    PRUNE = "prune"


@dataclass(frozen=True)
class Hook:
    """One thing that is done before or after a step.

    Args:
        stage: the step.
        before: whether it is done before it, else after it.
        words: the command.
        job: whether that runs in the cluster, in the image that is released, else on this machine.
    """

    stage: Stage
    before: bool
    words: tuple[str, ...]
    job: bool = False

    def as_data(self) -> dict[str, Any]:
        """What was given, by the names it was given by; JSON types only."""
        when, how = "before" if self.before else "after", "job" if self.job else "run"
        return {when: str(self.stage), how: list(self.words)}


def parse_hooks(value: Any) -> tuple[Hook, ...]:
    """Read the list of hooks. Raises ProblemsError with everything that is wrong in it."""
    if not isinstance(value, list):
        raise ValueError('must be a list such as [{ before = "release", run = ["make", "note"] }]')
    hooks, problems = [], []
    for index, item in enumerate(value):
        try:
            hooks.append(_read(item))
        except ValueError as error:
            problems.append((f"[{index}]", str(error)))
    if problems:
        raise ProblemsError(problems)
    return tuple(hooks)


def parse_stages(value: Any) -> tuple[Stage, ...]:
    """Read a list of steps."""
    if not isinstance(value, list):
        raise ValueError('must be a list of steps, such as ["smoke"]')
    return tuple(map(parse.one_of(Stage), value))


def _read(item: Any) -> Hook:
    keys = set(item) if isinstance(item, Mapping) else set()
    when, how = keys & {"before", "after"}, keys & {"run", "job"}
    if len(when) != 1 or len(how) != 1 or keys != when | how:
        raise ValueError('must have "before" or "after" a step, "run" or "job", and nothing else')
    (at,), (kind,) = when, how
    if kind == "job" and (at, item[at]) != ("before", Stage.RELEASE):
        raise ValueError('a job runs in the cluster, before "release"')
    stage = parse.one_of(Stage)(item[at])
    return Hook(stage, at == "before", parse.command(item[kind]), kind == "job")
