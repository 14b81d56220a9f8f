"""The decisions of a release: what differs, who holds a lock, which revision to go back to."""

from __future__ import annotations

import base64
import gzip
import json
import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dogctl.clouds.kubeconfig import find, fingerprint
from dogctl.clouds.kubernetes import Kubernetes
from dogctl.clouds.kubernetes_errors import UNREACHABLE, AwayError
from dogctl.config.model import Project, Settings
from dogctl.errors import ConfigError, DogctlError
from dogctl.image import Digest, ImageRef
from dogctl.lifecycle.chart import Chart, _read, chart_values, find_chart, merged
from dogctl.lifecycle.cluster import Cluster
from dogctl.lifecycle.evidence import secret_names
from dogctl.lifecycle.lease import Lease, _place, is_dead
from dogctl.lifecycle.manifest import containers, named_items, objects, pod_template
from dogctl.lifecycle.record import Record, Result, _records
from dogctl.lifecycle.release_diff import Action, Change, differences, hook_changes, removals
from dogctl.lifecycle.revisions import worked_before
from dogctl.lifecycle.rollback import choose
from dogctl.lifecycle.verify import app_service, verify, wrong_images
from dogctl.lifecycle.workloads import State, wait
from dogctl.plan import Run
from dogctl.tools.helm import Helm
from dogctl.tools.helm_storage import Revision, Status, revision, with_status
from dogctl.tools.processes import start_mark
from dogctl.tools.runner import Completed
from tests.dogctl.recording import Recorder, Said
from tests.eventually import eventually

DIGEST = Digest("sha256", "a" * 64)
OTHER = Digest("sha256", "b" * 64)
IMAGE = ImageRef.parse("host:5000/team/app:1.0").pinned(DIGEST)


def secret(number: int, status: str = "superseded", **values: Any) -> dict[str, Any]:
    document = {
        "name": "web",
        "info": {"status": status, "last_deployed": "2026-11-21T16:19:54.645107217Z"},
        "chart": {"metadata": {"name": "app", "version": "1.2.0"}},
        "config": values,
        "manifest": f"kind: A{values}",
    }
    packed = base64.b64encode(gzip.compress(json.dumps(document).encode()))
    return {
        "metadata": {
            "name": f"sh.helm.release.v1.web.v{number}",
            "namespace": "ns",
            "labels": {"name": "web", "version": str(number), "status": status},
        },
        "data": {"release": base64.b64encode(packed).decode()},
    }


def with_manifest(secret: dict[str, Any], manifest: str) -> dict[str, Any]:
    document = {**revision(secret).document, "manifest": manifest}
    packed = base64.b64encode(gzip.compress(json.dumps(document).encode()))
    return {**secret, "data": {"release": base64.b64encode(packed).decode()}}


def number(number: int, status: str = "superseded", tag: str = "") -> Revision:
    return revision(secret(number, status, image={"repository": "team/app", "tag": tag or number}))


def noted(number: int, result: Result) -> Record:
    return Record(number, "release", result, "", "", "", "", "")


def test_a_revision_is_read_and_written_as_helm_does() -> None:
    stored = secret(7, "pending-upgrade", replicas=3)
    found = revision(stored)
    assert (found.number, found.status, found.chart) == (7, Status.PENDING_UPGRADE, "app-1.2.0")
    assert found.status.pending
    assert found.values == {"replicas": 3}
    assert found.updated.year == 2026
    changed = with_status(stored, Status.FAILED, "given up")
    again = revision(changed)
    assert (again.status, again.description) == (Status.FAILED, "given up")
    assert again.document["info"]["status"] == "failed"
    assert again.values == found.values
    assert revision(stored).status is Status.PENDING_UPGRADE


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [("a.b", 1, 2)]),
        ({"a": 1}, {}, [("a", 1, None)]),
        ({}, {"a": {"b": 1}}, [("a", None, {"b": 1})]),
        ({"a": [{"name": "x", "v": 1}]}, {"a": [{"name": "x", "v": 2}]}, [("a[x].v", 1, 2)]),
        ({"a": ["p"]}, {"a": ["p", "q"]}, [("a[1]", None, "q")]),
        ({"a": None}, {}, []),
    ],
)
def test_differences(before: Any, after: Any, expected: list[Any]) -> None:
    assert [(d.path, d.before, d.after) for d in differences(before, after)] == expected


