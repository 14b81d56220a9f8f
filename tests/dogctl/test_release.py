"""`dogctl release` and `dogctl rollback` on a real cluster, with the chart that dogctl brings."""

from __future__ import annotations

import base64
import json
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psutil
import pytest

from dogctl.image import ImageRef
from tests.dogctl.release_project import VALUES, ReleaseProject, build
from tests.eventually import eventually
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.engine import own_engine
from tests.testbed.registries.registry import PASSWORD, USERNAME, binary, registry

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
BEHAVIOURS = ("ok-1", "ok-2", "crash", "sick")
NUMBERS = count()
Make = Callable[[], ReleaseProject]


@pytest.fixture(scope="module", autouse=True)
def unpacked() -> None:
    """Before the sandbox of the first test."""
    binary()


@pytest.fixture(scope="module")
def here() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found:
        yield found


@pytest.fixture(scope="module")
def images(here: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ImageRef]:
    folder = tmp_path_factory.mktemp("images")
    return {behaviour: build(here, folder, behaviour) for behaviour in BEHAVIOURS}


@pytest.fixture
def project(here: Cluster, tmp_path: Path, images: dict[str, ImageRef]) -> ReleaseProject:
    assert images
    return ReleaseProject(tmp_path, here, f"tiny{next(NUMBERS)}")


@pytest.fixture
def released(project: ReleaseProject) -> ReleaseProject:
    """A project whose first release runs."""
    done = release(project, "ok-1")
    assert done.code == 0, done.err
    return project


def release(project: ReleaseProject, behaviour: str, *words: str, **variables: str):  # type: ignore[no-untyped-def]
    return project.dogctl(
        "release", "--env", "dev", "--image", f":{behaviour}", *words, **variables
    )


def running(project: ReleaseProject) -> set[str]:
    """The images that the pods of the app run."""
    pods = json.loads(project.kubectl("get", "pods", "--output=json"))["items"]
    return {
        status["imageID"]
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        for status in pod["status"]["containerStatuses"]
    }


def answer(project: ReleaseProject) -> str:
    path = f"/api/v1/namespaces/{project.name}/services/{project.name}:http/proxy/"
    return project.kubectl("get", "--raw", path)


def test_a_release_is_shown_made_and_then_left_alone(
    project: ReleaseProject, images: dict[str, ImageRef]
) -> None:
    shown = release(project, "ok-1", "--dry-run")
    assert shown.code == 0
    assert f"+ Deployment/{project.name}" in shown.out
    assert project.cluster.answers("get", "namespace", "kube-system")
    assert not project.cluster.answers("get", "namespace", project.name)
    made = release(project, "ok-1", "--json")
    assert made.code == 0, made.err
    assert made.json["data"]["changed"]
    assert made.json["data"]["image"] == str(images["ok-1"])
    assert made.json["data"]["pods"] == 2
    assert made.json["data"]["status"] == 200
    assert all(image.endswith(str(images["ok-1"].digest)) for image in running(project))
    again = release(project, "ok-1", "--json")
    assert not again.json["data"]["changed"]
    assert project.revisions() == [(1, "deployed")]
    assert "up to date: nothing to do" in release(project, "ok-1").out


def test_only_what_differs_is_shown_and_changed(released: ReleaseProject) -> None:
    released.values({**VALUES, "env": {"GREETING": "good day"}, "replicas": 1})
    shown = release(released, "ok-2", "--dry-run", "--json")
    (compare,) = (s for s in shown.json["data"]["steps"] if s["step"] == "compare")
    assert f"~ Deployment/{released.name}" in compare["detail"]
    assert any("spec.replicas: 2 -> 1" in line for line in compare["detail"])
    assert any("data.GREETING: nothing -> good day" in line for line in compare["detail"])
    assert not any("data.DB_SECRET" in line for line in compare["detail"])
    assert release(released, "ok-2").code == 0
    assert answer(released) == "ok"
    assert len(running(released)) == 1
    assert release(released, "ok-2", "--json").json["data"]["changed"] is False
    released.values({**VALUES, "replicas": 1})
    shown = release(released, "ok-2", "--dry-run")
    assert "data.GREETING: good day -> nothing" in shown.out


