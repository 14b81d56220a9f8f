"""How far workloads have come, and what will never be ready: decided from objects alone."""

from __future__ import annotations

from typing import Any

import pytest

from dogctl.lifecycle.rollout import PATIENCE, Progress, Watch, progress

Object = dict[str, Any]


def deployment(wanted: int = 2, **status: Any) -> Object:
    return {
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "uid": "d",
            "generation": 2,
            "annotations": {"deployment.kubernetes.io/revision": "2"},
        },
        "spec": {"replicas": wanted},
        "status": {"observedGeneration": 2, **status},
    }


def replica_set(revision: int, uid: str, **status: Any) -> Object:
    annotations = {"deployment.kubernetes.io/revision": str(revision)}
    metadata = {"name": f"web-{uid}", "uid": uid, "annotations": annotations}
    return {"kind": "ReplicaSet", "metadata": metadata, "status": status}


def pod(owner: str = "new", name: str = "web-1", ready: bool = False, **status: Any) -> Object:
    conditions = [{"type": "Ready", "status": str(ready)}, *status.pop("conditions", ())]
    return {
        "metadata": {"name": name, "ownerReferences": [{"uid": owner}]},
        "status": {"conditions": conditions, **status},
    }


def container(restarts: int = 0, **states: Any) -> Object:
    return {"name": "app", "restartCount": restarts, "ready": False, **states}


def waiting(reason: str, message: str = "") -> Object:
    return {"state": {"waiting": {"reason": reason, "message": message}}}


def ended(code: int, reason: str = "Error") -> Object:
    return {"lastState": {"terminated": {"exitCode": code, "reason": reason}}}


SETS = (replica_set(1, "old"), replica_set(2, "new"))
READY = {"updatedReplicas": 2, "replicas": 2, "availableReplicas": 2}


@pytest.mark.parametrize(
    ("status", "waits"),
    [
        ({"observedGeneration": 1, **READY}, "the cluster to take note"),
        ({"updatedReplicas": 1, "replicas": 3}, "1 new pods to be made"),
        ({"updatedReplicas": 2, "replicas": 3, "availableReplicas": 3}, "1 old pods to end"),
        ({"updatedReplicas": 2, "replicas": 2, "availableReplicas": 1}, "1 new pods to be ready"),
    ],
)
def test_a_deployment_is_waited_for_until_only_its_new_pods_serve(
    status: Object, waits: str
) -> None:
    found = progress(deployment(**status), SETS, [])
    assert (found.done, found.waits) == (False, waits)
    assert progress(deployment(**READY), SETS, []).done


def test_only_pods_of_the_present_template_count() -> None:
    pods = [pod("new", "a", ready=True), pod("old", "b", ready=True), pod("other", "c")]
    leaving = pod("new", "d")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    found = progress(deployment(), SETS, [*pods, leaving])
    assert (found.ready, found.pods) == (1, ("a",))


def test_a_stateful_set_a_daemon_set_and_a_job() -> None:
    metadata = {"name": "db", "uid": "s", "generation": 1}
    spec: Object = {"replicas": 2}
    status = {"observedGeneration": 1, "updateRevision": "b", "currentRevision": "a"}
    item = {"kind": "StatefulSet", "metadata": metadata, "spec": spec, "status": status}
    assert progress(item, [], []).waits == "2 pods to be made anew"
    status.update(currentRevision="b", readyReplicas=1)
    assert progress(item, [], []).waits == "1 pods to be ready"
    status.update(readyReplicas=2)
    assert progress(item, [], []).done
    status = {"observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3}
    item = {"kind": "DaemonSet", "metadata": metadata, "spec": {}, "status": status}
    assert progress(item, [], []).waits == "3 pods to be ready"
    status.update(numberAvailable=3)
    assert progress(item, [], []).done
    conditions = {"conditions": [{"type": "Complete", "status": "True"}]}
    item = {"kind": "Job", "metadata": metadata, "spec": {}, "status": {}}
    assert not progress(item, [], []).done
    assert progress({**item, "status": conditions}, [], []).done


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (waiting("ImagePullBackOff", "connection refused"), "image-pull"),
        (waiting("ErrImagePull", "manifest unknown"), "no-such-image"),
        (waiting("InvalidImageName"), "bad-image-name"),
        (waiting("CreateContainerConfigError", "secret not found"), "bad-container"),
        (waiting("RunContainerError", "exec format error"), "wrong-architecture"),
        ({"restartCount": 1, **waiting("CrashLoopBackOff"), **ended(3)}, "crash-loop"),
        ({"restartCount": 1, **ended(137, "OOMKilled")}, "out-of-memory"),
    ],
)
def test_what_keeps_a_container_from_running(status: Object, code: str) -> None:
    pods = [pod(containerStatuses=[{**container(), **status}])]
    (cause,) = progress(deployment(), SETS, pods).causes
    assert (cause.code, cause.pod, cause.container) == (code, "web-1", "app")
    assert code in PATIENCE


@pytest.mark.parametrize(
    "status",
    [
        {"state": {"running": {}}, "ready": True, "restartCount": 5, **ended(1)},
        {"state": {"running": {}}, "restartCount": 0},
        waiting("ContainerCreating"),
        {"state": {"terminated": {"exitCode": 0}}, "restartCount": 0},
    ],
)
def test_what_is_no_cause(status: Object) -> None:
    pods = [pod(containerStatuses=[{**container(), **status}])]
    assert progress(deployment(), SETS, pods).causes == ()


def test_pods_that_are_refused_or_have_no_place() -> None:
    quota = [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: tight"}]
    sets = (replica_set(1, "old", conditions=quota), replica_set(2, "new"))
    assert progress(deployment(), sets, []).causes == ()
    sets = (replica_set(2, "new", conditions=quota),)
    (cause,) = progress(deployment(), sets, []).causes
    assert cause.code == "quota"
    nowhere = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    (cause,) = progress(deployment(), SETS, [pod(conditions=[nowhere])]).causes
    assert cause.code == "unschedulable"


def found(workload: str, *codes: str, done: bool = False) -> Progress:
    from dogctl.lifecycle.rollout import Cause

    causes = tuple(Cause(code, "", workload) for code in codes)
    return Progress(workload, 0, 1, done, "", causes, ())


def test_a_cause_has_to_last() -> None:
    watch = Watch()
    assert watch.doomed([found("web", "image-pull")], 0) is None
    assert watch.doomed([found("web")], 3) is None
    assert watch.doomed([found("web", "image-pull")], 5) is None
    assert watch.doomed([found("web", "image-pull")], 10) is None
    doomed = watch.doomed([found("web", "image-pull")], 11)
    assert doomed
    assert doomed.code == "image-pull"


def test_a_crash_counts_only_once_what_it_may_wait_for_is_there() -> None:
    watch = Watch()
    crashing = found("web", "crash-loop")
    assert watch.doomed([crashing, found("db")], 0) is None
    assert watch.doomed([crashing, found("db")], 60) is None
    assert watch.doomed([crashing, found("db", done=True)], 61)
    assert Watch().doomed([found("web", "bad-image-name"), found("db")], 0)