def test_what_the_manifest_gave_up_is_a_change_if_it_is_still_there() -> None:
    old = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "gone": 1, "lost": 2}
    new = {"env": [{"name": "A", "value": "1"}]}
    live = {**old, "own": 3}
    del live["lost"]
    found = [(d.path, d.before, d.after) for d in removals(old, new, live)]
    assert found == [("env[B]", {"name": "B", "value": "2"}, None), ("gone", 1, None)]


def test_a_hook_counts_if_it_is_another_one() -> None:
    found = hook_changes({"a": "1", "b": "1"}, {"a": "1", "b": "2", "c": "1"})
    assert [change.title for change in found] == ["hook b", "hook c"]
    assert list(Change(Action.RUN, "hook b").lines()) == ["> hook b"]


def lease(holder: str, seconds: int = 15) -> dict[str, Any]:
    return {"metadata": {}, "spec": {"holderIdentity": holder, "leaseDurationSeconds": seconds}}


def test_a_lock_is_dead_when_its_process_is_or_nobody_renews_it() -> None:
    own = f"{_place()}/{os.getpid()}/{start_mark(os.getpid())}"
    assert not is_dead(lease(own), 1000)
    assert is_dead(lease(own + "0"), 0)
    elsewhere = f"{socket.gethostname()}-2/{os.getpid()}/x/1"
    assert not is_dead(lease(elsewhere), 14)
    assert is_dead(lease(elsewhere), 16)
    assert is_dead(lease(""), 0)


def test_what_is_gone_back_to_has_worked() -> None:
    found = [number(1), number(2, "failed"), number(3), number(4, "deployed")]
    target = worked_before(found, {3: noted(3, Result.FAILED)}, 4)
    assert target
    assert target.number == 1
    assert worked_before(found, {}, 1) is None


def test_what_was_never_verified_is_gone_back_to_only_if_there_is_nothing_else() -> None:
    found = [number(1), number(2), number(3, "deployed")]
    left = {2: noted(2, Result.PENDING)}
    assert worked_before(found, left, 3) == found[0]
    assert worked_before(found[1:], left, 3) == found[1]


def test_parts_of_a_chart_that_it_does_not_name_are_seen_by_their_objects() -> None:
    alone = with_manifest(secret(1), "---\n# Source: app/templates/charts/web.yaml\n")
    assert not revision(alone).has_parts
    assert revision(
        with_manifest(alone, "---\n# Source: app/charts/db/templates/a.yaml\n")
    ).has_parts


def test_an_uninstall_that_was_killed_is_repaired_like_an_upgrade() -> None:
    assert number(1, "uninstalling").status.pending
    assert not number(1, "uninstalled").status.pending


def test_notes_that_somebody_else_has_changed_are_as_good_as_lost() -> None:
    good = json.dumps(asdict(noted(2, Result.OK)) | {"later": 1})
    others = {"revision.1": "{", "revision.3": "[]", "revision.4": "{}", "revision.x": good}
    assert _records({**others, "revision.2": good, "a": "b"}) == {2: noted(2, Result.OK)}


