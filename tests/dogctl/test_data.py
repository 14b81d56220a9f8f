"""Secrets and data of a release on a real cluster: changed under load, saved, restored, removed."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dogctl.config.load import load
from dogctl.errors import DogctlError
from dogctl.execution import execute
from dogctl.lifecycle import dump_file
from dogctl.lifecycle.backup import plan_backup
from dogctl.output.events import EventReporter
from dogctl.secrets import Redactor
from tests.chart.visitors import Visits, crowd, visit
from tests.dogctl.data_project import GIVEN, NAME, VALUES, DataProject, build, push
from tests.eventually import eventually
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.engine import own_engine

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

JOURNAL = f"dogctl-{NAME}"


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found:
        yield found


@pytest.fixture(scope="module")
def released(running: Cluster, tmp_path_factory: pytest.TempPathFactory) -> DataProject:
    """The first release, with secrets from its environment."""
    image = build(running, tmp_path_factory.mktemp("image"))
    project = DataProject(tmp_path_factory.mktemp("project"), running, image)
    project.answer("release", "--image", image, **GIVEN)
    eventually(project.serves)
    return project


def test_a_release_brings_its_secrets_past_helms_values(released: DataProject) -> None:
    secrets = released.secret()
    assert secrets["DB_SECRET"] == GIVEN["DB_SECRET"]
    assert len(secrets["SECRET_KEYS"]) == 48
    assert released.secret(f"{NAME}-mysql") == {
        "password": GIVEN["DB_PASSWORD"],
        "root-password": GIVEN["MYSQL_ROOT_PASSWORD"],
    }
    values = released.helm("get", "values", NAME, "--all")
    assert not any(value in values for value in GIVEN.values())
    again = released.answer("release", "--image", released.image, **GIVEN)
    assert again["changed"] is False


def test_a_preview_names_the_secrets_that_change(released: DataProject) -> None:
    done = released.dogctl("release", "--image", released.image, "--dry-run", DB_SECRET="a-new-one")
    assert "data.DB_SECRET: *** -> ***" in done.out
    assert "a-new-one" not in done.out + done.err


@dataclass(frozen=True)
class Rotated:
    """What there was before everything was rotated while visitors came."""

    project: DataProject
    keys: str
    pods: list[str]
    visits: Visits
    answer: Any


@pytest.fixture(scope="module")
def rotated(released: DataProject) -> Rotated:
    keys, pods = released.secret()["SECRET_KEYS"], released.pods()
    with crowd(released.cluster, released.url) as visits:
        answer = released.answer("secrets", "rotate", "--all")
        # Old pods serve on for a while after the new ones are all there.
        eventually(lambda: len(released.pods()) == 2)
    return Rotated(released, keys, pods, visits, answer)


def test_a_rotation_loses_no_request_and_no_visit(rotated: Rotated) -> None:
    names = ["DB_SECRET", "SECRET_KEYS", "DB_PASSWORD", "MYSQL_ROOT_PASSWORD"]
    assert rotated.answer["changed_names"] == names
    assert rotated.visits.failures == []
    assert len(rotated.visits.numbers) > 50
    last = rotated.project.count()
    assert last == len(rotated.visits.numbers)
    assert sorted(rotated.visits.numbers) == list(range(1, last + 1))
    assert not set(rotated.pods) & set(rotated.project.pods())


def test_only_the_new_passwords_open_the_database(rotated: Rotated) -> None:
    project = rotated.project
    new = project.secret(f"{NAME}-mysql")
    assert project.opens("dogs", new["password"])
    assert project.opens("root", new["root-password"])
    assert not project.opens("dogs", GIVEN["DB_PASSWORD"])
    assert not project.opens("root", GIVEN["MYSQL_ROOT_PASSWORD"])
    assert project.secret()["SECRET_KEYS"].split(",")[1] == rotated.keys
    assert not project.exists("secret", JOURNAL)


def test_the_next_release_and_the_next_rotation_have_nothing_to_do(rotated: Rotated) -> None:
    project, pods = rotated.project, rotated.project.pods()
    assert project.answer("release", "--image", project.image)["changed"] is False
    assert project.answer("secrets", "rotate", "--older-than", "90d")["changed"] is False
    assert project.pods() == pods


def test_a_list_shows_names_and_no_value(rotated: Rotated) -> None:
    done = rotated.project.dogctl("secrets", "list")
    assert done.code == 0
    for name in ("DB_SECRET", "SECRET_KEYS", "DB_PASSWORD", "MYSQL_ROOT_PASSWORD"):
        assert name in done.out
    held = {**rotated.project.secret(), **rotated.project.secret(f"{NAME}-mysql")}
    assert not any(value in done.out for value in held.values())


def test_a_rollback_keeps_the_passwords_of_today(rotated: Rotated) -> None:
    project = rotated.project
    before = project.secret(f"{NAME}-mysql")
    project.answer("secrets", "set", "GREETING", stdin="wuff\n")
    (first, _), *_ = project.revisions()
    project.answer("rollback", str(first))
    assert project.secret(f"{NAME}-mysql") == before
    assert project.secret()["GREETING"] == "wuff"
    eventually(project.serves)


def test_values_that_the_app_cannot_live_with_are_put_back(rotated: Rotated) -> None:
    project = rotated.project
    before = project.secret()
    done = project.dogctl("secrets", "set", "DATABASE_URL", stdin="mysql://rex:b0nes-b0nes@:x/")
    assert done.code == 4, done.err
    assert "the old values are back" in done.err
    assert "b0nes" not in done.out + done.err
    assert project.secret() == before
    assert not project.exists("secret", JOURNAL)
    assert project.serves()


def test_a_password_that_the_database_refuses_changes_nothing(rotated: Rotated) -> None:
    project = rotated.project
    before = project.secret(f"{NAME}-mysql")
    project.sql("INSTALL COMPONENT 'file://component_validate_password'")
    try:
        done = project.dogctl("secrets", "set", "DB_PASSWORD", stdin="weak-bone")
    finally:
        project.sql("UNINSTALL COMPONENT 'file://component_validate_password'")
    assert (done.code, "ERROR 1819" in done.err) == (4, True), done.err
    assert project.secret(f"{NAME}-mysql") == before
    assert not project.exists("secret", JOURNAL)
    assert project.opens("dogs", before["password"])
    assert project.serves()


def test_a_password_that_comes_second_is_said_not_to_be_there_yet(rotated: Rotated) -> None:
    project = rotated.project
    project.killed("rollout", "secrets", "rotate", "DB_PASSWORD")
    done = project.dogctl("secrets", "set", "DB_PASSWORD", "--json", stdin="second-bone")
    assert done.json["error"]["code"] == "another-change-first"
    assert project.secret(f"{NAME}-mysql")["password"] != "second-bone"
    assert not project.exists("secret", JOURNAL)
    project.answer("secrets", "set", "DB_PASSWORD", stdin="second-bone")
    assert project.opens("dogs", "second-bone")


def test_a_value_without_a_secret_to_put_it_into_is_refused(rotated: Rotated) -> None:
    project = rotated.project
    project.setting('app-secret = "nowhere"\n')
    try:
        done = project.dogctl("secrets", "set", "TOKEN", "--json", stdin="bone")
    finally:
        project.no_setting('app-secret = "nowhere"\n')
    assert (done.code, done.json["error"]["code"]) == (2, "no-secret")
    assert not project.exists("secret", JOURNAL)


@pytest.mark.parametrize("step", ["secrets", "rollout", "finish"])
def test_a_rotation_that_is_killed_is_brought_to_its_end(rotated: Rotated, step: str) -> None:
    project = rotated.project
    project.killed(step, "secrets", "rotate", "--all")
    assert project.exists("secret", JOURNAL)
    assert project.serves()
    # Nothing is that old; but what was begun is brought to its end.
    assert project.answer("secrets", "rotate", "--older-than", "90d")["changed"] is True
    assert not project.exists("secret", JOURNAL)
    held = project.secret(f"{NAME}-mysql")
    assert project.opens("dogs", held["password"])
    assert project.opens("root", held["root-password"])
    assert project.serves()
    assert project.answer("secrets", "rotate", "--older-than", "90d")["changed"] is False


def test_of_two_changes_at_once_the_second_finds_nothing_to_do(rotated: Rotated) -> None:
    def change() -> list[str]:
        words = ("secrets", "set", "TWICE", "--lock-wait", "300")
        return list(rotated.project.answer(*words, stdin="wuff\n")["changed_names"])

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(change) for _ in range(2)]
        assert sorted(each.result() for each in both) == [[], ["TWICE"]]


@pytest.fixture(scope="module")
def guest(rotated: Rotated) -> Path:
    """The kubeconfig of somebody who may look at everything but Secrets."""
    project = rotated.project
    project.kubectl("create", "rolebinding", "guest", "--clusterrole=view", "--user=guest")
    return project.cluster.identities.kubeconfig("guest")


def test_who_may_not_changes_nothing(rotated: Rotated, guest: Path, tmp_path: Path) -> None:
    project = rotated.project
    before = project.secret()
    for words in (("secrets", "rotate", "--all"), ("db", "backup", str(tmp_path / "dump"))):
        done = project.dogctl(*words, "--json", KUBECONFIG=str(guest))
        assert done.code == 1
        assert done.json["error"]["code"] == "cluster-forbidden"
    assert project.secret() == before
    assert list(tmp_path.iterdir()) == []


@dataclass(frozen=True)
class Saved:
    """A dump, and the visits in it."""

    project: DataProject
    file: Path
    visits: int


@pytest.fixture(scope="module")
def saved(rotated: Rotated) -> Saved:
    project = rotated.project
    visit(project.cluster, project.url, 5)
    (project.root / ".dogctl/.gitignore").unlink()
    answer = project.answer("db", "backup")
    return Saved(project, Path(answer["file"]), answer["visits"])


def test_a_dump_is_whole_and_private(saved: Saved) -> None:
    assert saved.visits == saved.project.count()
    assert stat.S_IMODE(saved.file.stat().st_mode) == 0o600
    assert saved.file.parent == saved.project.root / ".dogctl/backups/dev"
    assert (saved.project.root / ".dogctl/.gitignore").read_text() == "*\n"
    assert dump_file.check(saved.file) > 1000


def test_a_restore_brings_back_exactly_what_was_saved(saved: Saved) -> None:
    project = saved.project
    visit(project.cluster, project.url, 7)
    assert project.count() == saved.visits + 7
    unasked = project.dogctl("db", "restore", str(saved.file))
    assert unasked.code == 2
    assert project.count() == saved.visits + 7
    answer = project.answer("db", "restore", str(saved.file), "--yes")
    assert answer["visits"] == saved.visits
    eventually(project.serves)
    assert project.count() == saved.visits
    assert dump_file.check(Path(answer["saved"])) > 1000


@pytest.mark.parametrize("step", ["stop", "load"])
def test_a_restore_that_is_killed_is_brought_to_its_end(saved: Saved, step: str) -> None:
    project = saved.project
    project.killed(step, "db", "restore", str(saved.file), "--yes")
    assert project.answer("db", "restore", str(saved.file), "--yes")["visits"] == saved.visits
    assert len(project.pods()) == 2


def test_nobody_works_with_half_a_database(saved: Saved, tmp_path: Path) -> None:
    project = saved.project
    project.killed("load", "db", "restore", str(saved.file), "--yes")
    for words in (
        ("db", "backup", str(tmp_path / "half")),
        ("release", "--image", project.image),
        ("secrets", "set", "HALF", "--yes"),
    ):
        done = project.dogctl(*words, "--json", stdin="bone")
        assert done.json["error"]["code"] == "restore-unfinished", words
    assert not list(tmp_path.iterdir())
    # Whoever brings it back by hand has data again that is saved before it is replaced.
    project.kubectl("scale", f"deployment/{NAME}", "--replicas=2")
    project.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=120s")
    answer = project.answer("db", "restore", str(saved.file), "--yes")
    assert answer["visits"] == saved.visits
    assert dump_file.check(Path(answer["saved"])) > 1000
    assert len(project.pods()) == 2


def test_what_cannot_be_loaded_changes_nothing(saved: Saved, tmp_path: Path) -> None:
    bad = tmp_path / "bad.sql"
    bad.write_text("-- MySQL dump\nCREATE TABLE broken (;\n-- Dump completed\n")
    pods = saved.project.pods()
    done = saved.project.dogctl("db", "restore", str(bad), "--yes")
    assert done.code == 1
    assert "ERROR 1064" in done.err
    assert saved.project.pods() == pods


def test_a_pod_that_goes_during_the_dump_leaves_no_file(
    saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = saved.project
    # More than there is room for on the way, or all of it may be under way when the pod goes.
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 24)"
    project.sql(
        f"CREATE TABLE dogs.ballast AS {rows} SELECT REPEAT('x', 4000000) AS content FROM n"
    )
    write = dump_file.Written.write

    def go_then_write(self: dump_file.Written, piece: bytes) -> int:
        if not self.size:
            project.kubectl("delete", "pod", f"{NAME}-mysql-0", "--now")
        return write(self, piece)

    monkeypatch.setattr(dump_file.Written, "write", go_then_write)
    for key, value in project.environ().items():
        monkeypatch.setenv(key, value)
    with project.cluster.network(), (tmp_path / "log").open("w") as log:
        dogs = load(folder=project.root, environment="dev")
        plan = plan_backup(dogs, tmp_path / "dump.gz")
        report = execute(plan, EventReporter(log, Redactor()))
    assert isinstance(report.error, DogctlError)
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
    project.kubectl("rollout", "status", f"statefulset/{NAME}-mysql", "--timeout=120s")
    eventually(project.serves)
    project.sql("DROP TABLE dogs.ballast")


def test_a_required_backup_comes_before_the_databases_new_image(saved: Saved) -> None:
    project = saved.project
    project.setting('backup = "required"\n')
    project.database(push(project.cluster, "mysql:8.4", "8.4-again"))
    revisions = project.revisions()
    folder = project.root / ".dogctl/backups/dev"
    kept = folder.rename(folder.with_name("kept"))
    folder.write_text("in the way")
    done = project.dogctl("release", "--image", project.image)
    assert done.code == 2, done.err
    assert project.revisions() == revisions
    folder.unlink()
    kept.rename(folder)
    project.answer("release", "--image", project.image)
    assert [p for p in folder.iterdir() if "before-release" in p.name]
    eventually(project.serves)
    assert project.count() == saved.visits


def test_an_uninstall_that_is_killed_is_brought_to_its_end_and_keeps_the_data(
    saved: Saved,
) -> None:
    project = saved.project
    assert project.dogctl("uninstall").code == 2
    test = {"app.kubernetes.io/instance": NAME}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "failed-test", "labels": test},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "test", "image": project.image, "command": ["false"]}],
        },
    }
    project.cluster.kubectl("apply", "--namespace", NAME, "--filename=-", stdin=json.dumps(pod))
    project.killed("pods", "uninstall", "--yes")
    answer = project.answer("uninstall", "--yes")
    claim = f"data-{NAME}-mysql-0"
    assert answer["kept"] == {"claims": [claim], "secrets": [f"{NAME}-mysql"]}
    assert project.pods() == project.pods("database") == []
    assert left(project) == {
        f"persistentvolumeclaim/{claim}",
        f"secret/{NAME}-mysql",
    }
    assert project.answer("uninstall", "--yes")["changed"] is False
    assert project.answer("uninstall", "--volumes", "--yes")["changed"] is True
    assert left(project) == set()
    assert project.answer("uninstall", "--volumes", "--yes")["changed"] is False


def test_a_mariadb_takes_both_passwords_too(saved: Saved) -> None:
    project = saved.project
    image = push(project.cluster, "mariadb:11.8", "11.8")
    project.values({**VALUES, "database": {"engine": "mariadb", "image": image}})
    project.answer("release", "--image", project.image)
    eventually(project.serves)
    before = project.secret(f"{NAME}-mysql")
    with crowd(project.cluster, project.url) as visits:
        project.answer("secrets", "rotate", "DB_PASSWORD", "MYSQL_ROOT_PASSWORD")
        eventually(lambda: len(project.pods()) == 2)
    assert visits.failures == []
    after = project.secret(f"{NAME}-mysql")
    for user, key in (("dogs", "password"), ("root", "root-password")):
        assert project.opens(user, after[key])
        assert not project.opens(user, before[key])
    file = project.answer("db", "backup")["file"]
    count = project.count()
    assert project.answer("db", "restore", file, "--yes")["visits"] == count


FOREIGN = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: {{ .Values.image.repository }}:{{ .Values.image.tag }}
          command: [python, -c, "import time; time.sleep(1e6)"]
          env:
            - name: TOKEN
              valueFrom: {secretKeyRef: {name: web-tokens, key: TOKEN}}
"""


