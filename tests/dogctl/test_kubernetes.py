"""The API of a real cluster, as dogctl asks it; what goes wrong is made to go wrong on the way."""

from __future__ import annotations

import io
import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from dogctl.clouds import kubernetes as api
from dogctl.clouds.kubeconfig import find, make
from dogctl.clouds.kubernetes import JSON_PATCH, Kind, Kubernetes
from dogctl.clouds.streams import run
from dogctl.errors import Cancelled, ConfigError, DogctlError
from dogctl.secrets import Secret
from tests.eventually import eventually
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.cluster.identities import Identities
from tests.testbed.engine import own_engine
from tests.testbed.ports import free_port
from tests.testbed.registries.faults import FaultyProxy, faulty

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

SPACE = "parts"
LABELS = {"app": "talker"}
TALKER = """
import http.server, sys, threading, time
print("first\\nsecond", flush=True)
threading.Thread(target=http.server.HTTPServer(("", 8000), http.server.SimpleHTTPRequestHandler)
    .serve_forever).start()
for number in range(10_000):
    print("line", number, flush=True)
    time.sleep(0.2)
"""
LOGS = f"/api/v1/namespaces/{SPACE}/pods/talker/log"


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found, found.network():
        yield found


@pytest.fixture(scope="module")
def config(running: Cluster) -> Any:
    return find("testbed", {"KUBECONFIG": str(running.kubeconfig)})


@pytest.fixture(scope="module")
def kubernetes(config: Any) -> Kubernetes:
    made = Kubernetes(lambda: config)
    made.create(api.NAMESPACES, named(SPACE))
    eventually(lambda: made.get(Kind("v1", "serviceaccounts"), "default", SPACE) is not None)
    return made


