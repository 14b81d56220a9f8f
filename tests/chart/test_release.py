"""Releases of the chart on a real cluster, in a namespace that enforces the restricted standard."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.chart.readme import CHART
from tests.chart.visitors import Visits, crowd, visit
from tests.conftest import REPOSITORY
from tests.eventually import eventually
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.cluster.metrics import metrics
from tests.testbed.databases import PASSWORD, USER, postgresql
from tests.testbed.engine import own_engine
from tests.testbed.google.auth_proxy import api, push_proxy
from tests.testbed.google.serving import POD_URL, Google, google
from tests.testbed.google.sql import SqlInstance, cloud_sql

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

NAME = "dogs"
NAMESPACE = "strict"
IN = ("--namespace", NAMESPACE)
KINDS = "all,configmap,secret,pvc,serviceaccount,networkpolicy,ingress,pdb,hpa"
# What a namespace has anyway.
NATIVE = {"configmap/kube-root-ca.crt", "serviceaccount/default"}
# So little CPU is asked for that a busy machine gives enough to call it load.
AUTOSCALED = {
    "autoscaling": {"enabled": True, "minReplicas": 1, "maxReplicas": 3},
    "resources": {"requests": {"cpu": "20m"}},
}
ADDED = {"EXTRA": "added by hand", "DB_SECRET": "changed by hand"}


@dataclass(frozen=True)
class Images:
    """Two versions of the app and a MySQL, pushed, as values of the chart."""

    old: dict[str, str]
    new: dict[str, str]
    mysql: dict[str, str]


@dataclass(frozen=True)
class Release:
    """The release, by a helm of some version."""

    cluster: Cluster
    helm: str
    images: Images

    def install(self, image: Mapping[str, str], **values: Any) -> None:
        """Install or upgrade, and wait."""
        everything = {
            "image": image,
            "replicas": 3,
            "service": {"type": "LoadBalancer"},
            "networkPolicy": {"enabled": True},
            "database": {"image": self.images.mysql},
            **values,
        }
        words = ["upgrade", "--install", NAME, str(CHART), *IN, "--values=-"]
        self.run(*words, "--wait", "--timeout=3m", stdin=json.dumps(everything))

    def run(self, *words: str, stdin: str = "") -> str:
        return self.cluster.run(self.helm, *words, stdin=stdin)

    def get(self, *words: str) -> Any:
        return json.loads(self.cluster.kubectl("get", *words, *IN, "--output=json"))

    def pods(self, component: str = "app") -> list[dict[str, Any]]:
        """The pods that are there to stay."""
        found = self.get("pods", f"--selector=app.kubernetes.io/component={component}")["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def secret(self, name: str = NAME) -> dict[str, str]:
        data = self.get("secret", name)["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def checksums(self) -> dict[str, str]:
        """What the pods say that they were started with."""
        notes = self.get("deployment", NAME)["spec"]["template"]["metadata"]["annotations"]
        return {
            key.removeprefix("checksum/"): value
            for key, value in notes.items()
            if key.startswith("checksum/")
        }

    @property
    def url(self) -> str:
        """Where visitors come in."""
        (ingress,) = self.get("service", NAME)["status"]["loadBalancer"]["ingress"]
        return f"http://{ingress['ip']}/"

    def count(self) -> int:
        """How many visits there were."""
        with self.cluster.network():
            return int(requests.get(f"{self.url}api/visits", timeout=10).json()["visits"])

    def left(self) -> set[str]:
        """The names of everything in the namespace but what it has anyway."""
        found = self.cluster.kubectl("get", KINDS, *IN, "--output=name").split()
        return {name for name in found if not name.startswith("secret/sh.helm.")} - NATIVE


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found:
        yield found


@pytest.fixture(scope="module")
def images(running: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Images:
    """Built and pushed as a user would. The second version differs by its number only."""
    context = tmp_path_factory.mktemp("image")
    for name in ("Dockerfile", ".dockerignore"):
        shutil.copy(REPOSITORY / name, context)
    for name in ("requirements", "templates", "webapp"):
        shutil.copytree(REPOSITORY / name, context / name)
    old, new = (build(running, context, version) for version in ("1.0.0", "1.1.0"))
    running.run("docker", "tag", "mysql:8.4", f"{running.engine.registry}/mysql:8.4")
    return Images(old, new, push(running, "mysql", "8.4"))


def build(cluster: Cluster, context: Path, version: str) -> dict[str, str]:
    tag = f"{cluster.engine.registry}/team/dogs:{version}"
    cluster.run("docker", "build", "--build-arg", f"VERSION={version}", "--tag", tag, str(context))
    return push(cluster, "team/dogs", version)


def push(cluster: Cluster, name: str, tag: str) -> dict[str, str]:
    repository = f"{cluster.engine.registry}/{name}"
    cluster.run("docker", "push", "--quiet", f"{repository}:{tag}")
    asked = cluster.run(
        "docker", "inspect", "--format={{json .RepoDigests}}", f"{repository}:{tag}"
    )
    (digest,) = (each for each in json.loads(asked) if each.startswith(repository))
    return {"repository": repository, "tag": tag, "digest": digest.partition("@")[2]}


@pytest.fixture(scope="module")
def first(running: Cluster, images: Images) -> Release:
    """The first version, just installed."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    running.apply(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": NAMESPACE, "labels": labels},
        }
    )
    release = Release(running, "helm", images)
    release.install(images.old)
    # The address is given, and the packet filter knows it, within moments.
    eventually(partial(answers, release))
    return release


