"""The workloads of a release as they are now, and waiting until they are as they should be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic

from dogctl.clouds.kubernetes import (
    DAEMON_SETS,
    DEPLOYMENTS,
    JOBS,
    PODS,
    REPLICA_SETS,
    STATEFUL_SETS,
    Kubernetes,
    Object,
)
from dogctl.clouds.kubernetes_errors import AwayError
from dogctl.errors import DogctlError
from dogctl.lifecycle.asking import together
from dogctl.lifecycle.manifest import title
from dogctl.lifecycle.rollout import WORKLOADS, Cause, Progress, Watch, new_pods, new_sets, progress
from dogctl.plan import Run

POLL = 0.3
KINDS = {
    "Deployment": DEPLOYMENTS,
    "StatefulSet": STATEFUL_SETS,
    "DaemonSet": DAEMON_SETS,
    "Job": JOBS,
}


@dataclass(frozen=True)
class State:
    """What there is of a release's workloads: the objects as they are, side by side.

    `missing` are those that the manifest has and the cluster does not.
    """

    workloads: tuple[Object, ...]
    replica_sets: tuple[Object, ...]
    pods: tuple[Object, ...]
    missing: tuple[str, ...] = ()

    def progress(self) -> list[Progress]:
        return [progress(item, self._owned(item), self.pods) for item in self.workloads]

    @property
    def settled(self) -> bool:
        """Whether everything is there and ready."""
        return not self.missing and all(each.done for each in self.progress())

    def new_sets(self) -> list[Object]:
        """The ReplicaSets of the present templates."""
        return [each for item in self.workloads for each in new_sets(item, self._owned(item))]

    def new_pods(self) -> list[Object]:
        """The pods that are made from the present templates."""
        return [
            pod for item in self.workloads for pod in new_pods(item, self._owned(item), self.pods)
        ]

    def _owned(self, item: Object) -> list[Object]:
        uid = item["metadata"]["uid"]
        return [
            each
            for each in self.replica_sets
            if uid in (owner["uid"] for owner in each["metadata"].get("ownerReferences", ()))
        ]


class FailedRolloutError(DogctlError):
    """A rollout that will not come to its end; `cause` says why, if that is known."""

    def __init__(self, message: str, cause: Cause | None, hint: str) -> None:
        super().__init__(
            message,
            code=cause.code if cause else "rollout-timeout",
            where=cause.workload if cause else None,
            hint=hint,
        )
        self.cause = cause


def look(kubernetes: Kubernetes, namespace: str, manifest: Sequence[Object]) -> State:
    """The workloads of a manifest as they are now. Raises DogctlError."""
    wanted = [item for item in manifest if item["kind"] in WORKLOADS]
    pods, replica_sets, *found = together(
        lambda: kubernetes.select(PODS, namespace),
        lambda: kubernetes.select(REPLICA_SETS, namespace),
        *(partial(_get, kubernetes, namespace, item) for item in wanted),
    )
    return State(
        tuple(item for item in found if item),
        tuple(replica_sets),
        tuple(pods),
        tuple(title(item) for item, there in zip(wanted, found, strict=True) if not there),
    )


def wait(
    kubernetes: Kubernetes,
    namespace: str,
    manifest: Sequence[Object],
    step: Run,
    *,
    timeout: float,
    check: Callable[[], None] = lambda: None,
) -> State:
    """Wait until every workload of the manifest is ready, with its present template.

    Args:
        timeout: in seconds.
        check: called again and again; raises to end the wait.

    Raises FailedRolloutError as soon as it is certain that it will not, Cancelled.
    """
    watch, deadline = Watch(), monotonic() + timeout
    while True:
        check()
        try:
            state = step.interruptible(lambda: look(kubernetes, namespace, manifest))
        except DogctlError as error:
            # The rollout goes on without us; `check` knows how long we may be cut off.
            if not isinstance(error, AwayError) or monotonic() > deadline:
                raise
            step.progress(f"{error.message}: trying again")
            step.sleep(POLL)
            continue
        found = state.progress()
        if state.missing:
            message = f"{', '.join(state.missing)} is gone from the cluster"
            raise FailedRolloutError(message, None, "run the command again")
        waiting = [each for each in found if not each.done]
        if not waiting:
            return state
        if cause := watch.doomed(found, monotonic()):
            raise FailedRolloutError(_say(cause), cause, _HINTS.get(cause.code, _LOOK))
        if monotonic() > deadline:
            raise _timeout(waiting, timeout)
        step.progress(", ".join(f"{each}: waits for {each.waits}" for each in waiting))
        step.sleep(POLL)


def _timeout(waiting: Sequence[Progress], timeout: float) -> FailedRolloutError:
    first = next((cause for each in waiting for cause in each.causes), None)
    if first:
        return FailedRolloutError(_say(first), first, _HINTS.get(first.code, _LOOK))
    names = ", ".join(f"{each} waits for {each.waits}" for each in waiting)
    return FailedRolloutError(
        f"not ready within {timeout:g} s: {names}", None, "a longer release-timeout, if it is slow"
    )


def _say(cause: Cause) -> str:
    at = f" ({cause.pod}/{cause.container})" if cause.container else ""
    return f"{cause.message}{at}"


_LOOK = "correct that, and run the command again"
_HINTS = {
    "image-pull": "let the cluster pull it: a login for the registry, or its right name",
    "no-such-image": "push it: dogctl push",
    "wrong-architecture": "build it for the nodes' platform: dogctl build --platform linux/amd64",
    "crash-loop": "its last words are above; correct the app or its settings, and release it again",
    "out-of-memory": "raise its memory limit in the values",
    "quota": "raise the quota of the namespace, or ask for less in the values",
    "unschedulable": "add nodes, or ask for less in the values",
}


def _get(kubernetes: Kubernetes, namespace: str, item: Object) -> Object | None:
    where = item["metadata"].get("namespace") or namespace
    return kubernetes.get(KINDS[item["kind"]], item["metadata"]["name"], where)
