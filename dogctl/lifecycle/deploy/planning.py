"""The end of a deploy that is only planned: what it would do, written to a file to be approved."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dogctl.answer import Answer, Block, Fields, Text
from dogctl.clouds.gke_errors import API_DISABLED, NO_CLUSTER
from dogctl.config.hooks import Stage
from dogctl.errors import DogctlError
from dogctl.image import ImageRef
from dogctl.lifecycle import record
from dogctl.lifecycle.deploy.approval import Approval, expiry, place, write
from dogctl.lifecycle.image import shown
from dogctl.lifecycle.infra import PLAN, Planned, StoredPlan, store_plan
from dogctl.lifecycle.infra.given import NO_OUTPUT
from dogctl.lifecycle.release import Rendered, inputs
from dogctl.lifecycle.release_image import IMAGE
from dogctl.plan import Plan, Results, Run, Step, stage

if TYPE_CHECKING:
    from dogctl.config.model import Project

COMPARE, APPROVAL, STORE = "compare", "approval", "store"

# Why a release cannot be compared before Terraform has made what it is to make.
UNKNOWN = frozenset({NO_CLUSTER, API_DISABLED, NO_OUTPUT})
_LATER = "known after the infrastructure is made"


@dataclass(frozen=True)
class NotYet:
    """There is nothing to compare with before Terraform has made it."""

    def __str__(self) -> str:
        return _LATER


@dataclass(frozen=True)
class Written:
    """A file to be approved, and its hash."""

    path: Path
    sha256: str
    approval: Approval


@dataclass(frozen=True)
class Planning:
    """What the file is made of.

    Args:
        commit: what is checked out.
        built_from: what the image was built from.
        image: the image, from the results of the stages before.
        compare: makes the plan that compares the release with what runs; None if nothing is
            released by dogctl itself.
        redact: masks all secrets in data.
        publish: the chart that is published, and where.
        prune: what may go of old images and charts.
    """

    project: Project
    file: Path
    commit: str | None
    built_from: str | None
    image: Callable[[Results], ImageRef]
    compare: Callable[[Results], Plan] | None
    environ: Mapping[str, str]
    redact: Callable[[Any], Any]
    publish: str | None = None
    prune: str | None = None

    def steps(self, needs: tuple[str, ...]) -> tuple[Step, ...]:
        """After the stages that change nothing in the environment."""
        if self.compare is None:
            return (self._write(needs),)
        says = "compare the release with what runs"
        return (
            stage(COMPARE, lambda _: says, self.compare, needs),
            self._write((*needs, COMPARE)),
        )

    def _write(self, needs: tuple[str, ...]) -> Step:
        def run(step: Run) -> Written:
            approval = self._approval(step.results)
            return Written(self.file, write(self.file, approval), approval)

        hours = f"{self.project.settings.approval_hours:g}"
        change = f"write what is to be approved to {self.file}, good for {hours} hours"
        return Step(APPROVAL, lambda _: change, run, needs=needs)

    def _approval(self, results: Results) -> Approval:
        settings = self.project.settings
        image = self._pinned(results)
        created, expires = expiry(settings.approval_hours)
        compared: Rendered | NotYet = results[COMPARE][COMPARE] if self.compare else NotYet()
        known = compared if isinstance(compared, Rendered) else None
        return Approval(
            project=settings.name,
            environment=self.project.environment or "",
            place=place(self.project),
            created=created,
            expires=expires,
            by=record.who(self.environ),
            commit=self.commit,
            built_from=self.built_from,
            image=str(image),
            skip=list(map(str, settings.skip)),
            inputs=inputs(self.project, image),
            revision=known.latest.number if known and known.latest else 0,
            release=self.redact([each.data() for each in known.changes]) if known else None,
            infra=self._infra(results),
            run=record.run_address(self.environ),
            publish=self.publish,
            prune=self.prune,
        )

    def _pinned(self, results: Results) -> ImageRef:
        """The image by its digest, which the registry has told if this run has not pushed it."""
        image = self.image(results)
        found = results[COMPARE].get(IMAGE) if COMPARE in results else None
        return found if image.digest is None and found and found.digest else image

    def _infra(self, results: Results) -> dict[str, Any] | None:
        if Stage.INFRA not in results:
            return None
        stored: StoredPlan = results[Stage.INFRA][STORE]
        found: dict[str, Any] = self.redact(asdict(stored))
        return found


def unknown(name: str) -> Step:
    """A step that has nothing to look at yet."""

    def run(_: Run) -> NotYet:
        raise AssertionError("there is nothing to look at")

    return Step(name, lambda _: _LATER, run, done=lambda _: NotYet(), looks=True)


def unless_unknown(step: Step) -> Step:
    """The same look, where it may be too early for it."""

    def done(results: Results) -> Any:
        try:
            return step.done(results)
        except DogctlError as error:
            if error.code not in UNKNOWN:
                raise
            return NotYet()

    def detail(results: Results) -> Sequence[str]:
        return () if isinstance(results.get(step.name), NotYet) else step.detail(results)

    return replace(step, done=done, detail=detail)


def storing(project: Project, plan: Plan, agree: Callable[[Planned], None]) -> Plan:
    """With Terraform's plan put where the run finds it that carries it out.

    `agree` raises DogctlError if that must not be.
    """

    def run(step: Run) -> StoredPlan:
        agree(step.results[PLAN])
        return store_plan(project, step.results[PLAN])

    says = "keep Terraform's plan beside its state, encrypted"
    return replace(plan, steps=(*plan.steps, Step(STORE, lambda _: says, run, needs=(PLAN,))))


def stored_plan(approval: Approval) -> StoredPlan | None:
    """Terraform's part of what was approved."""
    return StoredPlan(**approval.infra) if approval.infra else None


def answer_planning(results: Results) -> Answer:
    """What would be done, and what to type once that is approved."""
    written: Written = results[APPROVAL]
    approval = written.approval
    what = approval.ref.tag or shown(approval.ref)
    blocks: list[Block] = [Text(f"planned: {approval.environment} gets {what}")]
    lines = [*_lines(results), *_besides(approval)]
    blocks += [Text(f"  {line}") for line in lines] or [Text("  nothing would change")]
    file = shlex.quote(str(written.path))
    words = f"dogctl deploy --approve {file} --sha256 {written.sha256}"
    rows = (
        ("Image", shown(approval.ref)),
        ("Plan", str(written.path)),
        ("SHA-256", written.sha256),
        ("Good until", approval.expires),
    )
    data = {
        "plan": str(written.path),
        "sha256": written.sha256,
        "expires": approval.expires,
        "image": approval.image,
        "environment": approval.environment,
        "changes": lines,
    }
    outputs = {"sha256": written.sha256}
    last = Text(f"Once that is approved: {words}")
    return Answer(data, (*blocks, Fields(rows), last), summary=True, outputs=outputs)


def _besides(approval: Approval) -> Iterator[str]:
    """What is done beside the infrastructure and the release."""
    if approval.publish:
        yield f"publish: {approval.publish}"
    if approval.prune:
        yield f"prune: images and charts {approval.prune} that are in use nowhere"


def _lines(results: Results) -> Sequence[str]:
    """All changes, for people."""
    lines: list[str] = []
    if Stage.INFRA in results:
        lines += results[Stage.INFRA]["plan"].lines()
    if COMPARE in results:
        compared = results[COMPARE][COMPARE]
        lines += compared.lines() if isinstance(compared, Rendered) else [f"release: {compared}"]
    return lines
