"""The plan of a deploy: each stage is a plan of its own, and those that can run at once do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from dogctl.answer import Answer, Fields, Text
from dogctl.config.hooks import Stage
from dogctl.image import ImageRef
from dogctl.lifecycle.build import Built, plan_build
from dogctl.lifecycle.bundle import Bundle
from dogctl.lifecycle.deploy.stages import ordered
from dogctl.lifecycle.evidence import Redact
from dogctl.lifecycle.push import Candidate, Part, Release, plan_push
from dogctl.lifecycle.release import Start, answer_release, plan_release
from dogctl.lifecycle.release_steps import Options
from dogctl.lifecycle.smoke import plan_smoke
from dogctl.lifecycle.smoke_passes import Pass
from dogctl.lifecycle.source import Source, read_source
from dogctl.lifecycle.targets import driver
from dogctl.plan import Plan, Results, Step, stage
from dogctl.secrets import Remember
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

VERB = "deploy"
# What makes an image, and is left out where there is one already.
MAKING = frozenset({Stage.BUILD, Stage.PUSH, Stage.SMOKE, Stage.TAG})


@dataclass(frozen=True)
class Wish:
    """What the user asks of one deploy.

    Args:
        options: those of the release.
        image: an image that is there already; None for that of what is checked out.
        start: start the cluster first, if it is one on this machine.
    """

    options: Options
    image: ImageRef | None = None
    start: Start | None = None


def plan_deploy(
    project: Project,
    wish: Wish,
    *,
    remember: Remember = lambda _: None,
    redact: Redact = lambda text: text,
    runner: Runner = LOCAL,
) -> Plan:
    """Everything from the source to a verified release.

    Raises ConfigError, and DogctlError where git or the engine is away.
    """
    work = _Deploy(project, wish, remember, redact, runner)
    warning = f"{project.environment} is protected. This deploys to it."
    return Plan(VERB, work.steps(), warning if project.settings.protected else None)


@dataclass(frozen=True)
class _Deploy:
    project: Project
    wish: Wish
    remember: Remember
    redact: Redact
    runner: Runner

    def steps(self) -> tuple[Step, ...]:
        return ordered(self._steps[each] for each in self._stages)

    @cached_property
    def _stages(self) -> tuple[Stage, ...]:
        left_out = set(self.project.settings.skip)
        if self.wish.image:
            left_out |= MAKING
        if not self._pushes:
            left_out |= {Stage.PUSH, Stage.TAG}
        return tuple(each for each in self._steps if each not in left_out)

    @cached_property
    def _pushes(self) -> bool:
        return driver(self.project, self.remember, self.runner).pushes

    @cached_property
    def _steps(self) -> dict[Stage, Step]:
        return {Stage(step.name): step for step in self._all()}

    def _all(self) -> Iterator[Step]:
        project, runner, remember = self.project, self.runner, self.remember
        push = partial(plan_push, project, remember=remember, runner=runner)
        yield stage(
            Stage.BUILD,
            lambda _: f"build the image of {self._source.version}",
            lambda _: plan_build(project, runner=runner),
        )
        yield stage(
            Stage.PUSH,
            lambda _: "push it as a candidate, under its commit only",
            lambda _: push(Part.CANDIDATE),
        )
        yield stage(
            Stage.SMOKE,
            lambda _: "test it in a stack of its own",
            lambda _: plan_smoke(
                project, None, again=False, keep=False, remember=remember, runner=runner
            ),
        )
        yield stage(
            Stage.TAG,
            lambda _: "tag the candidate as a release in its registry",
            lambda _: push(Part.RELEASE),
        )
        yield stage(
            Stage.RELEASE,
            lambda _: f"release it to {project.environment}",
            self._release,
        )

    @cached_property
    def _source(self) -> Source:
        return read_source(self.project, self.runner)

    def _release(self, results: Results) -> Plan:
        image = self.wish.image or _pushed(results)
        plan = plan_release(
            self.project,
            str(image) if image else None,
            self.wish.options,
            start=self.wish.start,
            bundle=Bundle(commit=self._source.revision),
            remember=self.remember,
            redact=self.redact,
            runner=self.runner,
        )
        return replace(plan, warning=None)


def _pushed(results: Results) -> ImageRef | None:
    """The image in its registry, by its digest; None if this deploy has pushed none."""
    tagged = results.get(Stage.TAG) or results.get(Stage.PUSH)
    if tagged is None:
        return None
    pushed: Candidate = tagged["candidate"]
    release: Release = tagged.get("release", Release(pushed.ref, ()))
    return release.ref.pinned(pushed.digest)


def answer_deploy(environment: str, results: Results) -> Answer:
    """What each stage came to, and where the app runs now."""
    rows = []
    if Stage.BUILD in results:
        built: Built = results[Stage.BUILD]["build"]
        rows.append(("Built", f"in {built.seconds:.1f} s" if built.fresh else "already"))
    if Stage.SMOKE in results:
        passed = isinstance(results[Stage.SMOKE]["start"], Pass)
        rows.append(("Smoke test", "passed already" if passed else "passed"))
    data: dict[str, Any] = {"environment": environment}
    if Stage.RELEASE not in results:
        return Answer(data, (Text(f"deployed to {environment}"), Fields(tuple(rows))))
    released = answer_release(environment, results[Stage.RELEASE])
    says, *others = released.blocks
    return Answer({**data, **released.data}, (says, Fields(tuple(rows)), *others))