class OneLease:
    """A cluster that holds one lease, and loses the answers to some changes."""

    def __init__(self) -> None:
        self.there: dict[str, Any] | None = None
        self.lost = 0
        self.replaced = 0

    def get(self, *_: object) -> dict[str, Any] | None:
        return self.there

    def create(self, _: object, body: dict[str, Any], __: object) -> dict[str, Any]:
        self.there = {**body, "metadata": {**body["metadata"], "resourceVersion": "0", "uid": "u"}}
        return self.there

    def replace(self, _: object, body: dict[str, Any], __: object) -> dict[str, Any]:
        self.replaced += 1
        version = {"resourceVersion": str(self.replaced)}
        self.there = {**body, "metadata": {**body["metadata"], **version}}
        if self.lost:
            self.lost -= 1
            raise DogctlError("sent again", code="conflict")
        return self.there

    def delete(self, *_: object, **__: object) -> bool:
        self.there = None
        return True


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[OneLease, Lease]]:
    """A cluster, and a lease in it that is held."""
    monkeypatch.setattr("dogctl.lifecycle.lease.HEARTBEAT", 0.01)
    kubernetes = OneLease()
    cluster = SimpleNamespace(kubernetes=kubernetes, release="web", namespace="ns", environ={})
    held = Lease(cast(Cluster, cluster), "release")
    held.take(STEP)
    yield kubernetes, held
    held.give_back()


def test_a_lock_that_was_renewed_twice_is_ours_all_the_same(taken: tuple[OneLease, Lease]) -> None:
    kubernetes, held = taken
    kubernetes.lost = 1
    before = kubernetes.replaced
    eventually(lambda: kubernetes.replaced > before + 3, 10)
    held.check()


def test_a_lock_that_another_run_has_taken_is_lost(taken: tuple[OneLease, Lease]) -> None:
    kubernetes, held = taken
    other = {"spec": {"holderIdentity": "another"}, "metadata": {"name": "dogctl-web"}}
    kubernetes.get = lambda *_: other  # type: ignore[method-assign]
    kubernetes.lost = 1
    with pytest.raises(DogctlError, match="taken over by another"):
        eventually(lambda: held.check(), 10)