def test_what_was_changed_by_hand_is_put_right(released: ReleaseProject) -> None:
    released.kubectl("delete", "service", released.name)
    released.kubectl("scale", "deployment", released.name, "--replicas=1")
    shown = release(released, "ok-1", "--dry-run")
    assert f"+ Service/{released.name}" in shown.out
    assert "spec.replicas: 1 -> 2" in shown.out
    assert release(released, "ok-1").code == 0
    assert answer(released) == "ok"


def test_a_crash_is_told_saved_and_rolled_back(
    released: ReleaseProject, images: dict[str, ImageRef]
) -> None:
    secret = json.loads(released.kubectl("get", "secret", released.name, "--output=json"))
    failed = release(released, "crash", "--json")
    assert failed.code == 4
    error = failed.json["error"]
    assert error["code"] == "crash-loop"
    assert "exit code 3" in error["message"]
    said = "\n".join(error["detail"])
    assert "cannot find the dog" in said
    assert f"intended image: {images['crash']}" in said
    assert "rolled back to revision 1, which answers again" in said
    assert answer(released) == "ok"
    assert all(image.endswith(str(images["ok-1"].digest)) for image in running(released))
    folder = Path(failed.json["data"]["evidence"])
    assert (folder.parent.parent / ".gitignore").read_text() == "*\n"
    names = {path.name for path in folder.iterdir()}
    assert {"error.json", "pods.json", "workloads.json", "events.json"} < names
    assert folder.stat().st_mode & 0o077 == 0
    kept = "".join(path.read_text() for path in folder.iterdir())
    assert "this is crash with ***" in kept
    value = secret["data"]["DB_SECRET"]
    for text in (value, base64.b64decode(value).decode()):
        assert text not in kept + failed.out + failed.err
    assert "nothing to do" in release(released, "ok-1").out


def test_an_app_that_answers_badly_is_rolled_back(released: ReleaseProject) -> None:
    failed = release(released, "sick", "--json")
    assert failed.code == 4
    assert failed.json["error"]["code"] == "unhealthy"
    assert "503 to GET /ready" in failed.json["error"]["message"]
    assert answer(released) == "ok"


def test_what_worked_and_is_in_trouble_now_is_left_alone(released: ReleaseProject) -> None:
    released.kubectl("create", "quota", "none", "--hard=pods=0")
    released.kubectl("delete", "pods", "--all")
    failed = release(released, "ok-1", "--json")
    assert failed.code == 1
    assert failed.json["error"]["code"] == "quota"
    assert "nothing was changed" in failed.json["data"]["undone"]
    assert released.revisions() == [(1, "deployed")]
    released.kubectl("delete", "quota", "none")
    released.kubectl("rollout", "restart", "deployment", released.name)
    assert release(released, "ok-1").code == 0


def test_a_failed_release_is_undone_even_if_nothing_can_be_saved(released: ReleaseProject) -> None:
    state = released.root / ".dogctl"
    shutil.rmtree(state / "evidence", ignore_errors=True)
    state.mkdir(exist_ok=True)
    (state / "evidence").touch()
    failed = release(released, "crash", "--json")
    assert failed.code == 4
    assert failed.json["data"]["evidence"] is None
    assert any("cannot be saved" in line for line in failed.json["error"]["detail"])
    assert answer(released) == "ok"


def test_a_first_release_that_fails_is_removed_unless_it_is_to_be_kept(
    project: ReleaseProject,
) -> None:
    failed = release(project, "crash", "--json")
    assert failed.code == 1
    assert "the first release was removed" in "\n".join(failed.json["error"]["detail"])
    assert project.helm("list", "--all", "--short") == ""
    kept = release(project, "crash", "--keep-failed", "--json")
    assert kept.code == 1
    assert project.revisions() == [(1, "deployed")]
    assert "crash" in project.kubectl("logs", f"deployment/{project.name}")
    assert release(project, "ok-1").code == 0
    assert project.revisions() == [(1, "superseded"), (2, "deployed")]


