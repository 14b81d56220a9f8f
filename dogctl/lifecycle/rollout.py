"""How far the workloads of a release have come, and which will never be ready.

Pure: objects of the cluster in, a verdict out. What counts as ready is what `kubectl rollout status`
counts: https://github.com/kubernetes/kubectl/blob/master/pkg/polymorphichelpers/rollout_status.go
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dogctl.lifecycle.manifest import Object, title

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")

# How long a cause has to last, in seconds, before it counts: a registry may fail once, and what a
# container needs may be made a moment later.
PATIENCE = {
    "image-pull": 6.0,
    "no-such-image": 1.0,
    "bad-image-name": 0.0,
    "bad-container": 10.0,
    "wrong-architecture": 0.0,
    "crash-loop": 2.0,
    "out-of-memory": 2.0,
    "pod-refused": 5.0,
    "quota": 5.0,
    "unschedulable": 120.0,
    "job-failed": 0.0,
    "rollout-stuck": 0.0,
}
# Restarts after which a crash is a loop: the second crash shows that the first was no accident.
RESTARTS = 1

_WAITING = {
    "ImagePullBackOff": "image-pull",
    "ErrImagePull": "image-pull",
    "ErrImageNeverPull": "no-such-image",
    "InvalidImageName": "bad-image-name",
    "CreateContainerConfigError": "bad-container",
    "CreateContainerError": "bad-container",
    "RunContainerError": "bad-container",
}
_NO_IMAGE = ("not found", "manifest unknown")
_ARCHITECTURE = ("exec format error", "no match for platform")


@dataclass(frozen=True)
class Cause:
    """Why pods of a workload do not become ready.

    Args:
        code: a stable name of the cause, a key of PATIENCE.
        message: one line.
        workload: whose pods they are, such as Deployment/web.
        pod, container: the first one with it, if any.
    """

    code: str
    message: str
    workload: str
    pod: str | None = None
    container: str | None = None


@dataclass(frozen=True)
class Progress:
    """How far one workload has come.

    Args:
        workload: such as Deployment/web.
        ready, wanted: pods of the new kind that are ready, and how many there are to be.
        done: whether nothing is left to wait for.
        waits: what it waits for, in a few words.
        causes: what stands in its way.
        pods: the names of its new pods.
    """

    workload: str
    ready: int
    wanted: int
    done: bool
    waits: str
    causes: tuple[Cause, ...]
    pods: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.workload} {self.ready}/{self.wanted}"


def progress(item: Object, owned: Sequence[Object], pods: Sequence[Object]) -> Progress:
    """How far a workload has come.

    Args:
        item: the workload.
        owned: the ReplicaSets that belong to it; none but a Deployment has any.
        pods: all pods that may be its.
    """
    new = new_pods(item, owned, pods)
    ready = sum(is_ready(pod) for pod in new)
    wanted, done, waits = _READ[item["kind"]](item)
    causes = (*_own_causes(item, owned), *(c for pod in new for c in _causes(item, pod)))
    names = tuple(pod["metadata"]["name"] for pod in new)
    return Progress(title(item), min(ready, wanted), wanted, done, waits, causes, names)


def new_pods(item: Object, owned: Sequence[Object], pods: Sequence[Object]) -> list[Object]:
    """The workload's pods that are made from its present template, and are not on their way out."""
    owners = {item["metadata"]["uid"]}
    label: tuple[str, str] | None = None
    if item["kind"] == "Deployment":
        owners = {each["metadata"]["uid"] for each in new_sets(item, owned)}
    elif item["kind"] == "StatefulSet" and item["status"].get("updateRevision"):
        label = ("controller-revision-hash", item["status"]["updateRevision"])
    return [
        pod
        for pod in pods
        if owners & {owner["uid"] for owner in pod["metadata"].get("ownerReferences", ())}
        and (label is None or pod["metadata"].get("labels", {}).get(label[0]) == label[1])
        and "deletionTimestamp" not in pod["metadata"]
    ]


def new_sets(item: Object, owned: Sequence[Object]) -> list[Object]:
    """The Deployment's ReplicaSet of its present template."""
    return [each for each in owned if _revision(each) == _revision(item)]


def _revision(item: Object) -> str | None:
    annotations: Mapping[str, str] = item["metadata"].get("annotations") or {}
    return annotations.get("deployment.kubernetes.io/revision")


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether it serves; a pod that has done its work counts too."""
    status = pod.get("status", {})
    if status.get("phase") == "Succeeded":
        return True
    return any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", ()))


class Watch:
    """Remembers since when each cause has been there, since some pass by themselves."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], float] = {}

    def doomed(self, found: Sequence[Progress], now: float) -> Cause | None:
        """The cause for which the rollout will never end, if there is one.

        A crash counts only once all other workloads are there: an app may crash until its database
        is ready.
        """
        present = {(c.code, c.workload): c for each in found for c in each.causes}
        self._since = {key: self._since.get(key, now) for key in present}
        lasting = [
            cause
            for key, cause in present.items()
            if now - self._since[key] >= PATIENCE[cause.code]
        ]
        others = {each.workload for each in found if not each.done and not each.causes}
        return next((c for c in lasting if c.code not in _MAY_DEPEND or not others), None)


