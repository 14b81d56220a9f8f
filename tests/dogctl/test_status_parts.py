"""The decisions behind status, history and logs, without a cluster."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dogctl.clouds.certificates import served
from dogctl.config.model import Settings
from dogctl.errors import DogctlError
from dogctl.lifecycle.ages import age, seconds, short
from dogctl.lifecycle.asking import Asking
from dogctl.lifecycle.cluster_facts import events_data, pod_data, problem
from dogctl.lifecycle.cluster_logs import merged, prefixed, read_line
from dogctl.lifecycle.drift import find_drift
from dogctl.lifecycle.follow_logs import sources
from dogctl.lifecycle.history import history_rows, note_of
from dogctl.lifecycle.manifest import Object, key
from dogctl.lifecycle.record import Record, Result
from dogctl.lifecycle.release_parts import app_workload, service_of, workload
from dogctl.lifecycle.status_changes import changes
from dogctl.lifecycle.status_screen import screen
from dogctl.lifecycle.status_verdict import State, verdict
from dogctl.tools.helm_storage import Revision, Status

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DIGEST, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
LABELS = {"app.kubernetes.io/component": "app"}


def thing(kind: str, name: str, **parts: Any) -> Object:
    return {"kind": kind, "metadata": {"name": name, "labels": LABELS}, **parts}


def deployment(image: str = f"team/app@{DIGEST}", **spec: Any) -> Object:
    container = {"name": "app", "image": image, "resources": {"limits": {"memory": "1024Mi"}}}
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}}
    spec = {"replicas": 2, "selector": {"matchLabels": LABELS}, "template": template, **spec}
    return thing("Deployment", "web", spec=spec)


def pod(**status: Any) -> Object:
    spec = {"nodeName": "node", "containers": [{"name": "app", "image": "team/app"}]}
    found = thing("Pod", "web-1", spec=spec, status={"phase": "Running", **status})
    found["metadata"]["creationTimestamp"] = "2026-05-01T11:00:00Z"
    return found


def container(**parts: Any) -> Object:
    return {"name": "app", "ready": False, "restartCount": 0, **parts}


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("2026-05-01T11:59:30Z", "30s"),
        ("2026-05-01T11:58:30+00:00", "90s"),
        ("", "-"),
        ("2026-05-01T09:30:00Z", "2h"),
        ("2026-04-01T00:00:00Z", "30d"),
        ("2027-01-01", "0s"),
    ],
)
def test_ages(time: str, text: str) -> None:
    assert age(time, NOW) == text


@given(st.integers(0, 10**7))
def test_an_age_can_be_read_back(number: int) -> None:
    assert seconds(short(number)) <= number


@pytest.mark.parametrize(("text", "number"), [("90", 90), ("5m", 300), ("1h30m", 5400)])
def test_durations(text: str, number: int) -> None:
    assert seconds(text) == number


@pytest.mark.parametrize("text", ["", "m", "5x", "-5m", "5m x"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        seconds(text)


def test_a_container_that_crashed_is_followed_to_its_last_word() -> None:
    def status(name: str, state: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "state": {state: {}}, "containerID": f"id-{name}", **more}

    ended = {"lastState": {"terminated": {"containerID": "id-before"}}}
    statuses = [
        status("runs", "running", **ended),
        status("crashed", "waiting", **ended),
        status("waits", "waiting", containerID=""),
        status("through", "terminated"),
    ]
    names = [{"name": each["name"]} for each in statuses]
    pod = {
        "metadata": {"name": "dogs-0"},
        "spec": {"containers": names},
        "status": {"containerStatuses": statuses},
    }
    assert [(s.container, s.id, s.running) for s in sources([pod], None)] == [
        ("runs", "id-runs", True),
        ("crashed", "id-before", False),
        ("through", "id-through", False),
    ]


def test_a_question_without_an_answer_leaves_the_others() -> None:
    asking = Asking(5)

    def refuse() -> None:
        raise DogctlError("no", code="no")

    asking.ask("bad", refuse)
    asking.ask("good", lambda: 1)
    asking.ask("both", lambda: (asking.get("bad", 0), asking["good"]), "bad", "good")
    asking.ask("needy", lambda: asking["bad"], "bad")
    assert asking["both"] == (0, 1)
    assert [error.code for error in asking.errors(asking.names)] == ["no", "no"]
    assert set(asking.seconds) == {"bad", "good", "both", "needy"}


def test_a_bug_in_a_question_is_none_of_its_answers() -> None:
    asking = Asking(5)
    asking.ask("bug", lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        asking.get("bug", None)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (pod(conditions=[{"type": "Ready", "status": "True"}]), None),
        (
            pod(
                conditions=[
                    {"type": "PodScheduled", "status": "False", "message": "0/1 nodes\nfit"}
                ]
            ),
            "has no node: 0/1 nodes fit",
        ),
        (
            pod(
                containerStatuses=[
                    container(state={"waiting": {"reason": "ErrImagePull", "message": "no such"}})
                ]
            ),
            "app: ErrImagePull: no such",
        ),
        (
            pod(
                containerStatuses=[
                    container(
                        state={"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
                        lastState={"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
                    )
                ]
            ),
            "app: CrashLoopBackOff: ended with exit code 137 (OOMKilled)",
        ),
        (
            pod(
                initContainerStatuses=[
                    {**container(ready=True, state={"terminated": {"exitCode": 0}}), "name": "init"}
                ],
                containerStatuses=[container(state={"running": {}})],
            ),
            "app: runs, and is not ready",
        ),
        (pod(phase="Failed", reason="Evicted", message="disk"), "Evicted: disk"),
        (pod(phase="Pending"), "is about to start"),
    ],
)
def test_why_a_pod_is_not_ready(found: Object, says: str | None) -> None:
    assert problem(found) == says
    assert pod_data(found)["problem"] == says


def test_warnings_are_told_once_and_only_of_the_release() -> None:
    def event(name: str, count: int, last: str, message: str = "Back-off of {}") -> Object:
        return {
            "metadata": {},
            "involvedObject": {"kind": "Pod", "name": name},
            "reason": "BackOff",
            "message": message.format(name),
            "count": count,
            "lastTimestamp": last,
        }

    found = events_data(
        [
            event("web-1", 3, "2026-05-01T11:00:00Z"),
            event("web-2", 2, "2026-05-01T11:30:00Z"),
            event("webby", 9, "2026-05-01T11:30:00Z"),
            event("web-1", 1, "2026-05-01T11:10:00Z", "other"),
        ],
        ["web"],
    )
    assert [(each["object"], each["count"], each["message"]) for each in found] == [
        ("Pod/web-2", 5, "Back-off of web-2"),
        ("Pod/web-1", 1, "other"),
    ]


def drift(released: Object, there: Object | None, *pods: Object, scalers: Any = ()) -> list[str]:
    return [str(each) for each in find_drift([released], {key(released): there}, pods, scalers)]


def test_what_the_cluster_adds_is_no_drift() -> None:
    there = deployment(strategy={"type": "RollingUpdate"})
    spec = there["spec"]["template"]["spec"]
    spec["containers"][0] |= {"terminationMessagePath": "/x", "resources": {}}
    spec["containers"][0]["resources"] = {"limits": {"memory": "1Gi"}}
    spec["containers"].append({"name": "mesh", "image": "mesh"})
    assert drift(deployment(paused=False, minReadySeconds=None), there) == []


def test_changes_behind_the_back_of_a_release_are_drift() -> None:
    assert drift(deployment(), None) == ["Deployment/web is gone"]
    other = deployment("team/app:2", replicas=5)
    assert drift(deployment(), other) == [
        "Deployment/web: spec.replicas is 5, not 2",
        (
            "Deployment/web: spec.template.spec.containers[app].image is team/app:2, not"
            f" team/app@{DIGEST}"
        ),
    ]
    words = thing("ConfigMap", "c", data={"list": ["a"]})
    more = thing("ConfigMap", "c", data={"list": ["a", "b"]})
    assert drift(words, more) == ["ConfigMap/c: data.list[1] is b, not nothing"]


def test_an_autoscaler_decides_on_replicas() -> None:
    scaler = {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}}
    assert drift(deployment(), deployment(replicas=5), scalers=[scaler]) == []


def test_what_could_not_be_looked_at_is_no_drift() -> None:
    assert find_drift([deployment()], {}, []) == []


def test_a_secret_is_not_shown() -> None:
    released = thing("Secret", "s", stringData={"a": "bone"})
    same = thing("Secret", "s", data={"a": base64.b64encode(b"bone").decode()})
    other = thing("Secret", "s", data={"a": "eA=="})
    assert drift(released, same) == []
    assert drift(released, other) == ["Secret/s: data.a is ***, not ***"]


def test_a_secret_that_dogctl_has_set_is_no_drift() -> None:
    released = thing("Secret", "s", data={"a": "eA==", "b": "eA=="})
    there = thing("Secret", "s", data={"a": "eQ==", "b": "eQ=="})
    fields = {"f:data": {"f:a": {}}}
    there["metadata"]["managedFields"] = [{"manager": "dogctl", "fieldsV1": fields}]
    assert drift(released, there) == ["Secret/s: data.b is ***, not ***"]


def test_pods_that_run_another_digest_are_drift() -> None:
    ok = pod(containerStatuses=[container(imageID=f"team/app@{DIGEST}")])
    other = pod(containerStatuses=[container(imageID=f"team/app@{OTHER}")])
    loaded = pod(containerStatuses=[container(imageID=OTHER)])
    assert drift(deployment(), deployment(), ok, loaded) == []
    assert drift(deployment(), deployment(), other) == [
        f"Pod/web-1: image of app is {OTHER}, not {DIGEST}"
    ]


def revision(number: int, status: Status, description: str = "") -> Revision:
    document = {
        "info": {"last_deployed": "2026-05-01T10:00:00.5Z", "description": description},
        "chart": {"metadata": {"name": "dogapp", "version": "0.3.0", "appVersion": "1.0.0"}},
        "manifest": json.dumps(deployment()),
    }
    packed = base64.b64encode(gzip.compress(json.dumps(document).encode()))
    return Revision(f"v{number}", "dog", "dogs", number, status, packed)


def record(number: int, **parts: Any) -> Record:
    values = {
        "action": "release",
        "result": Result.OK,
        "version": "1.4.0",
        "image": f"team/app:1.4.0@{DIGEST}",
        "chart": "dogapp-0.3.0",
        "by": "me@here",
        "at": "2026-05-01T10:00:00+00:00",
    }
    return Record(number, **{**values, **parts})


def test_history_is_what_helm_and_dogctl_know() -> None:
    found = [
        revision(1, Status.SUPERSEDED, "Install complete"),
        revision(2, Status.DEPLOYED, "Rollback to 1"),
        revision(3, Status.FAILED, "no such key"),
        revision(4, Status.PENDING_UPGRADE),
    ]
    noted = {2: record(2, action="rollback", of=1), 3: record(3, cause="crash-loop")}
    rows = history_rows(found, noted, Settings())
    assert [(row["revision"], row["version"], row["by"], row["result"]) for row in rows] == [
        (4, "1.0.0", None, "pending"),
        (3, "1.4.0", "me@here", "failed"),
        (2, "1.4.0", "me@here", "ok"),
        (1, "1.0.0", None, "ok"),
    ]
    notes = [row["note"] for row in rows]
    assert notes[1:] == ["crash-loop", "current, rollback to 1", ""]
    assert notes[0].startswith("pending-upgrade since ")
    assert {row["digest"] for row in rows} == {DIGEST}
    json.dumps(rows)


def test_helm_knows_of_rollbacks_too() -> None:
    assert note_of(revision(2, Status.SUPERSEDED, "Rollback to 1"), None, current=False) == (
        "rollback to 1"
    )


def test_the_app_is_found_by_component_name_or_as_the_first() -> None:
    def named(name: str, component: str = "") -> Object:
        labels = {"app.kubernetes.io/component": component} if component else {}
        return {"kind": "Deployment", "metadata": {"name": name, "labels": labels}}

    settings = Settings()
    odd = [named("a"), named("b", "app")]
    assert app_workload(odd, settings, "dog") is odd[1]
    odd = [named("a"), named("dog")]
    assert app_workload(odd, settings, "dog") is odd[1]
    assert app_workload([named("a")], settings, "dog") == named("a")
    assert app_workload([], settings, "dog") is None
    assert workload([named("dog-mysql")], "mysql", "dog") == named("dog-mysql")
    assert workload([named("dog-mysql")], "redis", "dog") is None


def test_of_several_services_the_one_from_outside_counts() -> None:
    def service(name: str, kind: str, **spec: Any) -> Object:
        return thing("Service", name, spec={"type": kind, "selector": LABELS, **spec})

    inside, outside = service("in", "ClusterIP"), service("out", "LoadBalancer")
    headless = service("no", "ClusterIP", clusterIP="None")
    assert service_of(deployment(), [headless, inside, outside]) is outside
    assert service_of(deployment(), [headless]) is None


def test_lines_of_several_pods_are_in_the_order_of_time() -> None:
    one = [
        read_line("a", "app", line)
        for line in (
            "2026-05-01T10:00:00.000000001Z first",
            "failed to read",
            "2026-05-01T10:00:05Z",
        )
    ]
    two = [read_line("b", "app", "2026-05-01T12:00:03.5+02:00 second  line", named=True)]
    assert [prefixed(line) for line in merged([one, two])] == [
        "a  first",
        "a  failed to read",
        "b/app  second  line",
        "a  ",
    ]


REPORT: dict[str, Any] = {
    "name": "dog",
    "environment": "qa",
    "release": None,
    "image": None,
    "cluster": {"error": {"message": "away"}},
    "url": None,
    "health": None,
    "count": None,
    "workloads": [],
    "pods": [],
    "autoscalers": [],
    "budgets": [],
    "certificates": [],
    "events": [],
    "drift": {"differences": [], "unknown": []},
    "addresses": [],
}
WEB = {"name": "Deployment/web", "ready": 2, "wanted": 2, "waits": None, "causes": []}
WEB |= {"image": f"team/app@{DIGEST}"}
REFUSED = {"error": {"message": "the cluster refuses"}}
SICK = {"name": "web-1", "problem": "app: ErrImagePull", "ending": False}


@pytest.mark.parametrize(
    ("parts", "state", "says"),
    [
        ({}, State.ABSENT, "dog is not released in qa: dogctl release"),
        ({"workloads": [WEB]}, State.UP, "dog is up in qa: 2 of 2 pods ready"),
        (
            {"workloads": [WEB], "health": {"ok": False, "says": "/ready answers 503"}},
            State.DEGRADED,
            "dog is degraded in qa: 2 of 2 pods ready, /ready answers 503",
        ),
        (
            {"workloads": [{**WEB, "ready": 1}], "pods": [SICK]},
            State.DEGRADED,
            "dog is degraded in qa: 1 of 2 pods ready, web-1: app: ErrImagePull",
        ),
        (
            {"workloads": [{**WEB, "ready": 0, "waits": "2 pods"}]},
            State.DOWN,
            "dog is down in qa: 0 of 2 pods ready, Deployment/web waits for 2 pods",
        ),
        ({"workloads": [WEB], "pods": REFUSED}, State.UP, "dog is up in qa: 2 of 2 pods ready"),
        (
            {"workloads": REFUSED},
            State.UNKNOWN,
            "nobody knows how dog is in qa: the cluster refuses",
        ),
        (
            {
                "workloads": [WEB],
                "release": {"result": "ok", "last": {"revision": 4, "result": "pending"}},
            },
            State.DEGRADED,
            "dog is degraded in qa: 2 of 2 pods ready, revision 4 is pending",
        ),
    ],
)
def test_the_first_line(parts: dict[str, Any], state: State, says: str) -> None:
    assert verdict({**REPORT, **parts}) == (state, says)


def test_a_part_that_is_away_says_so_and_the_rest_is_shown() -> None:
    for part in ("pods", "events", "drift", "budgets", "url", "count", "workloads"):
        data = {**REPORT, "summary": "dog is up", "workloads": [WEB], part: REFUSED}
        text = str(screen(data, NOW))
        assert "dog is up" in text
        assert "not known: the cluster refuses" in text, part


def test_only_what_changes_is_told() -> None:
    before = {
        **REPORT,
        "summary": "dog is up",
        "workloads": [WEB],
        "pods": [{**SICK, "restarts": 0}],
    }
    after = {**before, "summary": "dog is down", "pods": []}
    assert changes(before, before) == []
    assert changes(before, after) == ["status: dog is down", "Pod/web-1: gone"]
    gone = {"error": {"message": "cannot be reached"}}
    assert "cluster: cannot be reached" in changes(before, gone)
    assert changes(gone, before)[-1] == "cluster: gone"


def test_a_host_that_is_none_shows_no_certificate() -> None:
    with pytest.raises(DogctlError, match="shows no certificate"):
        served(".dogs")