@pytest.fixture(scope="module")
def talker(
    running: Cluster, kubernetes: Kubernetes, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """A pod that talks and serves, by its name."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "talk.py").write_text(TALKER)
    (folder / "Dockerfile").write_text(
        'FROM python:3.13-alpine\nCOPY talk.py /\nCMD ["python", "/talk.py"]\n'
    )
    image = f"{running.engine.registry}/team/talker:1"
    running.run("docker", "build", "--tag", image, str(folder))
    running.run("docker", "push", image)
    container = {"name": "talker", "image": image, "ports": [{"containerPort": 8000}]}
    pod = named("talker", labels=LABELS) | {
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0}
    }
    ports = [{"port": 80, "targetPort": 8000}]
    service = named("talker") | {"spec": {"selector": LABELS, "ports": ports}}
    kubernetes.create(api.PODS, pod, SPACE)
    kubernetes.create(api.SERVICES, service, SPACE)
    running.kubectl(
        "wait", "--for=condition=Ready", "pod/talker", f"--namespace={SPACE}", "--timeout=120s"
    )
    return "talker"


@pytest.fixture
def proxy(running: Cluster) -> Iterator[FaultyProxy]:
    """A way to the cluster on which things go wrong when they are told to."""
    port = free_port()
    words = ["kubectl", "proxy", f"--port={port}", "--disable-filter"]
    with (
        subprocess.Popen(words, env=running.environ, stdout=subprocess.PIPE) as process,
        faulty(f"127.0.0.1:{port}", running.network) as found,
    ):
        try:
            assert process.stdout is not None
            assert b"Starting to serve" in process.stdout.readline()
            yield found
        finally:
            process.terminate()


def through(proxy: FaultyProxy, pauses: list[float]) -> Kubernetes:
    """The cluster behind the proxy, and how long it was waited for."""
    config = make("proxied", {"server": f"http://{proxy.host}"}, {})
    return Kubernetes(lambda: config, pause=pauses.append)


def named(name: str, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **metadata}}


@contextmanager
def fails(code: str, match: str | None = None) -> Iterator[pytest.ExceptionInfo[DogctlError]]:
    with pytest.raises(DogctlError, match=match) as caught:
        yield caught
    assert caught.value.code == code


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", **named(name), "data": data}


class TestObjects:
    def test_one_is_made_changed_and_deleted(self, kubernetes: Kubernetes) -> None:
        made = kubernetes.create(api.CONFIG_MAPS, config_map("one", dog="a"), SPACE)
        with fails("conflict"):
            kubernetes.create(api.CONFIG_MAPS, config_map("one"), SPACE)
        changed = kubernetes.replace(api.CONFIG_MAPS, {**made, "data": {"dog": "b"}}, SPACE)
        with fails("conflict"):
            kubernetes.replace(api.CONFIG_MAPS, {**made, "data": {"dog": "c"}}, SPACE)
        assert kubernetes.get(api.CONFIG_MAPS, "one", SPACE) == changed
        kubernetes.patch(api.CONFIG_MAPS, "one", {"data": {"cat": "d"}}, SPACE)
        operation = {"op": "add", "path": "/data/cow", "value": "e"}
        found = kubernetes.patch(api.CONFIG_MAPS, "one", [operation], SPACE, how=JSON_PATCH)
        assert found["data"] == {"dog": "b", "cat": "d", "cow": "e"}
        with fails("conflict"):
            kubernetes.delete(api.CONFIG_MAPS, "one", SPACE, uid="another")
        uid = made["metadata"]["uid"]
        assert kubernetes.delete(api.CONFIG_MAPS, "one", SPACE, uid=uid)
        assert not kubernetes.delete(api.CONFIG_MAPS, "one", SPACE)
        assert kubernetes.get(api.CONFIG_MAPS, "one", SPACE) is None
        with fails("not-found"):
            kubernetes.patch(api.CONFIG_MAPS, "one", {}, SPACE)

    def test_one_is_applied_or_would_be(self, kubernetes: Kubernetes) -> None:
        body = config_map("applied", dog="a")
        kubernetes.apply(api.CONFIG_MAPS, body, SPACE, dry_run=True)
        assert kubernetes.get(api.CONFIG_MAPS, "applied", SPACE) is None
        kubernetes.apply(api.CONFIG_MAPS, body, SPACE)
        other = kubernetes.apply(
            api.CONFIG_MAPS, config_map("applied", dog="b"), SPACE, manager="other"
        )
        assert other["data"] == {"dog": "b"}

    def test_what_is_not_valid_is_told_in_the_clusters_words(self, kubernetes: Kubernetes) -> None:
        with fails("invalid-object", "Invalid value"):
            kubernetes.create(api.CONFIG_MAPS, config_map("Not A Name"), SPACE)

    def test_all_pages_of_a_list_are_read(
        self, kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(api, "PAGE", 2)
        for number in range(5):
            body = config_map(f"page{number}")
            body["metadata"]["labels"] = {"book": "yes"}
            kubernetes.create(api.CONFIG_MAPS, body, SPACE)
        found = kubernetes.select(api.CONFIG_MAPS, SPACE, labels="book=yes")
        assert [each["metadata"]["name"] for each in found] == [f"page{n}" for n in range(5)]
        assert kubernetes.select(api.CONFIG_MAPS, fields="metadata.name=page3")
        assert kubernetes.select(api.CONFIG_MAPS, "nowhere") == []

    def test_kinds_are_known_by_what_manifests_call_them(self, kubernetes: Kubernetes) -> None:
        assert kubernetes.kind("apps/v1", "Deployment") == api.DEPLOYMENTS
        assert kubernetes.kind("v1", "Namespace") == api.NAMESPACES
        for version in ("apps/v1", "dogs/v1"):
            with fails("no-such-kind"):
                kubernetes.kind(version, "Dog")

    def test_the_cluster_is_known_by_its_identity(self, kubernetes: Kubernetes) -> None:
        uid, _, authority = kubernetes.identity().partition("/")
        assert (len(uid), len(authority)) == (36, 16)

    def test_one_client_is_for_all_threads(self, kubernetes: Kubernetes) -> None:
        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(lambda _: kubernetes.get(api.NAMESPACES, SPACE), range(200)))
        assert all(found)


class TestPods:
    def test_what_one_said(self, kubernetes: Kubernetes, talker: str) -> None:
        eventually(lambda: len(kubernetes.logs(SPACE, talker, "talker")) > 3)
        assert kubernetes.logs(SPACE, talker, "talker")[:3] == ["first", "second", "line 0"]
        assert len(kubernetes.logs(SPACE, talker, "talker", lines=2)) == 2
        with fails("cluster-failed", "previous terminated container"):
            kubernetes.logs(SPACE, talker, "talker", previous=True)
        with fails("not-found"):
            kubernetes.logs(SPACE, "nobody", "talker")

    def test_what_one_says(self, kubernetes: Kubernetes, talker: str) -> None:
        lines = kubernetes.follow(SPACE, talker, "talker", lines=1)
        numbers = [int(next(lines).split()[1]) for _ in range(3)]
        lines.close()  # type: ignore[attr-defined]
        assert numbers == list(range(numbers[0], numbers[0] + 3))
        with fails("not-found"):
            next(kubernetes.follow(SPACE, "nobody", "talker"))

    def test_a_command_has_input_output_and_an_exit_code(
        self, kubernetes: Kubernetes, talker: str
    ) -> None:
        script = "cat; echo problem >&2; exit 7"
        done = run(kubernetes, SPACE, talker, "talker", ["sh", "-c", script], stdin=b"dog")
        assert (done.code, done.stdout, done.stderr) == (7, b"dog", b"problem\n")

    def test_a_command_without_input_finds_its_end(
        self, kubernetes: Kubernetes, talker: str
    ) -> None:
        assert run(kubernetes, SPACE, talker, "talker", ["cat"]).stdout == b""

    def test_megabytes_go_in_and_out(self, kubernetes: Kubernetes, talker: str) -> None:
        large = bytes(range(256)) * 4 * 1024 * 40
        for stdin in (large, io.BytesIO(large)):
            out = io.BytesIO()
            done = run(kubernetes, SPACE, talker, "talker", ["cat"], stdin=stdin, stdout=out)
            assert (done.code, done.stdout) == (0, b"")
            assert out.getvalue() == large

    def test_a_command_that_is_silent_is_waited_for(
        self, kubernetes: Kubernetes, talker: str
    ) -> None:
        done = run(kubernetes, SPACE, talker, "talker", ["sh", "-c", "sleep 12; echo late"])
        assert done.stdout == b"late\n"

    def test_a_command_may_print_before_it_reads(self, kubernetes: Kubernetes, talker: str) -> None:
        large = io.BytesIO(bytes(40_000_000))
        script = "head -c 60000000 /dev/zero; wc -c"
        done = run(kubernetes, SPACE, talker, "talker", ["sh", "-c", script], stdin=large)
        assert (done.code, done.stdout[60_000_000:]) == (0, b"40000000\n")

    def test_input_that_cannot_be_read_ends_the_command(
        self, kubernetes: Kubernetes, talker: str
    ) -> None:
        class Broken(io.BytesIO):
            def read(self, _: int | None = -1) -> bytes:
                raise ValueError("no more")

        with pytest.raises(ValueError, match="no more"):
            run(kubernetes, SPACE, talker, "talker", ["cat"], stdin=Broken())

    def test_who_waits_for_a_command_may_stop(self, kubernetes: Kubernetes, talker: str) -> None:
        stop = threading.Event()

        def check() -> None:
            if stop.is_set():
                raise Cancelled

        threading.Timer(1, stop.set).start()
        began = monotonic()
        with pytest.raises(Cancelled):
            run(kubernetes, SPACE, talker, "talker", ["sleep", "60"], check=check)
        assert monotonic() - began < 4

    @pytest.mark.parametrize(
        ("pod", "container", "command", "code", "says"),
        [
            ("nobody", "talker", "true", "not-found", "nobody"),
            ("talker", "nobody", "true", "cluster-failed", "nobody"),
            ("talker", "talker", "no-such-program", "exec-failed", "no-such-program"),
        ],
    )
    def test_a_command_that_cannot_be_run(
        self,
        kubernetes: Kubernetes,
        talker: str,
        pod: str,
        container: str,
        command: str,
        code: str,
        says: str,
    ) -> None:
        assert talker
        with fails(code, says):
            run(kubernetes, SPACE, pod, container, [command])

    def test_a_service_is_asked_through_the_api(self, kubernetes: Kubernetes, talker: str) -> None:
        eventually(lambda: kubernetes.ask_service(SPACE, talker, "80", "/talk.py")[0] == 200)
        assert kubernetes.ask_service(SPACE, talker, "80", "/nothing")[0] == 404
        assert kubernetes.ask_service(SPACE, "nobody", "80", "/")[0] == 404


class TestFaults:
    def test_what_passes_is_tried_again(self, kubernetes: Kubernetes, proxy: FaultyProxy) -> None:
        assert kubernetes
        pauses: list[float] = []
        for status in (500, 503, 429):
            headers = {"Retry-After": "3"} if status == 429 else {}
            proxy.fail(1, status=status, headers=headers)
        assert through(proxy, pauses).get(api.NAMESPACES, SPACE)
        assert pauses == [0.25, 0.5, 3.0]

    def test_a_long_wait_that_is_asked_for_is_cut_short(self, proxy: FaultyProxy) -> None:
        pauses: list[float] = []
        proxy.fail(1, status=429, headers={"Retry-After": "3600"})
        assert through(proxy, pauses).get(api.NAMESPACES, "default")
        assert pauses == [10.0]

    @pytest.mark.parametrize(
        ("status", "code"), [(429, "cluster-rate-limit"), (503, "cluster-failed")]
    )
    def test_what_does_not_pass_is_an_error(
        self, proxy: FaultyProxy, status: int, code: str
    ) -> None:
        proxy.fail(4, status=status)
        with fails(code):
            through(proxy, []).get(api.NAMESPACES, "default")
        assert proxy.count("GET") == 4

    def test_a_dropped_connection_is_made_again(self, proxy: FaultyProxy) -> None:
        proxy.cut(2)
        assert through(proxy, []).get(api.NAMESPACES, "default")

    def test_an_object_is_not_made_twice_when_its_answer_is_lost(
        self, kubernetes: Kubernetes, proxy: FaultyProxy
    ) -> None:
        proxy.cut(1, method="POST", late=True)
        with fails("cluster-unreachable"):
            through(proxy, []).create(api.CONFIG_MAPS, config_map("lost"), SPACE)
        assert proxy.count("POST") == 1
        assert kubernetes.get(api.CONFIG_MAPS, "lost", SPACE)

    def test_what_is_not_to_happen_twice_waits_if_it_was_not_heard(
        self, kubernetes: Kubernetes, proxy: FaultyProxy
    ) -> None:
        assert kubernetes
        proxy.fail(1, method="POST", status=429)
        assert through(proxy, []).create(api.CONFIG_MAPS, config_map("heard"), SPACE)

    def test_a_list_that_changed_too_much_is_read_from_the_beginning(
        self, kubernetes: Kubernetes, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert kubernetes
        monkeypatch.setattr(api, "PAGE", 1)
        gone = {"kind": "Status", "message": "The provided continue parameter is too old"}
        asked = through(proxy, [])
        expected = asked.select(api.NAMESPACES)
        before = proxy.count("GET")
        proxy.fail(1, status=410, body=json.dumps(gone).encode())
        assert asked.select(api.NAMESPACES) == expected
        assert proxy.count("GET") == before * 2 + 1
        proxy.fail(9, status=410, body=json.dumps(gone).encode())
        with fails("cluster-failed", "change faster"):
            asked.select(api.NAMESPACES)

    def test_a_cluster_that_is_away_is_explained_if_that_is_possible(self) -> None:
        config = make("away", {"server": "https://127.0.0.1:9"}, {})
        with fails("cluster-unreachable"):
            Kubernetes(lambda: config, pause=lambda _: None).get(api.NAMESPACES, "default")

        def explain() -> None:
            raise ConfigError("it is stopped", code="stopped")

        asked = Kubernetes(lambda: config, pause=lambda _: None, explain=explain)
        for ask in (
            lambda: asked.get(api.NAMESPACES, "default"),
            lambda: next(asked.follow("a", "b", "c")),
            lambda: run(asked, "a", "b", "c", ["true"]),
            lambda: asked.create(api.NAMESPACES, named("x")),
        ):
            with fails("stopped"):
                ask()


class TestLogins:
    @pytest.fixture
    def nobody(self, running: Cluster) -> Any:
        """The cluster, for somebody who has no certificate."""
        config = find("testbed", {"KUBECONFIG": str(running.kubeconfig)})
        return config["clusters"][0]["cluster"]

    @pytest.fixture
    def token(self, running: Cluster, kubernetes: Kubernetes) -> str:
        """Of an account that may read pods in one namespace."""
        assert kubernetes
        space = f"--namespace={SPACE}"
        if not running.answers("get", "serviceaccount", "reader", space):
            running.kubectl("create", "serviceaccount", "reader", space)
            account = f"--serviceaccount={SPACE}:reader"
            running.kubectl("create", "rolebinding", "reader", "--clusterrole=view", account, space)
        return running.kubectl("create", "token", "reader", space).strip()

    def test_what_we_may_not_is_told_in_the_clusters_words(self, nobody: Any, token: str) -> None:
        config = make("reader", nobody, {"token": token})
        asked = Kubernetes(lambda: config)
        assert asked.select(api.CONFIG_MAPS, SPACE)
        with fails("cluster-forbidden", 'cannot get resource "namespaces"'):
            asked.get(api.NAMESPACES, "default")
        with fails("cluster-forbidden", "cannot"):
            run(asked, SPACE, "talker", "talker", ["true"])
        assert asked.may("get", api.PODS, SPACE)
        assert not asked.may("delete", api.PODS, SPACE)

    def test_a_token_that_expired_is_renewed_once_for_all_threads(
        self, nobody: Any, token: str
    ) -> None:
        tokens = ["expired"]
        renewed: list[int] = []

        def renew() -> None:
            renewed.append(1)
            tokens[0] = token

        asked = Kubernetes(lambda: make("me", nobody, {"token": tokens[0]}), renew=renew)
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: asked.select(api.CONFIG_MAPS, SPACE), range(16)))
        assert all(found)
        assert renewed == [1]

    def test_a_token_that_stays_refused_is_an_error(self, nobody: Any) -> None:
        config = make("me", nobody, {"token": "wrong"})
        for ask in (
            lambda asked: asked.get(api.NAMESPACES, SPACE),
            lambda asked: next(asked.follow(SPACE, "talker", "talker")),
            lambda asked: run(asked, SPACE, "talker", "talker", ["true"]),
        ):
            with fails("cluster-not-logged-in"):
                ask(Kubernetes(lambda: config))

    def test_an_expired_token_is_renewed_for_logs_and_commands_too(
        self, running: Cluster, nobody: Any, talker: str
    ) -> None:
        user = find("testbed", {"KUBECONFIG": str(running.kubeconfig)})["users"][0]["user"]
        users: list[Mapping[str, str]] = [{"token": "expired"}]

        def made() -> Kubernetes:
            users[0] = {"token": "expired"}
            return Kubernetes(
                lambda: make("me", nobody, users[0]), renew=lambda: users.__setitem__(0, user)
            )

        assert next(made().follow(SPACE, talker, "talker")) == "first"
        assert run(made(), SPACE, talker, "talker", ["echo", "dog"]).stdout == b"dog\n"

    def test_certificates_may_be_files(self, running: Cluster, tmp_path: Path, nobody: Any) -> None:
        certificate = running.kubeconfig.with_suffix(".crt")
        for path in (certificate, certificate.with_suffix(".key"), running.identities.ca):
            (tmp_path / path.name).write_bytes(path.read_bytes())
        cluster = {"server": nobody["server"], "certificate-authority": running.identities.ca.name}
        user = {
            "client-certificate": certificate.name,
            "client-key": certificate.with_suffix(".key").name,
        }
        path = tmp_path / "config"
        path.write_text(json.dumps(make("files", cluster, user)))
        config = find("files", {"KUBECONFIG": str(path)})
        asked = Kubernetes(lambda: config)
        assert asked.get(api.NAMESPACES, "default")
        assert asked.identity().partition("/")[2]
        (tmp_path / certificate.name).unlink()
        with fails("broken-kubeconfig"):
            Kubernetes(lambda: config).get(api.NAMESPACES, "default")

    def test_a_token_file_is_read(self, nobody: Any, token: str, tmp_path: Path) -> None:
        path = tmp_path / "token"
        path.write_text(token)
        config = make("me", nobody, {"tokenFile": str(path)})
        heard: list[Secret] = []
        assert Kubernetes(lambda: config, remember=heard.append).select(api.CONFIG_MAPS, SPACE)
        assert [each.reveal() for each in heard] == [token]

    @pytest.mark.parametrize("version", ["v1", "v1beta1"])
    def test_a_plugin_gives_a_token(
        self, nobody: Any, token: str, tmp_path: Path, version: str
    ) -> None:
        answer = {"kind": "ExecCredential", "status": {"token": token}}
        script = f"cat > {tmp_path}/asked <<< $KUBERNETES_EXEC_INFO; echo '{json.dumps(answer)}'"
        plugin = {
            "apiVersion": f"client.authentication.k8s.io/{version}",
            "command": "bash",
            "args": ["-c", script],
            "env": [{"name": "WHO", "value": "me"}],
            "interactiveMode": "Never",
            "provideClusterInfo": True,
        }
        config = make("me", nobody, {"exec": plugin})
        heard: list[Secret] = []
        made = Kubernetes(lambda: config, remember=heard.append)
        assert made.select(api.CONFIG_MAPS, SPACE)
        assert [each.reveal() for each in heard] == [token]
        asked = json.loads((tmp_path / "asked").read_text())
        assert asked["apiVersion"] == plugin["apiVersion"]
        assert asked["spec"]["cluster"]["server"] == nobody["server"]

    def test_a_plugin_gives_a_certificate(self, running: Cluster, nobody: Any) -> None:
        certificate = running.kubeconfig.with_suffix(".crt")
        key = certificate.with_suffix(".key")
        status = {
            "clientCertificateData": certificate.read_text(),
            "clientKeyData": key.read_text(),
        }
        plugin = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "printf",
            "args": ["%s", json.dumps({"status": status})],
        }
        config = make("me", nobody, {"exec": plugin})
        assert Kubernetes(lambda: config).get(api.NAMESPACES, "default")

    @pytest.mark.parametrize(
        ("words", "says", "hint"),
        [
            (["no-such-plugin"], "cannot start no-such-plugin", "install it"),
            (["sh", "-c", "echo you are logged out >&2; exit 1"], "you are logged out", "log in"),
            (["echo", "canary"], "gives no credentials", "log in"),
            (["echo", '{"status": {}}'], "gives no credentials", "log in"),
        ],
    )
    def test_a_plugin_that_fails(self, nobody: Any, words: list[str], says: str, hint: str) -> None:
        plugin = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": words[0],
            "args": words[1:],
            "installHint": "install it",
        }
        config = make("me", nobody, {"exec": plugin})
        with fails("cluster-not-logged-in", says) as caught:
            Kubernetes(lambda: config).get(api.NAMESPACES, "default")
        assert hint in str(caught.value.hint)
        assert "canary" not in repr(vars(caught.value))

    def test_a_cluster_with_another_certificate_is_not_talked_to(
        self, nobody: Any, tmp_path: Path
    ) -> None:
        (tmp_path / "other").mkdir()
        other = Identities(tmp_path / "other")
        cluster = {"server": nobody["server"], "certificate-authority": str(other.ca)}
        config = make("other", cluster, {"token": "canary"})
        pauses: list[float] = []
        asked = Kubernetes(lambda: config, pause=pauses.append)
        for ask in (
            lambda: asked.get(api.NAMESPACES, "default"),
            lambda: next(asked.follow(SPACE, "talker", "talker")),
            lambda: run(asked, SPACE, "talker", "talker", ["true"]),
        ):
            with fails("cluster-wrong-certificate", "CERTIFICATE_VERIFY_FAILED"):
                ask()
        assert pauses == []

    @pytest.mark.parametrize("server", ["127.0.0.1:6443", "https://[::1", "ftp://dog"])
    def test_an_address_that_is_none(self, server: str) -> None:
        config = make("me", {"server": server}, {})
        with fails("broken-kubeconfig"):
            Kubernetes(lambda: config).get(api.NAMESPACES, "default")


def test_no_connection_is_left_open(config: Any) -> None:
    asked = Kubernetes(lambda: config)
    asked.get(api.NAMESPACES, "default")
    http = asked._api.session().http
    threads = threading.active_count()
    del asked
    assert http.is_closed
    assert threading.active_count() <= threads