_MAY_DEPEND = frozenset({"crash-loop", "out-of-memory"})


def _deployment(item: Object) -> tuple[int, bool, str]:
    wanted = int(item["spec"].get("replicas", 1))
    status = item["status"]
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    if not _is_seen(item):
        return wanted, False, "the cluster to take note"
    if updated < wanted:
        return wanted, False, f"{wanted - updated} new pods to be made"
    if total > updated:
        return wanted, False, f"{total - updated} old pods to end"
    missing = wanted - status.get("availableReplicas", 0)
    return wanted, missing <= 0, f"{missing} new pods to be ready"


def _stateful_set(item: Object) -> tuple[int, bool, str]:
    wanted = int(item["spec"].get("replicas", 1))
    status = item["status"]
    if not _is_seen(item):
        return wanted, False, "the cluster to take note"
    if item["spec"].get("updateStrategy", {}).get("type") == "OnDelete":
        return wanted, True, ""
    partition = item["spec"].get("updateStrategy", {}).get("rollingUpdate", {}).get("partition", 0)
    missing = wanted - partition - status.get("updatedReplicas", 0)
    if missing > 0 and status.get("updateRevision") != status.get("currentRevision"):
        return wanted, False, f"{missing} pods to be made anew"
    missing = wanted - status.get("readyReplicas", 0)
    return wanted, missing <= 0, f"{missing} pods to be ready"


def _daemon_set(item: Object) -> tuple[int, bool, str]:
    status = item["status"]
    wanted = int(status.get("desiredNumberScheduled", 0))
    if not _is_seen(item):
        return wanted, False, "the cluster to take note"
    missing = wanted - min(
        status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    )
    return wanted, missing <= 0, f"{missing} pods to be ready"


def _job(item: Object) -> tuple[int, bool, str]:
    wanted = int(item["spec"].get("completions") or 1)
    done = _condition(item, "Complete") is not None
    return wanted, done or bool(item["spec"].get("suspend")), "it to complete"


_READ = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
}


def _is_seen(item: Object) -> bool:
    return bool(item["status"].get("observedGeneration", 0) >= item["metadata"]["generation"])


def _own_causes(item: Object, owned: Sequence[Object]) -> Iterator[Cause]:
    """Why a workload has no pods, or gave up."""
    name = title(item)
    for each in (item, *new_sets(item, owned)):
        if failed := _condition(each, "ReplicaFailure"):
            message = failed.get("message", "")
            code = "quota" if "exceeded quota" in message else "pod-refused"
            yield Cause(code, f"the cluster refuses its pods: {message}", name)
            break
    if failed := _condition(item, "Failed"):
        yield Cause("job-failed", f"it failed: {failed.get('message', '')}", name)
    stuck = _condition(item, "Progressing", "False")
    if stuck and stuck.get("reason") == "ProgressDeadlineExceeded":
        yield Cause("rollout-stuck", f"no progress any more: {stuck.get('message', '')}", name)


def _causes(item: Object, pod: Object) -> Iterator[Cause]:
    """What keeps a pod from becoming ready."""
    status, name = pod.get("status", {}), pod["metadata"]["name"]
    scheduled = _condition(pod, "PodScheduled", "False")
    if scheduled and scheduled.get("reason") == "Unschedulable":
        message = f"no node has a place for it: {scheduled.get('message', '')}"
        yield Cause("unschedulable", message, title(item), name)
    of = ("initContainerStatuses", "containerStatuses")
    for container in [each for key in of for each in status.get(key, ())]:
        if cause := _container_cause(container):
            yield Cause(*cause, title(item), name, container["name"])


def _container_cause(container: Mapping[str, Any]) -> tuple[str, str] | None:
    state = container.get("state", {})
    waiting, ended = state.get("waiting"), container.get("lastState", {}).get("terminated")
    ended = state.get("terminated") or ended
    said = " ".join(str((each or {}).get("message", "")) for each in (waiting, ended))
    if any(word in said for word in _ARCHITECTURE):
        return "wrong-architecture", f"its image is for another kind of machine: {_short(said)}"
    if waiting and (code := _WAITING.get(waiting.get("reason", ""))):
        if code == "image-pull" and any(word in said for word in _NO_IMAGE):
            code = "no-such-image"
        return code, f"{waiting['reason']}: {_short(said)}"
    crashed = ended and ended.get("exitCode", 0) != 0 and container.get("restartCount", 0)
    if crashed and not container.get("ready") and container["restartCount"] >= RESTARTS:
        if ended.get("reason") == "OOMKilled":
            return "out-of-memory", "it used more memory than its limit, and was killed"
        return "crash-loop", f"it crashes again and again, with exit code {ended['exitCode']}"
    return None


def _condition(
    item: Mapping[str, Any], kind: str, status: str = "True"
) -> Mapping[str, Any] | None:
    conditions = item.get("status", {}).get("conditions") or ()
    return next((c for c in conditions if c["type"] == kind and c["status"] == status), None)


def _short(message: str) -> str:
    return " ".join(message.split())[:300]