def test_a_lock_that_could_not_be_renewed_in_time_is_lost(
    taken: tuple[OneLease, Lease], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, held = taken
    monkeypatch.setattr("dogctl.lifecycle.lease.SECONDS", -1)
    with pytest.raises(DogctlError, match="could not be renewed"):
        held.check()


def test_a_lock_is_left_where_nobody_answers(taken: tuple[OneLease, Lease]) -> None:
    kubernetes, held = taken
    delete, never = kubernetes.delete, threading.Event()
    kubernetes.delete = lambda *_, **__: never.wait()  # type: ignore[method-assign]
    began = monotonic()
    with pytest.raises(DogctlError, match="not answered"):
        held.give_back()
    assert monotonic() - began < 3
    kubernetes.delete = delete  # type: ignore[method-assign]
    never.set()


class Away:
    """A cluster that cannot be reached the first times."""

    def __init__(self, times: int) -> None:
        self.left = times

    def _answer(self, answer: Any) -> Any:
        self.left -= 1
        if self.left >= 0:
            raise AwayError("no network", code=UNREACHABLE)
        return answer

    def select(self, *_: object) -> Any:
        return self._answer([])

    def ask_service(self, *_: object) -> Any:
        return self._answer((200, b""))


STEP = cast(
    Run,
    SimpleNamespace(
        progress=lambda _: None, sleep=lambda _: None, interruptible=lambda work: work()
    ),
)


def test_a_cluster_that_is_away_for_a_moment_is_waited_for() -> None:
    there = wait(cast(Kubernetes, Away(3)), "ns", [], STEP, timeout=60)
    assert there.settled
    with pytest.raises(DogctlError, match="no network"):
        wait(cast(Kubernetes, Away(1000)), "ns", [], STEP, timeout=0)


def test_an_app_that_gives_no_answer_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    web = objects(MANIFEST)

    def ask(kubernetes: Away, step: Run | None) -> int | None:
        of = (cast(Kubernetes, kubernetes), "ns", web, State((), (), ()))
        return verify(*of, IMAGE, "/ready", step).status

    assert ask(Away(2), STEP) == 200
    monkeypatch.setattr("dogctl.lifecycle.verify.PATIENCE", 0)
    for step in (None, STEP):
        with pytest.raises(DogctlError, match="gives no answer within 10 s to GET /ready"):
            ask(Away(1000), step)


def test_helm_is_led_nowhere_else_by_variables() -> None:
    asked: list[Mapping[str, str] | None] = []

    class Listening(Recorder):
        def run(self, argv: Sequence[str], **given: Any) -> Completed:
            asked.append(given["env"])
            return super().run(argv, **given)

    runner = Listening({"helm version": Said("v3.18.0")})
    elsewhere = ("KUBEAPISERVER", "KUBECONTEXT", "KUBETOKEN", "DRIVER", "NAMESPACE")
    environ = {f"HELM_{name}": "x" for name in (*elsewhere, "REGISTRY_CONFIG")}
    assert Helm(lambda: Path("config"), "ns", runner=runner, environ=environ).version == (3, 18, 0)
    assert asked == [{"HELM_REGISTRY_CONFIG": "x"}]


def test_a_revision_is_chosen_by_number_or_version() -> None:
    found = [number(1, tag="1.0"), number(2, tag="1.1"), number(3, tag="1.0"), number(4, tag="2.0")]
    assert choose(found, {}, None).number == 3
    assert choose(found, {}, "2").number == 2
    assert choose(found, {}, "1.0").number == 3
    found[-1] = number(4, tag="1.0")
    assert choose(found, {}, None).number == 2
    for wanted in ("9", "3.0"):
        with pytest.raises(ConfigError, match="there is no revision"):
            choose(found, {}, wanted)
    with pytest.raises(ConfigError, match="no release to roll back"):
        choose([], {}, None)
    with pytest.raises(ConfigError, match="no earlier revision"):
        choose(found[:1], {}, None)


def test_a_rollback_that_was_stopped_goes_on_where_it_was_going() -> None:
    found = [number(1, tag="1.0"), number(2, tag="1.1"), number(3, tag="1.0")]
    stopped = replace(noted(3, Result.PENDING), action="rollback", of=1)
    assert choose(found, {3: stopped}, None).number == 1
    assert choose(found, {3: replace(stopped, result=Result.OK)}, None).number == 2
    assert choose(found, {3: replace(stopped, action="release")}, None).number == 2
    assert choose(found[:2], {3: stopped}, None).number == 1
    assert choose(found, {3: replace(stopped, of=9)}, None).number == 2


MANIFEST = """
kind: List
items:
- kind: Deployment
  metadata: {name: web}
  spec:
    template:
      metadata: {labels: {app: web}}
      spec:
        initContainers: [{name: proxy, image: proxy:1}]
        containers: [{name: app, image: "host:5000/team/app:1.0"}]
- kind: Service
  metadata: {name: db}
  spec: {selector: {app: db}, ports: [{port: 3306}]}
---
---
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 9, name: metrics}, {port: 80, name: http}]}
"""


def test_the_secrets_of_others_that_pods_get_are_known_too() -> None:
    spec = {
        "volumes": [{"name": "tls", "secret": {"secretName": "files"}}, {"name": "tmp"}],
        "initContainers": [{"name": "wait", "envFrom": [{"secretRef": {"name": "all"}}]}],
        "containers": [
            {
                "name": "app",
                "envFrom": [{"configMapRef": {"name": "plain"}}],
                "env": [
                    {"name": "A", "value": "a"},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "one", "key": "b"}}},
                ],
            }
        ],
    }
    web = {"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": {"spec": spec}}}
    own = {"kind": "Secret", "metadata": {"name": "own"}}
    assert secret_names([web, own]) == {"files", "all", "one", "own"}
    assert secret_names([]) == set()


