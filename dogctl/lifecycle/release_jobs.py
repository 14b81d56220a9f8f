"""Commands that run once in the cluster before a release, such as a migration of the database.

Each is a Job with the new image, and has what the app's pods have: variables, secrets, volumes and
rights. Before a first release there is nothing of that, nor a database, so the Job runs as soon as
the release has made it, while its pods start.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from dogctl.clouds.kubernetes import JOBS, PODS, Object
from dogctl.errors import Cancelled, ConfigError, DogctlError, ExitCode
from dogctl.lifecycle import record, workloads
from dogctl.lifecycle.evidence import Evidence, gather
from dogctl.lifecycle.manifest import pod_template
from dogctl.lifecycle.record import Record, Result
from dogctl.lifecycle.release_parts import COMPONENT, app_workload, selects
from dogctl.lifecycle.release_steps import Applied, Comparison, Work
from dogctl.lifecycle.revisions import has_worked, revisions
from dogctl.lifecycle.undo import told
from dogctl.plan import Results, Run, Step
from dogctl.tools.helm_storage import Status

LABELS = {"app.kubernetes.io/managed-by": "dogctl", COMPONENT: "job"}
_MARK = "dogctl/release"
# Nothing asks a Job, and it may run wherever there is room.
_OF_SERVERS = (
    *("livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "ports"),
    *("topologySpreadConstraints", "affinity"),
)
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_KEEP_SECONDS = 24 * 3600
NOT_NEEDED = "not needed"

# The error to raise, from what failed, what is known of it, and the revision that there was.
Tell = Callable[[DogctlError, Evidence, int], DogctlError]


@dataclass(frozen=True)
class Jobs:
    """The Jobs of one release, in their order.

    Args:
        again: the comparison as it is with the lock, when what a dead run left is known.
    """

    work: Work
    commands: tuple[tuple[str, ...], ...]
    again: Callable[[Results], Comparison]
    _begun: set[str] = field(default_factory=set, init=False, repr=False)

    def into(self, steps: Sequence[Step]) -> tuple[Step, ...]:
        """The steps of a release with those of the Jobs."""
        before = self._chain("job", self._before, ("secrets", "lock"))
        first = self._chain("first-job", self._first, (self.work.applies, "secrets"))
        found: list[Step] = []
        for step in steps:
            if step.name == self.work.applies:
                found += [*before, _after(step, before)]
            elif step.name == "rollout":
                found += [*first, _after(step, first)]
            else:
                found.append(step)
        return tuple(found)

    def _chain(self, name: str, make: Any, needs: tuple[str, ...]) -> list[Step]:
        steps: list[Step] = []
        for number, words in enumerate(self.commands, 1):
            last = (steps[-1].name,) if steps else ()
            steps.append(make(f"{name}-{number}", words, (*needs, *last)))
        return steps

    def _before(self, name: str, words: tuple[str, ...], needs: tuple[str, ...]) -> Step:
        def done(results: Results) -> str | None:
            compared: Comparison = results["compare"]
            if compared.current:
                return NOT_NEEDED
            if not compared.pending:
                self._app(compared.manifest)
            return NOT_NEEDED if self._is_first(compared) else None

        def run(step: Run) -> str:
            compared = self.again(step.results)
            if compared.current:
                return NOT_NEEDED
            number = compared.latest.number if compared.latest else 0
            return self._run(step, words, compared.manifest, number + 1, _not_begun)

        return Step(name, lambda _: _says(words), run, needs, done, left=self._left(words))

    def _first(self, name: str, words: tuple[str, ...], needs: tuple[str, ...]) -> Step:
        def done(results: Results) -> str | None:
            noted = results[self.work.applies].noted
            return NOT_NEEDED if self._worked(noted) else None

        def run(step: Run) -> str:
            applied: Applied = step.results[self.work.applies]
            number = applied.noted.revision
            return self.work.undone(
                applied, step, lambda: self._run(step, words, applied.manifest, number, _with_logs)
            )

        says = f"at the first release, {_says(words)}"
        return Step(name, lambda _: says, run, needs, done, left=self._left(words))

    def _worked(self, noted: Record) -> bool:
        """Whether this revision, or one before it, has been seen to work."""
        if noted.result is Result.OK:
            return True
        found, records = revisions(self.work.cluster), record.read(self.work.cluster)
        return has_worked((each for each in found if each.number < noted.revision), records)

    def _is_first(self, compared: Comparison) -> bool:
        """Whether nothing has run yet, so that there is no database either."""
        if compared.latest is None or compared.latest.status is Status.DEPLOYED:
            return compared.latest is None
        return not has_worked(revisions(self.work.cluster), record.read(self.work.cluster))

    def _app(self, manifest: Sequence[Object]) -> Object:
        """The workload that a Job is like. Raises ConfigError if there is none."""
        work = self.work
        app = app_workload(manifest, work.project.settings, work.cluster.release)
        if app is None:
            raise ConfigError(
                "the chart has no Deployment, StatefulSet or DaemonSet that a Job could be like",
                code="no-workload",
                where="hooks",
                hint="make it a hook of the chart's own, or a command on this machine with run",
            )
        return app

    def _left(self, words: tuple[str, ...]) -> Callable[[Results], str | None]:
        says = f"{' '.join(words)} goes on in the cluster: the same command waits for its end"
        return lambda _: says if " ".join(words) in self._begun else None

    def _run(
        self,
        step: Run,
        words: tuple[str, ...],
        manifest: Sequence[Object],
        revision: int,
        tell: Tell,
    ) -> str:
        """Run it to its end, unless that was done for this revision.

        Raises DogctlError, with its last words as `tell` has them.
        """
        work = self.work
        cluster, settings = work.cluster, work.project.settings
        app = self._app(manifest)
        job = job_for(app, words, cluster.release, revision, int(settings.release_timeout))
        job = hidden_from(manifest, job)
        work.lease.check()
        name: str = job["metadata"]["name"]
        there = cluster.kubernetes.get(JOBS, name, cluster.namespace)
        if there and (there.get("status") or {}).get("failed"):
            self._remove(step, name)
            there = None
        if there is None:
            cluster.kubernetes.create(JOBS, job, cluster.namespace)
        self._begun.add(" ".join(words))
        try:
            workloads.wait(
                cluster.kubernetes,
                cluster.namespace,
                [job],
                step,
                timeout=settings.release_timeout,
                check=work.lease.check,
            )
        except Cancelled:
            raise
        except DogctlError as error:
            folder = work.project.state / "evidence"
            image = step.results["image"]
            found = gather(cluster, (job,), image, folder, error, work.redact)
            raise tell(error, found, revision - 1) from error
        return name

    def _remove(self, step: Run, name: str) -> None:
        """What failed before is tried anew."""
        cluster = self.work.cluster
        cluster.kubernetes.delete(JOBS, name, cluster.namespace)
        while cluster.kubernetes.get(JOBS, name, cluster.namespace) or cluster.kubernetes.select(
            PODS, cluster.namespace, labels=f"job-name={name}"
        ):
            step.sleep(workloads.POLL)


def _not_begun(error: DogctlError, found: Evidence, latest: int) -> DogctlError:
    """Nothing came after it."""
    says = "nothing, since the release had not begun"
    return told(error, found, says, ExitCode.FAILED, latest)


def _with_logs(error: DogctlError, found: Evidence, _: int) -> DogctlError:
    """What is undone of the release is told by who undoes it."""
    error.detail = (*error.detail, *found.lines)
    return error


def job_for(app: Object, words: Sequence[str], release: str, revision: int, seconds: int) -> Object:
    """A Job that runs the command as the app's main container would.

    Its name is the same for the same command, image and revision, so that a run that goes on after
    a crash finds it.

    Args:
        app: the workload of the app, as the chart renders it.
        seconds: after which it is given up.
    """
    template = deepcopy(dict(pod_template(app)))
    metadata, spec = template.get("metadata") or {}, template["spec"]
    main = _main(metadata, spec["containers"])
    container = {k: v for k, v in main.items() if k not in (*_OF_SERVERS, "args")}
    container["command"] = list(words)
    sidecars = [each for each in spec.get("initContainers") or () if _goes_on(each)]
    kept = {key: value for key, value in spec.items() if key not in _OF_SERVERS}
    pod = {
        **kept,
        "restartPolicy": "Never",
        "initContainers": sidecars,
        "containers": [container],
    }
    labels = {**(metadata.get("labels") or {}), **LABELS, _MARK: release}
    key = "\0".join((*words, str(container.get("image")), str(revision)))
    name = f"{release[:40]}-job-{revision}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": {**LABELS, _MARK: release}},
        "spec": {
            # What a migration does twice is its own business; it is told, and not tried again.
            "backoffLimit": 0,
            "activeDeadlineSeconds": seconds,
            "ttlSecondsAfterFinished": _KEEP_SECONDS,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _main(metadata: Mapping[str, Any], containers: Sequence[Object]) -> Object:
    default = (metadata.get("annotations") or {}).get(_DEFAULT_CONTAINER)
    return next((each for each in containers if each["name"] == default), containers[0])


def _goes_on(container: Mapping[str, Any]) -> bool:
    """A sidecar, such as a proxy of the database, which ends with the Job.

    https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
    """
    return container.get("restartPolicy") == "Always"


def hidden_from(manifest: Sequence[Object], job: Object) -> Object:
    """The Job with labels by which no service, and no workload, takes its pods for its own.

    As long as that is so it keeps those of the app, by which network policies know it.
    """
    labels = job["spec"]["template"]["metadata"]["labels"]
    selectors = [_selector(item) for item in manifest]
    if not any(each and selects(each, labels) for each in selectors):
        return job
    own = {key: value for key, value in labels.items() if key in (*LABELS, _MARK)}
    template = {**job["spec"]["template"], "metadata": {"labels": own}}
    return {**job, "spec": {**job["spec"], "template": template}}


def _selector(item: Object) -> Mapping[str, Any] | None:
    if item["kind"] not in ("Service", "Deployment", "StatefulSet", "DaemonSet"):
        return None
    selector = (item.get("spec") or {}).get("selector")
    if not selector:
        return None
    return {"matchLabels": selector} if item["kind"] == "Service" else selector


def _says(words: Sequence[str]) -> str:
    return f"run {' '.join(words)} in the cluster, with the new image"


def _after(step: Step, others: Sequence[Step]) -> Step:
    return replace(step, needs=(*step.needs, *(each.name for each in others)))