def answers(release: Release) -> bool:
    try:
        return release.count() >= 0
    except (ValueError, KeyError, requests.RequestException):
        return False


def test_three_pods_and_a_database_run_what_was_pushed(first: Release) -> None:
    assert len(first.pods()) == 3
    for pods, image in (
        (first.pods(), first.images.old),
        (first.pods("database"), first.images.mysql),
    ):
        for pod in pods:
            (status,) = pod["status"]["containerStatuses"]
            assert status["ready"]
            assert image["digest"] in status["imageID"]


def test_helm_test_passes_and_leaves_nothing(first: Release) -> None:
    first.run("test", NAME, *IN)
    assert f"pod/{NAME}-test" not in first.left()


def test_every_visit_is_counted_once_by_all_replicas_together(first: Release) -> None:
    visits = visit(first.cluster, first.url, 150)
    assert visits.failures == []
    assert sorted(visits.numbers) == list(range(1, 151))
    served = [requests_of(first, pod["metadata"]["name"]) for pod in first.pods()]
    assert sum(served) == 150
    assert all(served)


def requests_of(release: Release, pod: str) -> int:
    """How many pages a pod says that it has served."""
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:5000/proxy/metrics"
    text = release.cluster.kubectl("get", "--raw", path)
    numbers = re.findall(r'^dogapp_requests_total{.*route="/".*} (\S+)$', text, re.MULTILINE)
    return int(sum(map(float, numbers)))


def test_it_is_ready_for_a_drain_and_for_a_strict_network(first: Release) -> None:
    budget = f"pdb/{NAME}"
    assert first.cluster.holds("jsonpath={.status.disruptionsAllowed}=1", budget, *IN)
    assert {f"networkpolicy.networking.k8s.io/{name}" for name in (NAME, f"{NAME}-mysql")} <= (
        first.left()
    )


def test_what_has_not_changed_rolls_nothing(first: Release) -> None:
    before = {pod["metadata"]["name"] for pod in first.pods()}
    first.install(first.images.old)
    assert {pod["metadata"]["name"] for pod in first.pods()} == before


@dataclass(frozen=True)
class Upgraded:
    """The second version, released while visitors came and after somebody changed the Secret."""

    release: Release
    before: dict[str, str]
    visits: Visits


@pytest.fixture(scope="module")
def upgraded(first: Release) -> Upgraded:
    before = first.secret()
    patch = json.dumps({"stringData": ADDED})
    first.cluster.kubectl("patch", "secret", NAME, *IN, "--type=merge", f"--patch={patch}")
    with crowd(first.cluster, first.url) as visits:
        first.install(first.images.new)
        # Old pods serve on for a while after the new ones are all there.
        eventually(lambda: len(first.get("pods")["items"]) == 4)
    return Upgraded(first, before, visits)


def test_a_rollout_loses_no_request_and_no_visit(upgraded: Upgraded) -> None:
    visits, release = upgraded.visits, upgraded.release
    assert visits.failures == []
    assert len(visits.numbers) > 100
    last = release.count()
    assert sorted(visits.numbers) == list(range(last - len(visits.numbers) + 1, last + 1))
    for pod in release.pods():
        assert release.images.new["digest"] in pod["status"]["containerStatuses"][0]["imageID"]


def test_what_somebody_put_into_the_secret_stays_and_reaches_the_pods(upgraded: Upgraded) -> None:
    release = upgraded.release
    assert release.secret() == {**upgraded.before, **ADDED}
    pod = release.pods()[0]["metadata"]["name"]
    ask = "import os; print(os.environ['EXTRA'], os.environ['DB_SECRET'], sep='; ')"
    said = release.cluster.kubectl("exec", *IN, pod, "--", "python", "-c", ask)
    assert said.strip() == "; ".join(ADDED.values())


def test_checksums_are_those_of_what_is_there(upgraded: Upgraded) -> None:
    kinds = {
        "secrets": f"secret/{NAME}",
        "database": f"secret/{NAME}-mysql",
        "config": f"configmap/{NAME}",
    }
    for kind, name in kinds.items():
        data = upgraded.release.get(name)["data"]
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        assert upgraded.release.checksums()[kind] == hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Gone:
    """What an uninstall left, and what was there before it."""

    release: Release
    visits: int
    passwords: dict[str, str]
    left: set[str]


@pytest.fixture(scope="module")
def gone(upgraded: Upgraded) -> Gone:
    release = upgraded.release
    visits, passwords = release.count(), release.secret(f"{NAME}-mysql")
    release.run("uninstall", NAME, *IN, "--wait")
    assert release.cluster.holds("delete", "pods", "--all", *IN, seconds=60)
    return Gone(release, visits, passwords, release.left())