def test_dates_and_times_are_text_as_to_helm(tmp_path: Path) -> None:
    text = "day: 2026-11-21\ntime: 12:30:45\nzone: 10:20.5\nequals: =\nnumber: 12\n"
    texts = {"day": "2026-11-21", "time": "12:30:45", "zone": "10:20.5", "equals": "="}
    expected = {**texts, "number": 12}
    assert objects(text) == [expected]
    (tmp_path / "values.yaml").write_text(text)
    assert _read(tmp_path / "values.yaml") == expected


def test_the_service_before_the_app_is_found_by_its_pods() -> None:
    found = objects(MANIFEST)
    assert [item["kind"] for item in found] == ["Deployment", "Service", "Service"]
    assert [c["name"] for c in containers(pod_template(found[0]))] == ["proxy", "app"]
    assert app_service(found, IMAGE) == ("web", "80")
    assert app_service(found[:2], IMAGE) is None
    spec = {"selector": {"app": "web"}, "clusterIP": "None"}
    ports = [{"port": 443, "name": "https"}, {"port": 80, "name": "http"}]
    headless = {"kind": "Service", "metadata": {"name": "pods"}, "spec": {**spec, "ports": ports}}
    assert app_service([headless, *found], IMAGE) == ("web", "80")
    assert app_service([found[0], headless], IMAGE) == ("pods", "80")