def test_an_image_that_the_nodes_may_not_pull(released: ReleaseProject) -> None:
    network = released.cluster.engine.network
    with registry(password=PASSWORD, network=network) as locked:
        name = f"{locked.host}/team/tiny:ok-1"
        login = ("docker", "login", f"--username={USERNAME}", "--password-stdin", locked.host)
        released.cluster.run(*login, stdin=PASSWORD)
        known = f"{released.cluster.engine.registry}/team/tiny:ok-1"
        released.cluster.run("docker", "tag", known, name)
        released.cluster.run("docker", "push", "--quiet", name)
        released.cluster.run("docker", "logout", locked.host)
        login = {"DOCKER_USERNAME": USERNAME, "DOCKER_PASSWORD": PASSWORD}
        login["DOCKER_REPO"] = f"{locked.host}/team/tiny"
        failed = release(released, "ok-1", "--json", **login)
    assert failed.code == 4, failed.err
    assert failed.json["error"]["code"] == "image-pull"
    assert answer(released) == "ok"


def test_a_quota_is_told_by_its_name(project: ReleaseProject) -> None:
    project.cluster.kubectl("create", "namespace", project.name)
    project.kubectl("create", "quota", "tight", "--hard=pods=1")
    failed = release(project, "ok-1", "--json")
    assert failed.code == 1
    assert failed.json["error"]["code"] == "quota"
    assert "exceeded quota: tight" in failed.json["error"]["message"]


@contextmanager
def hooked(project: ReleaseProject, seconds: int = 600) -> Iterator[None]:
    """While it lasts, an upgrade of the project waits for a hook that takes so long."""
    chart = project.root / "charts" / "dogapp"
    bundled = Path(__file__).parents[2] / "charts" / "dogapp"
    shutil.copytree(bundled, chart)
    (chart / "templates" / "hook.yaml").write_text(HOOK.replace("SECONDS", str(seconds)))
    try:
        yield
    finally:
        shutil.rmtree(chart)


HOOK = """
apiVersion: batch/v1
kind: Job
metadata:
  name: "{{ .Release.Name }}-hook"
  annotations: {"helm.sh/hook": pre-upgrade, "helm.sh/hook-delete-policy": before-hook-creation}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: hook
          image: "{{ .Values.image.repository }}@{{ .Values.image.digest }}"
          command: [sleep, "SECONDS"]
"""


def test_a_killed_release_is_repaired_by_the_next_one(released: ReleaseProject) -> None:
    with hooked(released), released.start("release", "-e", "dev", "--image", ":ok-2") as (_, dead):
        eventually(lambda: (2, "pending-upgrade") in released.revisions(), 60)
        for process in [*dead.children(recursive=True), dead]:
            process.kill()
    released.kubectl("delete", "job", "--all", "--cascade=foreground")
    assert "lease" in released.kubectl("get", "leases", "--output=name")
    done = release(released, "ok-2", "--json")
    assert done.code == 0, done.err
    assert "revision 2 was left in the middle" in done.err
    assert (done.json["data"]["pods"], done.json["data"]["status"]) == (2, 200)
    assert released.revisions()[-2:] == [(2, "failed"), (3, "deployed")]
    assert released.kubectl("get", "leases", "--output=name") == ""


def test_the_helm_of_a_run_that_died_is_waited_for(released: ReleaseProject) -> None:
    with hooked(released, seconds=8):
        with released.start("release", "-e", "dev", "--image", ":ok-2") as (_, dead):
            eventually(lambda: (2, "pending-upgrade") in released.revisions(), 60)
            dead.kill()
        done = release(released, "ok-2", "--json")
    assert done.code == 0, done.err
    assert "waiting for the Helm of a run that died" in done.err
    assert [status for _, status in released.revisions()].count("deployed") == 1
    assert answer(released) == "ok"


def test_who_stops_a_release_is_told_what_is_left(released: ReleaseProject) -> None:
    released.values({**VALUES, "probes": {"readiness": {"initialDelaySeconds": 60}}})
    with released.start("release", "-e", "dev", "--image", ":ok-2") as (outer, process):
        eventually(lambda: (2, "deployed") in released.revisions(), 60)
        process.send_signal(signal.SIGINT)
        _, err = outer.communicate(timeout=60)
    assert outer.returncode == 130, err
    assert "revision 2 is in the cluster and not verified" in err
    assert released.kubectl("get", "leases", "--output=name") == ""
    released.values(VALUES)
    assert release(released, "ok-2").code == 0


