"""`dogctl release`: the app in an environment's cluster, as its chart says.

What would change is asked of the cluster first, so that a release that changes nothing makes no
revision. Helm applies; dogctl waits itself, since Helm waits for a pod that crashes as long as for
a slow one. What fails is looked at, saved, and rolled back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from dogctl.answer import Answer, Block, Fields, Text
from dogctl.errors import Cancelled, ConfigError
from dogctl.image import ImageRef
from dogctl.lifecycle import record, release_secrets
from dogctl.lifecycle.bundle import ALONE, Bundle
from dogctl.lifecycle.chart import Chart, Values, chart_values, inputs_hash
from dogctl.lifecycle.charts.fetch import release_chart
from dogctl.lifecycle.cluster import check_pin, connect
from dogctl.lifecycle.evidence import Redact
from dogctl.lifecycle.image import shown
from dogctl.lifecycle.manifest import objects
from dogctl.lifecycle.record import Record
from dogctl.lifecycle.release_backup import backup_step
from dogctl.lifecycle.release_diff import changes, hook_changes
from dogctl.lifecycle.release_image import image_step
from dogctl.lifecycle.release_jobs import Jobs
from dogctl.lifecycle.release_secrets import NOTHING, Brought, brought
from dogctl.lifecycle.release_steps import TAKEN, Applied, Comparison, Options, Work, look_only
from dogctl.lifecycle.revisions import give_up, revisions
from dogctl.lifecycle.targets import start_step
from dogctl.lifecycle.verify import Verified
from dogctl.plan import Plan, Results, Run, Step
from dogctl.secrets import Remember
from dogctl.tools.helm_storage import Revision
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project


@dataclass(frozen=True)
class Rendered(Comparison):
    """A release to come, beside what there is; with the values and the chart that it is made of.

    `brought` are the secrets that it brings.
    """

    values: Values
    chart: str
    brought: Brought


@dataclass(frozen=True)
class Start:
    """That a cluster on this machine is to be started, and with how many nodes a new one."""

    nodes: int | None = None


def plan_release(
    project: Project,
    image: str | None,
    options: Options,
    *,
    start: Start | None = None,
    bundle: Bundle = ALONE,
    remember: Remember = lambda _: None,
    redact: Redact = lambda text: text,
    runner: Runner = LOCAL,
) -> Plan:
    """Compare with what runs, and change that; or do nothing.

    Args:
        image: the image to release, if not the one of what is checked out.
        start: start the cluster first, if it does not run.
        bundle: what the deploy that this belongs to has for it.
        remember: hears of every secret before it is used.
        redact: masks all of them.

    Raises ConfigError, and DogctlError if the cluster is away or not the right one.
    """
    cluster = connect(
        project, remember=remember, changes=True, start=start is not None, runner=runner
    )
    if start is None and not cluster.target.pushes:
        cluster.target.check()  # before an image is loaded into what does not run
    pinned = partial(check_pin, project, cluster, changes=True)
    first = (start_step(cluster.target, start.nodes, pinned),) if start else ()
    needs = tuple(step.name for step in first)
    work = _Work(project, cluster, options, remember, redact, verb="release", applies="upgrade")
    release = _Release(work, bundle)
    steps = (
        *first,
        image_step(project, cluster.target, image, needs, remember, runner),
        release.compare(),
        work.take(),
        backup_step(work),
        release.secrets(),
        release.upgrade(),
        work.roll_out(),
        work.verify(),
        work.give_back(),
    )
    steps = Jobs(work, bundle.jobs, release.again).into(steps)
    warning = f"{project.environment} is protected. This releases to {cluster.namespace} there."
    return Plan("release", steps, warning if project.settings.protected else None)


def plan_comparison(
    project: Project,
    image: str,
    bundle: Bundle = ALONE,
    *,
    remember: Remember = lambda _: None,
    redact: Redact = lambda text: text,
    runner: Runner = LOCAL,
) -> Plan:
    """Only look what a release would change. Raises as `plan_release` does."""
    cluster = connect(project, remember=remember, runner=runner)
    work = _Work(project, cluster, Options(), remember, redact, verb="compare", applies="upgrade")
    found = image_step(project, cluster.target, image, (), remember, runner)
    return Plan("compare", (found, _Release(work, bundle).compare()))


def inputs(project: Project, image: ImageRef) -> str:
    """One hash of the chart and the values that a release of the image is made of.

    Raises ConfigError.
    """
    chart = release_chart(project)
    return inputs_hash(chart, chart_values(project, chart, image))


def answer_release(environment: str, results: Results) -> Answer:
    """What runs now."""
    applied: Applied = results["upgrade"]
    what = f"{applied.noted.version or applied.noted.image} in {environment}"
    says = f"released {what}" if applied.fresh else f"{what} is up to date: nothing to do"
    return answer(says, environment, applied, results)


def answer(says: str, environment: str, applied: Applied, results: Results) -> Answer:
    """A revision that was verified."""
    verified: Verified = results["verify"]
    compared: Comparison = results["compare"]
    noted = applied.noted
    rows = [
        ("Image", noted.image or "-"),
        ("Revision", str(noted.revision)),
        ("Chart", noted.chart),
        ("Pods", f"{verified.pods} run that image"),
    ]
    if verified.service:
        rows.append(("Health", f"{verified.status} through the service {verified.service}"))
    rows += [("Look", "dogctl status"), ("Rollback", "dogctl rollback")]
    data = {
        "environment": environment,
        "revision": noted.revision,
        "image": noted.image,
        "chart": noted.chart,
        "pods": verified.pods,
        "service": verified.service,
        "status": verified.status,
        "changes": [each.data() for each in compared.changes],
    }
    blocks: tuple[Block, ...] = (Text(says), Fields(tuple(rows)))
    return Answer(data, blocks)


@dataclass(frozen=True)
class _Work(Work):
    """The shared steps; with a release that is undone go the secrets that it brought."""

    def take_back(self, results: Results) -> None:
        compared: Rendered = results["compare"]
        settings, found = self.project.settings, results["secrets"]
        release_secrets.take_back(self.cluster, settings, compared.manifest, found)


@dataclass(frozen=True)
class _Release:
    work: Work
    bundle: Bundle

    @cached_property
    def _chart(self) -> Chart:
        return release_chart(self.work.project, self.work.remember)

    @cached_property
    def _defaults(self) -> Values:
        """The values of a chart that only Helm can open."""
        return {} if self._chart.folder else dict(self.work.cluster.helm.defaults(self._chart))

    def compare(self) -> Step:
        def done(results: Results) -> Rendered:
            return self._compared(results["image"])

        def change(results: Results) -> str:
            return results.show("compare") if "image" in results else results.show("image")

        def detail(results: Results) -> Sequence[str]:
            lines: list[str] = results["compare"].lines()
            return lines

        return Step(
            "compare", change, look_only, needs=("image",), done=done, detail=detail, looks=True
        )

    def secrets(self) -> Step:
        """The secrets of the environment, in the cluster before Helm is called."""
        work = self.work

        def done(results: Results) -> Brought | None:
            compared: Rendered = results["compare"]
            # What a dead run has left is known once it is given up.
            return None if compared.brought.edits or compared.pending else NOTHING

        def run(step: Run) -> Brought:
            work.lease.check()
            found = self.again(step.results).brought
            release_secrets.write(work.cluster, found)
            return found

        def change(results: Results) -> str:
            edits = results["compare"].brought.edits if "compare" in results else ()
            return f"write the secrets {', '.join(e.name for e in edits)}" if edits else "no secret"

        return Step("secrets", change, run, needs=("compare", "backup"), done=done)

    def upgrade(self) -> Step:
        work = self.work

        def done(results: Results) -> Applied | None:
            compared: Rendered = results["compare"]
            # With the lock it is compared again: another run may have been at work.
            if not compared.current or compared.latest is None or results.get("lock") == TAKEN:
                return None
            noted = self._note(compared.latest.number, results["image"], compared.chart)
            return work.found(compared, noted)

        def run(step: Run) -> Applied:
            work.lease.check()
            compared = self.again(step.results)
            found = revisions(work.cluster)
            number = found[-1].number + 1 if found else 1
            noted = self._note(number, step.results["image"], compared.chart)
            if compared.current:
                return work.found(compared, replace(noted, revision=number - 1))
            record.write(work.cluster, noted)
            applied = Applied(noted, compared.manifest)
            work.undone(applied, step, lambda: self._upgrade(compared, applied, step))
            record.forget(work.cluster, [each.number for each in revisions(work.cluster)])
            return applied

        def change(results: Results) -> str:
            image = results.show("image", shown)
            return f"release {image} as {work.cluster.release} in {work.cluster.namespace}"

        def left(_: Results) -> str:
            return (
                "Helm was stopped at it, and some of it may be in the cluster: dogctl release goes"
                " on, dogctl rollback takes it back"
            )

        needs = ("image", "compare", "secrets", "lock")
        return Step("upgrade", change, run, needs=needs, done=done, left=left)

    def _note(self, number: int, image: ImageRef, chart: str) -> Record:
        bundle = self.bundle
        return replace(
            self.work.note(number, image, chart),
            commit=bundle.commit,
            outputs=dict(bundle.outputs) or None,
            approval=bundle.approval,
        )

    def again(self, results: Results) -> Rendered:
        """The comparison, made again if another run was at work before we had the lock.

        It may have died at it: then nothing was compared before.
        """
        compared: Rendered = results["compare"]
        before = compared.latest.number if compared.latest else 0
        found = revisions(self.work.cluster)
        same = (found[-1].number if found else 0) == before
        return compared if same and not compared.pending else self._compared(results["image"])

    def _upgrade(self, compared: Rendered, applied: Applied, step: Run) -> None:
        cluster, noted = self.work.cluster, applied.noted
        try:
            cluster.helm.upgrade(
                cluster.release,
                self._chart,
                compared.values,
                description=f"dogctl: {noted.version} by {noted.by}",
                stop=step.stop,
            )
        except Cancelled:
            latest = revisions(cluster)[-1:]
            if latest and latest[0].status.pending:  # Helm did not stop in time, and was killed
                give_up(cluster, latest[0])
            raise
        brought: Brought = step.results["secrets"]
        release_secrets.roll(cluster, self.work.project.settings, compared.manifest, brought)

    def _compared(self, image: ImageRef) -> Rendered:
        """What a release of the image would change. Raises DogctlError."""
        cluster = self.work.cluster
        values = chart_values(
            self.work.project, self._chart, image, self._defaults, self.bundle.values
        )
        found = revisions(cluster)
        latest = found[-1] if found else None
        if latest and latest.status.pending:
            # Helm compares nothing while it is at work, or was killed at it.
            return Rendered((), (), latest, None, values, latest.chart, NOTHING)
        rendered = cluster.helm.render(cluster.release, self._chart, values)
        if image.name not in rendered["manifest"]:
            raise _ignored(self._chart, image)
        manifest = tuple(objects(rendered["manifest"]))
        old = objects(latest.manifest) if latest else []
        hooks = hook_changes(_hooks(latest.document) if latest else {}, _hooks(rendered))
        metadata = rendered["chart"]["metadata"]
        known = changes(cluster.kubernetes, cluster.namespace, old, manifest)
        own = brought(self.work.project, cluster, manifest)
        for secret in own.secrets():
            self.work.remember(secret)
        found_changes = (*known, *own.changes(known), *hooks)
        records = record.read(cluster) if latest else {}
        self.bundle.expect(found_changes, {each.number: _approval(records, each) for each in found})
        return Rendered(
            manifest,
            found_changes,
            latest,
            records.get(latest.number) if latest else None,
            values,
            f"{metadata['name']}-{metadata['version']}",
            own,
        )


def _ignored(chart: Chart, image: ImageRef) -> ConfigError:
    """Else something else would run, and be taken for what was released."""
    return ConfigError(
        f"the chart runs no image {image.name}",
        code="image-not-in-chart",
        where=chart.ref,
        hint="let its templates take the image from the values image.repository, image.tag and"
        " image.digest",
    )


def _approval(records: Mapping[int, Record], revision: Revision) -> str | None:
    noted = records.get(revision.number)
    return noted.approval if noted else None


def _hooks(document: Mapping[str, Any]) -> dict[str, str]:
    return {each["name"]: each["manifest"] for each in document.get("hooks") or ()}
