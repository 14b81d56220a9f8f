"""The plan of a deploy: each stage is a plan of its own, and those that can run at once do."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from dogctl.config.hooks import Stage
from dogctl.errors import ConfigError, DogctlError
from dogctl.image import ImageRef
from dogctl.lifecycle.build import plan_build
from dogctl.lifecycle.bundle import Bundle
from dogctl.lifecycle.charts.packing import Packing, chart_folder
from dogctl.lifecycle.charts.publish import plan_publish
from dogctl.lifecycle.charts.repository import address_of
from dogctl.lifecycle.cleanup.chart_uses import chart_name
from dogctl.lifecycle.compose_engine import find_file
from dogctl.lifecycle.deploy import approval, plan_file, refs
from dogctl.lifecycle.deploy.halves import Looks, Removal
from dogctl.lifecycle.deploy.hooks import Hooks, variables
from dogctl.lifecycle.deploy.images import pushed
from dogctl.lifecycle.deploy.infra_stage import InfraStage
from dogctl.lifecycle.deploy.planning import COMPARE, UNKNOWN, Planning, unknown, unless_unknown
from dogctl.lifecycle.deploy.prune import Prune, limits, prunes
from dogctl.lifecycle.deploy.stages import ordered
from dogctl.lifecycle.deploy.wish import Wish
from dogctl.lifecycle.infra import (
    PLAN,
    Planned,
    has_infra,
)
from dogctl.lifecycle.infra.given import Given, given_by
from dogctl.lifecycle.infra.variables import takes_image
from dogctl.lifecycle.push import Part, plan_push
from dogctl.lifecycle.release import inputs, plan_comparison, plan_release
from dogctl.lifecycle.smoke import plan_smoke
from dogctl.lifecycle.source import Source, read_source
from dogctl.lifecycle.tags import image_tags
from dogctl.lifecycle.targets import TargetDriver, driver, load_step, start_step
from dogctl.plan import Plan, Results, Step, stage
from dogctl.secrets import Redactor, Remember
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

VERB = "deploy"
# What makes an image, and is left out where there is one already.
MAKING = frozenset({Stage.BUILD, Stage.PUSH, Stage.SMOKE, Stage.TAG})


def plan_deploy(
    project: Project,
    wish: Wish,
    *,
    remember: Remember = lambda _: None,
    redact: Redactor | None = None,
    runner: Runner = LOCAL,
    environ: Mapping[str, str] = os.environ,
) -> Plan:
    """Everything from the source to a verified release, or to a plan of it that can be approved.

    Raises ConfigError: this is no branch for it, or no plan that was approved; and DogctlError
    where git or the engine is away.
    """
    deploy = _Deploy(project, wish, remember, redact or Redactor(), runner, environ)
    deploy.check()
    return Plan(VERB, deploy.steps())


@dataclass(frozen=True)
class _Deploy:
    project: Project
    wish: Wish
    remember: Remember
    redact: Redactor
    runner: Runner
    environ: Mapping[str, str]

    def check(self) -> None:
        """Raise ConfigError if it must not be."""
        project, wish = self.project, self.wish
        publishes = self._publishes
        if wish.approved:
            approval.check(
                wish.approved.plan,
                project=project.settings.name,
                environment=project.environment or "",
                place=approval.place(project),
                commit=self._source.revision,
                inputs=inputs(project, wish.approved.plan.ref),
                publish=publishes,
                prune=self._prunes,
            )
            return
        if Stage.SMOKE in self._stages and find_file(project) is None:
            raise ConfigError(
                f"there is no compose file in {project.root} to test the image with",
                code="no-compose-file",
                where=project.origins["compose_file"],
                hint="add a compose.yaml with the app and its database, or --skip smoke",
            )
        if project.settings.ships_from and not wish.any_ref and not wish.promoted:
            refs.check_ref(project, refs.current_refs(project, self.runner, self.environ))
        if wish.only_looks:
            return
        if project.settings.protected:
            self._check_protected()
        if wish.plan_out:
            plan_file.check_place(project, self._source, wish.plan_out, self.runner)
            plan_file.check_writable(wish.plan_out)

    def _check_protected(self) -> None:
        """Raise ConfigError unless it is only planned, and of a commit that can be had again."""
        project, source = self.project, self._source
        if not self.wish.plan_out:
            raise ConfigError(
                f"{project.environment} is protected: it takes approved plans only",
                code="not-approved",
                where=project.origins["protected"],
                hint="dogctl deploy --plan-out FILE; once that is approved,"
                " dogctl deploy --approve FILE --sha256 HASH",
            )
        if source.commit and not source.clean:
            raise ConfigError(
                f"{project.environment} is protected, and the files are those of no commit",
                code="unclean-tree",
                where=str(project.root),
                hint="commit them first; git status shows which",
            )

    def steps(self) -> tuple[Step, ...]:
        if self.wish.plan_out is None:
            return self._ordered(self._stages)
        last = (Stage.COMPARE, Stage.PUBLISH, Stage.RELEASE, Stage.PRUNE)
        first = self._ordered(each for each in self._stages if each not in last)
        planning = Planning(
            self.project,
            self.wish.plan_out,
            self._source.revision,
            self._built_from,
            self._planned_image,
            self._compare if Stage.RELEASE in self._stages else None,
            self.environ,
            self.redact.data,
            self._publishes,
            self._prunes,
        )
        return (*first, *planning.steps(tuple(step.name for step in first)))

    def _ordered(self, stages: Iterable[Stage]) -> tuple[Step, ...]:
        more = {Stage.INFRA: (Stage.TAG, Stage.LOAD)} if takes_image(self.project) else {}
        steps = ordered((self._steps[each] for each in stages), more)
        removal = [self._smoke.step("smoke-remove", (Stage.SMOKE,))]
        return (*steps, *(removal if Stage.SMOKE in self._stages else ()))

    def _planned_image(self, results: Results) -> ImageRef:
        """With its digest, or where it is not pushed the name that it was built under."""
        return self._image(results) or self._version

    def _image(self, results: Results) -> ImageRef | None:
        """The image with its digest, by the name that it is released under."""
        if self.wish.image:
            return self.wish.image
        found = pushed(results)
        if found and found.digest and Stage.TAG in self._stages:
            return self._version.pinned(found.digest)
        return found

    @cached_property
    def _version(self) -> ImageRef:
        """What `dogctl build` calls the image of what is checked out."""
        return image_tags(self.project, self._source)[0]

    def _compare(self, results: Results) -> Plan:
        """What the release would change; nothing is known of a cluster that is yet to be made."""
        planned: Planned | None = results[Stage.INFRA][PLAN] if Stage.INFRA in results else None
        if planned is None or not planned.has_changes:
            return self._comparison(results)
        try:
            plan = self._comparison(results)
        except DogctlError as error:
            if error.code not in UNKNOWN:
                raise
            return Plan(COMPARE, (unknown(COMPARE),))
        return replace(plan, steps=tuple(map(unless_unknown, plan.steps)))

    def _comparison(self, results: Results) -> Plan:
        given = self._given(results)
        return plan_comparison(
            given.project,
            str(self._planned_image(results)),
            self._bundle(given, results),
            remember=self.remember,
            redact=self.redact,
            runner=self.runner,
        )

    @cached_property
    def _stages(self) -> tuple[Stage, ...]:
        left_out = set(self.project.settings.skip)
        if self.wish.image:
            left_out |= MAKING
        if not self._pushes:
            # Then to look at the image is to load it, which comes after its test.
            left_out |= {Stage.PUSH, Stage.TAG, Stage.COMPARE}
        if Stage.RELEASE in left_out:
            left_out |= {Stage.COMPARE}
        if self._pushes or not (has_infra(self.project) and takes_image(self.project)):
            left_out |= {Stage.LOAD}
        if not has_infra(self.project):
            left_out |= {Stage.INFRA}
        if not self.project.settings.publish_chart:
            left_out |= {Stage.PUBLISH}
        if not (self._pushes and prunes(self.project)):
            left_out |= {Stage.PRUNE}
        return tuple(each for each in self._steps if each not in left_out)

    @cached_property
    def _publishes(self) -> str | None:
        """Which chart is published where; None if none is. Raises ConfigError: none can be."""
        if Stage.PUBLISH not in self._stages:
            return None
        chart_folder(self.project)
        return (
            f"{chart_name(self.project)} {self._source.version} to {address_of(self.project).url}"
        )

    @property
    def _prunes(self) -> str | None:
        return limits(self.project) if Stage.PRUNE in self._stages else None

    @property
    def _pushes(self) -> bool:
        return self._target.pushes

    @cached_property
    def _target(self) -> TargetDriver:
        return driver(self.project, self.remember, self.runner)

    @cached_property
    def _steps(self) -> dict[Stage, Step]:
        hooks = Hooks(self.project, self._told, self.runner, self.environ)
        # What is only planned changes nothing in the environment.
        hooked = MAKING if self.wish.plan_out else frozenset(Stage)
        steps = {Stage(step.name): step for step in self._all()}
        return {each: hooks.around(s) if each in hooked else s for each, s in steps.items()}

    def _told(self, results: Results) -> Mapping[str, str]:
        image = self._image(results)
        version = image.tag if image and image.tag else self._source.version
        return variables(self.project, str(image) if image else None, version)

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
            self._smoke.work,
        )
        yield stage(
            Stage.TAG,
            lambda _: "tag the candidate as a release in its registry",
            lambda _: push(Part.RELEASE),
        )
        yield stage(
            Stage.LOAD, lambda _: "load it into the cluster on this machine", lambda _: self._load()
        )
        yield stage(
            Stage.INFRA,
            lambda _: f"let {project.settings.infra} be as it is described",
            self._infra.plan,
        )
        yield stage(
            Stage.COMPARE,
            lambda _: f"compare the release with what runs in {project.environment}",
            self._looks.ahead,
        )
        yield stage(
            Stage.PUBLISH,
            lambda _: f"publish the chart {self._publishes}",
            lambda _: plan_publish(project, Packing(), remember=remember, runner=runner),
        )
        yield stage(
            Stage.RELEASE,
            lambda _: f"release it to {project.environment}",
            self._rest,
        )
        yield Prune(project, self.wish.environments, remember).stage()

    @cached_property
    def _smoke(self) -> Removal:
        def make(_: Results) -> Plan:
            return plan_smoke(
                self.project,
                None,
                again=False,
                keep=False,
                remember=self.remember,
                runner=self.runner,
            )

        return Removal(make)

    @cached_property
    def _looks(self) -> Looks:
        return Looks(self._release, "compare")

    def _rest(self, results: Results) -> Plan:
        if Stage.COMPARE in results:
            return self._looks.rest(results[Stage.COMPARE])
        return self._release(results)

    @cached_property
    def _infra(self) -> InfraStage:
        return InfraStage(
            self.project, self.wish, self._image, self.remember, self.redact, self.runner
        )

    @cached_property
    def _source(self) -> Source:
        return read_source(self.project, self.runner)

    def _load(self) -> Plan:
        start = self.wish.start
        first = (start_step(self._target, start.nodes),) if start else ()
        name = self.wish.image or self._version
        load = load_step(self._target, lambda _: name, tuple(step.name for step in first))
        return Plan("load", (*first, load))

    def _release(self, results: Results) -> Plan:
        image = self._image(results)
        given = self._given(results)
        plan = plan_release(
            given.project,
            str(image) if image else None,
            self.wish.options,
            start=self.wish.start,
            bundle=self._bundle(given, results),
            remember=self.remember,
            redact=self.redact,
            runner=self.runner,
        )
        return replace(plan, warning=None)

    def _given(self, results: Results) -> Given:
        """What the release has of the infrastructure."""
        return given_by(self.project, self._infra.outputs(results))

    def _bundle(self, given: Given, results: Results) -> Bundle:
        hooks = self.project.settings.hooks
        bundle = Bundle(
            values=given.values,
            outputs=self._infra.outputs(results).values,
            commit=self._built_from,
            jobs=tuple(hook.words for hook in hooks if hook.job),
        )
        if approved := self.wish.approved:
            expect = partial(
                approval.check_release, approved.plan, approved.sha256, self.redact.data
            )
            return replace(bundle, approval=approved.sha256, expect=expect)
        return bundle

    @property
    def _built_from(self) -> str | None:
        """The commit that the image was built from, if that is known."""
        if self.wish.approved:
            return self.wish.approved.plan.built_from
        return self.wish.promoted.commit if self.wish.promoted else self._source.revision