def test_two_at_once_make_one_revision(released: ReleaseProject) -> None:
    words = ("release", "--env", "dev", "--image", ":ok-2", "--lock-wait", "120")
    with released.start(*words) as (one, _), released.start(*words) as (other, _):
        ends = [each.communicate(timeout=180) for each in (one, other)]
    assert [one.returncode, other.returncode] == [0, 0], ends
    assert released.revisions() == [(1, "superseded"), (2, "deployed")]


def test_a_run_that_is_alive_is_not_disturbed(released: ReleaseProject) -> None:
    with hooked(released), released.start("release", "-e", "dev", "--image", ":ok-2") as (_, alive):
        eventually(lambda: (2, "pending-upgrade") in released.revisions(), 60)
        refused = release(released, "ok-1", "--json", "--lock-wait", "0")
        assert psutil.pid_exists(alive.pid)
        assert refused.code == 1
        assert refused.json["error"]["code"] == "release-locked"
        assert "dogctl release since" in refused.json["error"]["message"]
        alive.send_signal(signal.SIGTERM)
        eventually(lambda: not released.kubectl("get", "leases", "--output=name"), 60)
        assert (2, "failed") in released.revisions()
    assert release(released, "ok-1").code == 0


def test_a_rollback_goes_to_the_last_other_one_that_worked(released: ReleaseProject) -> None:
    assert release(released, "ok-2").code == 0
    assert release(released, "crash").code == 4
    shown = released.dogctl("rollback", "--env", "dev", "--dry-run")
    assert "revision 1" in shown.out
    assert f"~ Deployment/{released.name}" in shown.out
    done = released.dogctl("rollback", "--env", "dev", "--json")
    assert done.code == 0, done.err
    assert done.json["data"]["image"].partition("@")[0].endswith(":ok-1")
    again = released.dogctl("rollback", "--env", "dev", "1", "--json")
    assert again.json["data"]["changed"] is False
    by_version = released.dogctl("rollback", "--env", "dev", "ok-2")
    assert by_version.code == 0
    assert "back at revision" in by_version.out
    for wanted, says in (("99", "there is no revision '99'"), ("3", "revision 3 never worked")):
        refused = released.dogctl("rollback", "--env", "dev", wanted)
        assert refused.code == 2
        assert says in refused.err


def test_a_rollback_keeps_the_secrets_of_today(released: ReleaseProject) -> None:
    name = released.name
    changed = {"stringData": {"DB_SECRET": "changed since", "ADDED": "since"}}
    released.kubectl("patch", "secret", name, "--patch", json.dumps(changed))
    before = json.loads(released.kubectl("get", "secret", name, "--output=json"))["data"]
    assert release(released, "ok-2").code == 0
    assert release(released, "crash").code == 4
    assert released.dogctl("rollback", "--env", "dev", "1").code == 0
    after = json.loads(released.kubectl("get", "secret", name, "--output=json"))["data"]
    assert after == before
    said = released.kubectl("logs", f"deployment/{name}")
    assert "this is ok with changed since" in said


def test_a_release_that_is_undone_takes_back_the_secrets_that_it_brought(
    released: ReleaseProject,
) -> None:
    name = released.name
    get = ("get", "secret", name, "--output=json")
    before = json.loads(released.kubectl(*get))["data"]
    failed = release(released, "crash", "--json", DB_SECRET="a bone", SECRET_KEYS="another bone")
    assert failed.code == 4, failed.err
    assert json.loads(released.kubectl(*get))["data"] == before
    assert "bone" not in failed.out + failed.err
    assert answer(released) == "ok"
    assert release(released, "ok-1", DB_SECRET="a bone").code == 0
    after = json.loads(released.kubectl(*get))["data"]
    assert base64.b64decode(after["DB_SECRET"]).decode() == "a bone"
    assert after["SECRET_KEYS"] == before["SECRET_KEYS"]


