"""Commands that run once in the cluster before a release, such as a migration of the database.

Each is a Job with the new image, and has what the app's pods have: variables, secrets, volumes and
rights. Before a first release there is nothing of that, nor a database, so the Job runs as soon as
the release has made it, while its pods start.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from dogctl.clouds.kubernetes import JOBS, PODS, Object
from dogctl.errors import Cancelled, DogctlError, ExitCode
from dogctl.lifecycle import workloads
from dogctl.lifecycle.evidence import gather
from dogctl.lifecycle.manifest import pod_template
from dogctl.lifecycle.record import Result
from dogctl.lifecycle.release_parts import COMPONENT, app_workload, selects
from dogctl.lifecycle.release_steps import Applied, Comparison, Work
from dogctl.lifecycle.undo import told
from dogctl.plan import Results, Run, Step

LABELS = {"app.kubernetes.io/managed-by": "dogctl", COMPONENT: "job"}
_MARK = "dogctl/release"
# Nothing asks a Job, and it may run wherever there is room.
_OF_SERVERS = (
    *("livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "ports"),
    *("topologySpreadConstraints", "affinity"),
)
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_KEEP_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Jobs:
    """The Jobs of one release, in their order."""

    work: Work
    commands: tuple[tuple[str, ...], ...]

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
            return "not needed" if compared.current or compared.latest is None else None

        def run(step: Run) -> str:
            compared: Comparison = step.results["compare"]
            number = compared.latest.number if compared.latest else 0
            return self._run(step, words, number + 1)

        return Step(name, lambda _: _says(words), run, needs=needs, done=done)

    def _first(self, name: str, words: tuple[str, ...], needs: tuple[str, ...]) -> Step:
        def done(results: Results) -> str | None:
            applied: Applied = results[self.work.applies]
            first = applied.noted.revision == 1 and applied.noted.result is not Result.OK
            return None if first else "not needed"

        def run(step: Run) -> str:
            applied: Applied = step.results[self.work.applies]
            return self.work.undone(applied, step, lambda: self._run(step, words, 1))

        return Step(name, lambda _: f"at the first release, {_says(words)}", run, needs, done)

    def _run(self, step: Run, words: tuple[str, ...], revision: int) -> str:
        """Run it to its end, unless that was done for this revision. Raises DogctlError."""
        work, compared = self.work, step.results["compare"]
        cluster, settings = work.cluster, work.project.settings
        app = app_workload(compared.manifest, settings, cluster.release)
        if app is None:
            raise AssertionError("a release without a workload runs no image")
        job = job_for(app, words, cluster.release, revision, int(settings.release_timeout))
        job = hidden_from(compared.manifest, job)
        work.lease.check()
        name: str = job["metadata"]["name"]
        there = cluster.kubernetes.get(JOBS, name, cluster.namespace)
        if there and (there.get("status") or {}).get("failed"):
            self._remove(step, name)
            there = None
        if there is None:
            cluster.kubernetes.create(JOBS, job, cluster.namespace)
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
            raise self._told(error, job, step) from error
        return name

    def _told(self, error: DogctlError, job: Object, step: Run) -> DogctlError:
        """With the Job's last words; what comes after it has not begun."""
        work = self.work
        folder = work.project.state / "evidence"
        image = step.results["image"]
        found = gather(work.cluster, (job,), image, folder, error, work.redact)
        says = "nothing, since the release had not begun"
        latest = step.results["compare"].latest
        return told(error, found, says, ExitCode.FAILED, latest.number if latest else 0)

    def _remove(self, step: Run, name: str) -> None:
        """What failed before is tried anew."""
        cluster = self.work.cluster
        cluster.kubernetes.delete(JOBS, name, cluster.namespace)
        while cluster.kubernetes.get(JOBS, name, cluster.namespace) or cluster.kubernetes.select(
            PODS, cluster.namespace, labels=f"job-name={name}"
        ):
            step.sleep(workloads.POLL)


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