def test_any_chart_gets_new_values_whose_pods_take_them_from_the_secret(
    saved: Saved, tmp_path: Path
) -> None:
    cluster = saved.project.cluster
    project = DataProject(tmp_path, cluster, saved.project.image)
    chart = tmp_path / "charts/web"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 1.0.0\n")
    (chart / "values.yaml").write_text("image: {}\n")
    (chart / "templates/web.yaml").write_text(FOREIGN)
    project.values({})
    project.setting('app-secret = "web-tokens"\n')
    project.kubectl("create", "secret", "generic", "web-tokens", "--from-literal=TOKEN=old")
    project.answer("release", "--image", project.image)
    project.answer("secrets", "set", "TOKEN", stdin="new\n")
    said = project.kubectl("exec", "deployment/web", "--", "printenv", "TOKEN")
    assert said == "new\n"
    assert project.answer("secrets", "set", "TOKEN", stdin="new\n")["changed"] is False
    assert project.answer("release", "--image", project.image)["changed"] is False
    project.setting('variables = { TOKEN = "" }\n')
    changed = project.answer("release", "--image", project.image, TOKEN="released")
    assert changed["changed"] is True
    said = project.kubectl("exec", "deployment/web", "--", "printenv", "TOKEN")
    assert said == "released\n"
    project.answer("uninstall", "--yes")


def left(project: DataProject) -> set[str]:
    kinds = "all,configmap,secret,pvc,lease"
    return set(project.kubectl("get", kinds, "--output=name").split()) - {
        "configmap/kube-root-ca.crt"
    }