def test_a_rollback_to_an_image_that_is_gone_changes_nothing(
    released: ReleaseProject, images: dict[str, ImageRef]
) -> None:
    gone = str(images["ok-1"].digest).replace("sha256:", "sha256:" + "0" * 8)[:71]
    values = {**VALUES, "replicas": 0, "image": {"repository": images["ok-1"].name, "digest": gone}}
    chart = str(Path(__file__).parents[2] / "charts" / "dogapp")
    values_file = released.root / "gone.json"
    values_file.write_text(json.dumps(values))
    released.helm("upgrade", released.name, chart, f"--values={values_file}")
    assert release(released, "ok-2").code == 0
    refused = released.dogctl("rollback", "--env", "dev", "2")
    assert refused.code == 2
    assert "the image of revision 2 is gone" in refused.err
    assert released.revisions()[-1] == (3, "deployed")


def test_rights_in_the_namespace_are_enough_and_are_looked_at_first(
    released: ReleaseProject, tmp_path: Path
) -> None:
    def as_one_who_may(resources: str) -> str:
        words = ("create", "role", "few", "--verb=*", f"--resource={resources}")
        made = released.kubectl(*words, "--dry-run=client", "--output=yaml")
        (tmp_path / "role.yaml").write_text(made)
        released.kubectl("apply", "--filename", str(tmp_path / "role.yaml"))
        return str(config)

    released.kubectl("create", "serviceaccount", "ci")
    account = f"--serviceaccount={released.name}:ci"
    released.kubectl("create", "rolebinding", "few", "--role=few", account)
    config = tmp_path / "kubeconfig"
    config.write_text(released.kubectl("config", "view", "--raw", "--minify"))
    token = released.kubectl("create", "token", "ci").strip()
    here = f"--kubeconfig={config}"
    released.kubectl(here, "config", "set-credentials", "ci", f"--token={token}")
    released.kubectl(here, "config", "set-context", "--current", "--user=ci")

    rights = (
        "deployments.apps,replicasets.apps,pods,pods/log,events,services,secrets,configmaps,"
        "serviceaccounts,poddisruptionbudgets.policy,leases.coordination.k8s.io"
    )
    refused = release(released, "ok-2", "--json", KUBECONFIG=as_one_who_may(rights))
    assert refused.code == 1
    assert refused.json["error"]["code"] == "cluster-forbidden"
    assert "services/proxy" in refused.json["error"]["hint"]
    assert released.revisions() == [(1, "deployed")]
    done = release(released, "ok-2", KUBECONFIG=as_one_who_may(f"{rights},services/proxy"))
    assert done.code == 0, done.err


def test_the_main_path_with_helm_4(project: ReleaseProject) -> None:
    folder = project.root / "bin"
    folder.mkdir()
    program = folder / "helm"
    program.write_text(f'#!/bin/sh\nexec {project.cluster.parts["helm4"]} "$@"\n')
    program.chmod(0o755)
    newer = {"PATH": f"{folder}:{project.cluster.environ['PATH']}"}
    assert release(project, "ok-1", **newer).code == 0
    assert release(project, "ok-1", "--json", **newer).json["data"]["changed"] is False
    assert release(project, "ok-2", **newer).code == 0
    assert release(project, "crash", **newer).code == 4
    assert project.dogctl("rollback", "--env", "dev", "1", **newer).code == 0
    assert answer(project) == "ok"
    assert project.dogctl("uninstall", "--env", "dev", "--yes", **newer).code == 0
    assert project.kubectl("get", "deployments", "--output=name") == ""


def test_a_protected_environment_has_to_be_pinned_to_its_cluster(project: ReleaseProject) -> None:
    words = ("release", "--env", "prod", "--image", ":ok-1", "--dry-run")
    refused = project.dogctl(*words, "--json")
    assert refused.code == 2
    assert refused.json["error"]["code"] == "not-pinned"
    pin = refused.json["error"]["hint"].partition('pin = "')[2].partition('"')[0]
    settings = (project.root / "pyproject.toml").read_text()
    project.configure(f'{settings}pin = "{pin}"\n')
    assert project.dogctl(*words).code == 0
    other = pin.translate(str.maketrans("0123456789", "1234567890"))
    project.configure(f'{settings}pin = "{other}"\n')
    refused = project.dogctl(*words, "--json")
    assert refused.code == 2
    assert refused.json["error"]["code"] == "wrong-cluster"