def test_an_uninstall_leaves_the_data_and_its_passwords(gone: Gone) -> None:
    assert gone.left == {
        f"secret/{NAME}-mysql",
        f"persistentvolumeclaim/data-{NAME}-mysql-0",
    }


@pytest.fixture(scope="module")
def again(gone: Gone) -> Iterator[Release]:
    """By Helm 4, on the volume of before, with the autoscaler."""
    cluster = gone.release.cluster
    release = Release(cluster, cluster.parts["helm4"], gone.release.images)
    with metrics(cluster):
        release.install(release.images.old, **AUTOSCALED)
        eventually(partial(answers, release))
        yield release


def test_the_next_install_goes_on_with_the_old_volume(gone: Gone, again: Release) -> None:
    assert again.secret(f"{NAME}-mysql") == gone.passwords
    assert again.count() == gone.visits


def test_helm_4_tests_it(again: Release) -> None:
    again.run("test", NAME, *IN)


def test_the_autoscaler_answers_to_load_and_an_upgrade_keeps_its_number(again: Release) -> None:
    assert len(again.pods()) == 1
    with crowd(again.cluster, again.url) as visits:
        eventually(lambda: again.get("deployment", NAME)["status"].get("readyReplicas") == 3)
        again.install(again.images.new, **AUTOSCALED)
        assert len(again.pods()) == 3
    assert visits.failures == []


def test_helm_4_uninstalls_it(gone: Gone, again: Release) -> None:
    again.run("uninstall", NAME, *IN, "--wait")
    assert again.cluster.holds("delete", "pods", "--all", *IN, seconds=60)
    assert again.left() == gone.left


def test_a_volume_without_its_passwords_is_refused(again: Release) -> None:
    again.cluster.kubectl("delete", f"secret/{NAME}-mysql", *IN)
    with pytest.raises(RuntimeError, match="holds a database, and the Secret"):
        again.install(again.images.old)
    assert again.left() == {f"persistentvolumeclaim/data-{NAME}-mysql-0"}


def test_any_other_image_will_do(again: Release) -> None:
    """One without routes of its own, without a database, whose user has a name only."""
    cluster = again.cluster
    cluster.run("docker", "tag", "python:3.13-alpine", f"{cluster.engine.registry}/python:3.13")
    image = push(cluster, "python", "3.13")
    values = {
        "image": image,
        "command": ["python", "-m", "http.server", "8000", "--directory", "/etc"],
        "port": 8000,
        "probes": {"liveness": {"path": ""}, "readiness": {"path": "/hostname"}},
        "database": {"kind": "none"},
    }
    words = ["install", "other", str(CHART), *IN, "--values=-", "--wait", "--timeout=1m"]
    again.run(*words, stdin=json.dumps(values))
    again.run("test", "other", *IN)


@pytest.fixture(scope="module")
def proxy(running: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Google's own proxy, as an image."""
    repository, _, digest = push_proxy(running, tmp_path_factory.mktemp("proxy")).partition("@")
    return {"repository": repository, "digest": digest}


@pytest.fixture(scope="module")
def instance(running: Cluster) -> Iterator[tuple[Google, SqlInstance, str]]:
    """Google with a PostgreSQL as an instance of Cloud SQL, and the name of a database there."""
    with postgresql() as server, google(running) as cloud:
        name = server.create().rpartition("/")[2]
        with cloud_sql(cloud, "hello-world", "POSTGRES_17", server.port) as found:
            yield cloud, found, name


def test_cloud_sql_through_the_real_proxy(
    again: Release, proxy: dict[str, str], instance: tuple[Google, SqlInstance, str]
) -> None:
    cloud, found, name = instance
    key = cloud.key(cloud.account("sql-access", role="view"), for_pods=True)
    metadata = {"name": "cloudsql-key", "namespace": NAMESPACE}
    secret = {"metadata": metadata, "stringData": {"credentials.json": key}}
    again.cluster.apply({"apiVersion": "v1", "kind": "Secret", **secret})
    sidecar = {"instance": found.connection_name, "image": proxy, "args": [api(POD_URL)]}
    database = {"name": name, "user": USER, "password": PASSWORD, "cloudsql": sidecar}
    values = {"image": again.images.new, "replicas": 1, "database": database}
    overlay = f"--values={CHART / 'values-cloudsql.yaml'}"
    words = ["install", "cloud", str(CHART), *IN, overlay, "--values=-", "--wait", "--timeout=1m"]
    again.run(*words, stdin=json.dumps(values))
    # The path of readiness is among those that it asks for.
    again.run("test", "cloud", *IN)
    assert found.connections
    # The app ends, and after it the proxy.
    again.run("uninstall", "cloud", *IN, "--wait")
    mine = "--selector=app.kubernetes.io/instance=cloud"
    assert again.cluster.holds("delete", "pods", mine, *IN, seconds=30)