def test_items_of_one_name_are_told_apart() -> None:
    ports = [{"containerPort": 53, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP"}]
    fewer = [{"containerPort": 53, "protocol": "SCTP"}, ports[1]]
    assert list(named_items(["a", *ports])) == ["[0]", "[53]", "[53#1]"]
    (found,) = differences({"ports": ports}, {"ports": fewer})
    assert (found.path, found.after) == ("ports[53].protocol", "SCTP")


@pytest.mark.parametrize(
    ("running", "wrong"),
    [
        (f"host:5000/team/app@{DIGEST}", False),
        (f"host:5000/team/app@{OTHER}", True),
        ("sha256:" + "c" * 64, False),  # loaded into the node, and known by its id alone
    ],
)
def test_a_pod_that_runs_another_digest(running: str, wrong: bool) -> None:
    pod = {
        "metadata": {"name": "web-1"},
        "spec": {"containers": [{"name": "app", "image": str(IMAGE)}]},
        "status": {"containerStatuses": [{"name": "app", "imageID": running}]},
    }
    assert bool(wrong_images([pod], IMAGE)) is wrong


def project(root: Path, **settings: Any) -> Project:
    origins = dict.fromkeys(settings, "pyproject.toml")
    return Project(root, False, root, Settings(**settings), origins, "dev", ("dev",))


def chart(root: Path, name: str, values: str = "") -> Path:
    folder = root / "charts" / name
    folder.mkdir(parents=True)
    (folder / "Chart.yaml").write_text(f"name: {name}")
    (folder / "values.yaml").write_text(values)
    return folder


def test_the_chart_is_the_named_one_the_only_one_or_dogctls(tmp_path: Path) -> None:
    assert Path(find_chart(project(tmp_path)).ref).name == "dogapp"
    one = chart(tmp_path, "one")
    assert find_chart(project(tmp_path)) == Chart(str(one))
    chart(tmp_path, "two")
    with pytest.raises(ConfigError, match="several charts: one, two"):
        find_chart(project(tmp_path))
    assert find_chart(project(tmp_path, chart="charts/two")).ref.endswith("two")
    oci = project(tmp_path, chart="oci://host/team/app@1.2.0")
    assert find_chart(oci) == Chart("oci://host/team/app", "1.2.0")
    pages = project(tmp_path, chart="https://team.github.io/charts/app@1.2.0")
    assert find_chart(pages) == Chart("app", "1.2.0", "https://team.github.io/charts")
    with pytest.raises(ConfigError, match="there is no chart"):
        find_chart(project(tmp_path, chart="nowhere"))


def test_values_of_the_environment_and_the_project_and_our_own(tmp_path: Path) -> None:
    folder = chart(tmp_path, "app", "env: {}\ndatabase: {kind: mysql}\n")
    (folder / "values-dev.yaml").write_text("replicas: 1\na: {b: 1, c: 2}\n")
    (tmp_path / "own.yaml").write_text("a: {c: 3}\nimage: {pullPolicy: Always}\n")
    given = project(tmp_path, values=("own.yaml",), variables={"A": "b"}, db_name="dogs")
    assert chart_values(given, Chart(str(folder)), IMAGE) == {
        "replicas": 1,
        "a": {"b": 1, "c": 3},
        "image": {
            "repository": "host:5000/team/app",
            "tag": "1.0",
            "digest": str(DIGEST),
            "pullPolicy": "Always",
        },
        "env": {"A": "b"},
        "database": {"name": "dogs"},
    }
    remote = chart_values(given, Chart("oci://host/app", "1.0.0"), IMAGE, {"env": {}})
    assert remote["env"] == {"A": "b"}
    assert "database" not in remote
    with pytest.raises(ConfigError, match="cannot read the values"):
        chart_values(project(tmp_path, values=("no.yaml",)), Chart(str(folder)), IMAGE)


def test_faults_on_demand_reach_no_protected_environment(tmp_path: Path) -> None:
    folder = chart(tmp_path, "app", "env: {}\n")
    faulty = project(tmp_path, faults="slow=1")
    assert chart_values(faulty, Chart(str(folder)), IMAGE)["env"] == {"FAULTS": "slow=1"}
    (folder / "values-dev.yaml").write_text("env: {FAULTS: crash=3}\n")
    with pytest.raises(ConfigError, match="faults on demand are refused"):
        chart_values(project(tmp_path, protected=True), Chart(str(folder)), IMAGE)


def test_tables_of_values_merge_and_all_else_is_replaced() -> None:
    assert merged({"a": {"b": [1]}, "c": 1}, {"a": {"b": [2]}, "c": None}) == {
        "a": {"b": [2]},
        "c": None,
    }


KUBECONFIG = """
current-context: other
clusters: [{name: c, cluster: {server: "https://1.2.3.4", certificate-authority: ca.crt}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: prod, context: {cluster: c, user: u}}, {name: torn, context: {cluster: x}}]
"""


def test_a_context_is_found_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    first.write_text("contexts: []")
    second.write_text(KUBECONFIG)
    environ = {"KUBECONFIG": f"{first}:{second}:{tmp_path / 'missing'}"}
    found = find("prod", environ)
    assert found["current-context"] == "prod"
    assert found["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "ca.crt")
    assert found["users"][0]["user"] == {"token": "t"}
    with pytest.raises(ConfigError, match=r"no context 'dev' \(known: prod, torn\)"):
        find("dev", environ)
    with pytest.raises(ConfigError, match="without its"):
        find("torn", environ)
    second.write_text("a: [")
    with pytest.raises(ConfigError, match="cannot read the kubeconfig"):
        find("prod", environ)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("clusters: [{cluster: {}}]", "has clusters that are none"),
        ("users: {u: {}}", "has users that are none"),
        ("contexts: [prod]", "has contexts that are none"),
        ("clusters: [{name: c}]", "a cluster 'c' without its server"),
        ("users: [{name: u, user: {exec: {args: [a]}}}]", "a plugin of 'u' without command"),
    ],
)
def test_a_kubeconfig_that_is_broken_says_where(tmp_path: Path, wrong: str, says: str) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    first.write_text(wrong)
    second.write_text(KUBECONFIG)
    with pytest.raises(ConfigError, match=says):
        find("prod", {"KUBECONFIG": f"{first}:{second}"})


def test_a_cluster_without_an_authority_is_known_by_its_address() -> None:
    found = {"clusters": [{"cluster": {"server": "https://a"}}]}
    other = {"clusters": [{"cluster": {"server": "https://b"}}]}
    assert fingerprint(found) != fingerprint(other)
    assert len(fingerprint(found)) == 16
