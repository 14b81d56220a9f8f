"""status, history, logs, open and exec for an app on a real cluster."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import ssl
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any, Self

import pytest
import requests
import trustme

from tests.dogctl import released
from tests.dogctl.relay import relay
from tests.dogctl.released import Released
from tests.eventually import eventually
from tests.testbed.cluster.addresses import API_PORT
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.engine import own_engine

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

IN = ("--namespace", "tiny")
QA = ("--env", "qa")


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found:
        yield found


@pytest.fixture(scope="module")
def image(running: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    return released.image(running, tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def app(running: Cluster, image: str, tmp_path_factory: pytest.TempPathFactory) -> Released:
    """A project whose app has two pods."""
    released.release(running, image)
    return Released(tmp_path_factory.mktemp("app"), running)


def status(app: Released) -> Any:
    done = app.dogctl("status", *QA, "--json")
    assert done.code == 0, done.err
    return done.json["data"]


def names(app: Released) -> list[str]:
    return [pod["name"] for pod in status(app)["pods"] if not pod["ending"]]


def is_up(app: Released) -> bool:
    found = status(app)
    return found["state"] == "up" and len(found["pods"]) == 2


@pytest.fixture
def up(app: Released) -> Released:
    """The app as it was released: whatever a test has done to it is over."""
    eventually(lambda: is_up(app))
    return app


def test_status_is_complete(up: Released, image: str) -> None:
    up.dogctl("exec", *QA, "--", "true")
    found = status(up)
    digest = image.partition("@")[2]
    assert found["summary"] == "tiny is up in qa: 2 of 2 pods ready"
    assert found["image"] == {
        "name": image,
        "version": "1.0.0",
        "digest": digest,
        "running": [digest],
    }
    assert found["cluster"]["version"].startswith("v1.34.")
    assert re.fullmatch(r'pin = "[0-9a-f-]{36}/[0-9a-f]{16}"', found["cluster"]["pin"])
    assert found["release"]["name"] == "tiny"
    assert found["release"]["current"] is True
    assert found["health"]["ok"] is True
    assert found["count"]["name"] == "visits"
    assert found["url"]["via"] == "LoadBalancer"
    assert found["url"]["reachable"] is True
    assert found["budgets"][0]["allowed"] == 1
    assert found["drift"] == {"differences": [], "unknown": []}
    assert {pod["digest"] for pod in found["pods"]} == {digest}
    assert {pod["node"] for pod in found["pods"]} == {"node-1"}


def test_status_is_for_people_too(up: Released) -> None:
    done = up.dogctl("status", *QA)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "tiny is up in qa: 2 of 2 pods ready"
    for title in ("URL", "Image", "Release", "Cluster", "Pin", "Health", "Drift", "Visits"):
        assert any(line.startswith(title) for line in lines), title
    assert sum(line.startswith("tiny-") for line in lines) == 2


def test_status_asks_everything_at_once(up: Released) -> None:
    """The same process: where to start and to connect takes the most, in both."""
    done = up.dogctl("status", *QA, "--json")
    seconds = done.json["data"]["seconds"]
    assert sum(seconds.values()) > 2 * max(seconds.values())


def test_drift_is_shown(up: Released, image: str) -> None:
    cluster = up.cluster
    cluster.kubectl("scale", *IN, "deployment/tiny", "--replicas=1")
    cluster.kubectl("delete", *IN, "configmap/tiny")
    try:
        texts = [each["text"] for each in status(up)["drift"]["differences"]]
        assert "Deployment/tiny: spec.replicas is 1, not 2" in texts
        assert "ConfigMap/tiny is gone" in texts
        assert "Not as released:\n  " in up.dogctl("status", *QA).out
    finally:
        released.release(cluster, image)


def test_history_shows_what_helm_alone_has_made(up: Released, image: str) -> None:
    before = up.dogctl("history", *QA, "--json").json["data"]["revisions"]
    released.release(up.cluster, image, podAnnotations={"made": "anew"})
    up.cluster.run("helm", "rollback", "tiny", str(before[0]["revision"]), *IN, "--wait")
    rows = up.dogctl("history", *QA, "--json").json["data"]["revisions"]
    assert [row["revision"] for row in rows[:2]] == [before[0]["revision"] + n for n in (2, 1)]
    assert [row["result"] for row in rows[:2]] == ["ok", "ok"]
    assert rows[0]["note"] == f"current, rollback to {before[0]['revision']}"
    assert rows[0]["digest"] == image.partition("@")[2]
    assert rows[0]["version"] == "1.0.0"
    out = up.dogctl("history", *QA).out.splitlines()
    assert out[0].split() == [
        "REVISION",
        "VERSION",
        "DIGEST",
        "CHART",
        "WHO",
        "WHEN",
        "RESULT",
        "NOTE",
    ]
    assert out[1].startswith(f"{rows[0]['revision']} ")


@pytest.mark.parametrize("words", [["history"], ["logs"], ["open"], ["exec", "--yes", "--", "id"]])
def test_without_a_release_the_next_command_is_named(up: Released, words: list[str]) -> None:
    words = [words[0], "--env", "empty", *words[1:]]
    done = up.dogctl(*words)
    assert done.code == 1, done.err
    assert "tiny is not released in empty" in done.err
    assert "dogctl release --env empty" in done.err


def test_status_without_a_release_is_a_report(up: Released) -> None:
    done = up.dogctl("status", "--env", "empty")
    assert done.code == 0
    assert done.out.startswith("tiny is not released in empty: dogctl release --env empty\n")
    assert "Drift" not in done.out
    assert up.dogctl("status", "--env", "empty", "--json").json["data"]["state"] == "absent"


def test_another_cluster_than_the_pinned_one_is_refused(up: Released) -> None:
    for command in ("status", "history", "logs", "open"):
        done = up.dogctl(command, "--env", "wrong")
        assert done.code == 2, done.err
        assert "this is another cluster than the one that wrong is pinned to" in done.err


def test_a_cluster_that_is_away_is_an_error(up: Released, tmp_path: Path) -> None:
    away = tmp_path / "kubeconfig"
    away.write_text(up.kubeconfig.read_text().replace(":6443", ":1"))
    done = up.dogctl("status", *QA, "--json", KUBECONFIG=str(away))
    assert done.code == 1
    assert done.json["error"]["code"] == "cluster-unreachable"


def test_who_may_not_see_a_part_sees_the_rest(up: Released, tmp_path: Path) -> None:
    """A service account that may read pods and deployments, and nothing else."""
    cluster = up.cluster
    cluster.kubectl("create", "serviceaccount", "reader", *IN)
    role = ("--verb=get,list", "--resource=pods,deployments.apps,services")
    cluster.kubectl("create", "role", "reader", *role, *IN)
    cluster.kubectl(
        "create", "rolebinding", "reader", "--role=reader", "--serviceaccount=tiny:reader", *IN
    )
    token = cluster.kubectl("create", "token", "reader", *IN).strip()
    config = json.loads(up.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    limited = tmp_path / "kubeconfig"
    limited.write_text(json.dumps(config))
    done = up.dogctl("status", *QA, "--json", KUBECONFIG=str(limited))
    assert done.code == 0, done.err
    found = done.json["data"]
    assert found["summary"] == "tiny is up in qa: 2 of 2 pods ready"
    assert len(found["pods"]) == 2
    for part in ("release", "autoscalers", "events", "budgets", "drift", "health"):
        assert found[part]["error"]["code"] == "cluster-forbidden", part
    assert found["cluster"]["identity"]["error"]["code"] == "cluster-forbidden"
    text = up.dogctl("status", *QA, KUBECONFIG=str(limited)).out
    assert re.search("^Release +not known: the cluster refuses", text, re.MULTILINE)
    assert token not in text


@contextmanager
def serving(app: Released, certificate: trustme.LeafCert) -> Iterator[None]:
    """What would be the cluster's Ingress controller, on the port for https."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    with app.cluster.network():
        server = ThreadingHTTPServer(("127.0.0.1", 443), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_certificate_is_told_from_its_secret(up: Released, image: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    pem, secret = tmp_path / "crt", tmp_path / "key"
    pem.write_bytes(b"".join(each.bytes() for each in certificate.cert_chain_pems))
    secret.write_bytes(certificate.private_key_pem.bytes())
    files = (f"--cert={pem}", f"--key={secret}")
    up.cluster.kubectl("create", "secret", "tls", "tiny-tls", *files, *IN)
    tls = {"mode": "secret", "secretName": "tiny-tls"}
    ingress = {"enabled": True, "hosts": ["localhost"], "tls": tls}
    released.release(up.cluster, image, ingress=ingress)
    try:
        stored, served = status(up)["certificates"]
        assert stored["hosts"] == ["localhost"]
        assert stored["days"] > 0
        assert stored["problem"] is None
        assert served["problem"].startswith("shows no certificate")
        with serving(up, certificate):
            found = status(up)
            assert "Certificate  tiny-tls (secret) until " in up.dogctl("status", *QA).out
        stored, served = found["certificates"]
        assert served["expires"] == stored["expires"]
        assert found["addresses"][0]["address"] == "https://localhost"
        assert "is not trusted" in found["addresses"][0]["says"]
        assert found["url"]["via"] == "LoadBalancer"  # the one that answers
    finally:
        released.release(up.cluster, image)


def test_a_watch_tells_changes_and_ends_with_0(up: Released) -> None:
    with up.started("status", *QA, "--watch") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("tiny is up")
        up.cluster.kubectl("scale", *IN, "deployment/tiny", "--replicas=3")
        try:
            until(process.stdout, r"status: tiny is up in qa: 3 of 3 pods ready")
        finally:
            up.cluster.kubectl("scale", *IN, "deployment/tiny", "--replicas=2")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def until(stream: IO[str], pattern: str) -> str:
    """The first line that has it; the test's own timeout ends the wait."""
    for line in stream:
        if re.search(pattern, line):
            return line
    raise AssertionError(f"ended without {pattern}")


def say_until_seen(app: Released, pod: str, text: str, stream: IO[str]) -> None:
    """What is followed begins with what is said from then on."""
    seen = threading.Event()

    def say_on() -> None:
        while not seen.wait(1):
            say(app, pod, text)

    speaker = threading.Thread(target=say_on)
    speaker.start()
    until(stream, f"said {text}")
    seen.set()
    speaker.join()


def say(app: Released, pod: str, text: str) -> None:
    ask = "import urllib.request as web, sys; web.urlopen(sys.argv[1])"
    url = f"http://127.0.0.1:5000/say?{text}"
    app.cluster.kubectl("exec", *IN, pod, "--", "python", "-c", ask, url)


def test_logs_of_all_pods_in_the_order_of_time(up: Released) -> None:
    first, second = names(up)
    for number, pod in enumerate((first, second, first)):
        say(up, pod, f"order-{number}")
    wanted = [f"{pod}  said order-{n}" for n, pod in enumerate((first, second, first))]
    done = up.dogctl("logs", *QA)
    assert [line for line in done.out.splitlines() if "order-" in line] == wanted
    data = up.dogctl("logs", *QA, "--json", "--lines", "2", "--since", "10m").json["data"]
    assert data["lines"] == wanted[1:]
    assert [entry["pod"] for entry in data["entries"]] == [second, first]
    assert data["entries"][0]["time"] < data["entries"][1]["time"]


def test_logs_know_components_and_containers(up: Released) -> None:
    assert up.dogctl("logs", *QA, "--service", "app", "--container", "app").code == 0
    done = up.dogctl("logs", *QA, "--service", "cat")
    assert (done.code, "no component cat (known: app)" in done.err) == (2, True)
    done = up.dogctl("logs", *QA, "--container", "cat")
    assert (done.code, "no container cat (known: app)" in done.err) == (2, True)
    for words in (["--since", "soon"], ["--follow", "--previous"], ["--follow", "--json"]):
        assert up.dogctl("logs", *QA, *words).code == 2


def test_logs_of_what_has_crashed(up: Released) -> None:
    """The container starts anew; what it said before is asked for."""
    pod = names(up)[0]
    ask = "import urllib.request as web; web.urlopen('http://127.0.0.1:5000/crash')"
    up.cluster.answers("exec", *IN, pod, "--", "python", "-c", ask)
    eventually(lambda: "about to crash" in up.dogctl("logs", *QA, "--previous").out)
    done = up.dogctl("logs", *QA, "--previous")
    assert f"{pod}  about to crash" in done.out
    assert "not found" in done.err  # the other pod has no run before
    assert any(each["restarts"] for each in status(up)["pods"])


def test_followed_logs_go_on_over_a_rollout(up: Released) -> None:
    old = names(up)
    with up.started("logs", *QA, "--follow") as process:
        assert process.stdout is not None
        say(up, old[1], "early")
        assert until(process.stdout, "said early") == f"{old[1]}  said early\n"
        up.cluster.kubectl("rollout", "restart", *IN, "deployment/tiny")
        up.cluster.kubectl("rollout", "status", *IN, "deployment/tiny", "--timeout=120s")
        new = [name for name in names(up) if name not in old]
        say(up, new[0], "late")
        assert until(process.stdout, "said late") == f"{new[0]}  said late\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


def test_followed_logs_go_on_when_the_connection_breaks(up: Released) -> None:
    """Nothing is lost, and nothing told twice."""
    pod = names(up)[0]
    with up.cluster.network(), relay(API_PORT) as cut_off:
        kubeconfig = up.root / "relayed"
        kubeconfig.write_text(up.kubeconfig.read_text().replace(str(API_PORT), str(cut_off.port)))
        through = Released(up.root, up.cluster, kubeconfig)
        with through.started("logs", *QA, "--follow", "--lines", "0") as process:
            assert process.stdout is not None
            for text in ("one", "two", "three"):
                # Until the first one is seen, nobody knows whether it is followed yet.
                say_until_seen(up, pod, text, process.stdout)
                cut_off.cut()
                say(up, pod, f"after-{text}")
                assert until(process.stdout, "after") == f"{pod}  said after-{text}\n"


def test_who_may_follow_no_log_is_told_so(up: Released, tmp_path: Path) -> None:
    cluster = up.cluster
    cluster.kubectl("create", "serviceaccount", "lister", *IN)
    kinds = "pods,deployments.apps,statefulsets.apps,daemonsets.apps"
    role = ("--verb=get,list", f"--resource={kinds}")
    cluster.kubectl("create", "role", "lister", *role, *IN)
    account = "--serviceaccount=tiny:lister"
    cluster.kubectl("create", "rolebinding", "lister", "--role=lister", account, *IN)
    token = cluster.kubectl("create", "token", "lister", *IN).strip()
    config = json.loads(up.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    limited = tmp_path / "kubeconfig"
    limited.write_text(json.dumps(config))
    words = ("logs", *QA, "--follow")
    with Released(up.root, cluster, limited).started(*words, stderr=subprocess.PIPE) as process:
        assert process.wait(30) == 1
        assert process.stderr is not None
        assert 'cannot get resource "pods/log"' in process.stderr.read()


def test_open_says_the_address_that_answers(up: Released) -> None:
    done = up.dogctl("open", *QA, "--json", BROWSER="true")
    assert done.code == 0, done.err
    assert done.json["data"] == {"url": status(up)["url"]["address"], "opened": True}


def test_open_forwards_a_port_where_there_is_no_address(up: Released) -> None:
    patch = json.dumps({"spec": {"type": "ClusterIP"}})
    up.cluster.kubectl("patch", *IN, "service/tiny", "--patch", patch)
    try:
        with up.started("open", *QA, "--json") as process:
            assert process.stdout is not None
            data = json.loads(process.stdout.readline())["data"]
            assert data["forwarded"] is True
            before = ask(up, data["url"])
            assert before in names(up)
            large = "x" * 100_000
            assert ask(up, f"{data['url']}/?{large[:5000]}") in names(up)
            up.cluster.kubectl("delete", *IN, f"pod/{before}")
            assert ask(up, data["url"]) != before
            port = int(data["url"].rpartition(":")[2])
            # A browser keeps its connections, and they do not keep dogctl.
            with up.cluster.network(), socket.create_connection(("127.0.0.1", port)) as kept:
                kept.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\nGET")
                assert kept.recv(4) == b"HTTP"
                process.send_signal(signal.SIGINT)
                assert process.wait(5) == 0
    finally:
        patch = json.dumps({"spec": {"type": "LoadBalancer"}})
        up.cluster.kubectl("patch", *IN, "service/tiny", "--patch", patch)


def ask(app: Released, url: str) -> str:
    """The name of the pod that answers."""
    with app.cluster.network():
        return requests.get(url, timeout=60).text


def test_exec_passes_input_output_and_exit_code(up: Released) -> None:
    script = "cat; echo problem >&2; exit 7"
    done = up.dogctl("exec", *QA, "--", "sh", "-c", script, stdin="woof")
    assert (done.code, done.out, done.err) == (7, "woof", "problem\n")
    pod = names(up)[1]
    done = up.dogctl("exec", *QA, "--pod", pod, "--json", "--", "uname", "-n")
    assert done.json["data"]["stdout"] == f"{pod}\n"
    assert done.json["data"]["exit_code"] == done.json["exit_code"] == 0
    assert up.dogctl("exec", *QA, "--json", "--", "false").json["exit_code"] == 1


def test_exec_passes_bytes_as_they_are(up: Released) -> None:
    content = bytes(range(256)) * 20_000
    with up.cluster.network():
        words = up.argv("exec", *QA, "--", "cat")
        done = subprocess.run(
            words, cwd=up.root, env=up.environ(), input=content, capture_output=True, check=True
        )
    assert done.stdout == content


def test_exec_that_cannot_be_says_why(up: Released) -> None:
    done = up.dogctl("exec", *QA, "--json", "--", "no-such-program")
    assert done.json["error"]["code"] == "exec-failed"
    assert "no-such-program" in done.json["error"]["message"]
    assert up.dogctl("exec", *QA, "--pod", "cat", "--", "true").code == 2
    assert up.dogctl("exec", *QA, "--container", "cat", "--", "true").code == 2


def test_exec_in_a_protected_environment_asks(up: Released) -> None:
    pin = status(up)["cluster"]["pin"]
    settings = (up.root / "pyproject.toml").read_text()
    qa = re.search(r"\[tool.dogctl.env.qa\]\n(.*?)\n\n", settings, re.DOTALL)
    assert qa
    asked = f"\n[tool.dogctl.env.asked]\nprotected = true\n{qa[1]}\n"
    up.configure(settings + asked)
    try:
        done = up.dogctl("exec", "--env", "asked", "--", "true")
        assert (done.code, pin in done.err) == (2, True)  # it is to be pinned first
        up.configure(f"{settings}{asked}{pin}\n")
        done = up.dogctl("exec", "--env", "asked", "--", "true")
        assert (done.code, "is protected" in done.err) == (2, True)
        assert "dogctl exec --env asked --yes -- true" in done.err
        with Terminal(up, "exec", "--env", "asked", "--", "echo", "woof") as asks:
            asks.until("Go on? [y/N]")
            asks.type("y\r")
            asks.until("\nwoof")
            assert asks.process.wait(60) == 0
        assert up.dogctl("exec", "--env", "asked", "--yes", "--", "true").code == 0
    finally:
        up.configure(settings)


class Terminal:
    """A dogctl on a terminal of its own; it is ended with its block."""

    def __init__(self, app: Released, *words: str) -> None:
        self.ours, theirs = pty.openpty()
        self.resize(40, 111)
        self.before = termios.tcgetattr(theirs)
        self.theirs = theirs
        self.seen = b""
        with app.cluster.network():
            self.process = subprocess.Popen(
                app.argv(*words),
                cwd=app.root,
                env=app.environ(),
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
                preexec_fn=partial(fcntl.ioctl, theirs, termios.TIOCSCTTY, 0),  # noqa: PLW1509
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:
            self.process.kill()
        os.close(self.theirs)
        os.close(self.ours)

    def resize(self, rows: int, columns: int) -> None:
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, size)

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def until(self, text: str) -> None:
        """Read on until it is there; what is read is forgotten."""
        while text.encode() not in self.seen:
            assert select.select([self.ours], [], [], 60)[0], self.seen
            self.seen += os.read(self.ours, 4096)
        self.seen = self.seen.partition(text.encode())[2]

    def is_as_before(self) -> bool:
        return termios.tcgetattr(self.theirs) == self.before


def test_exec_on_a_terminal_is_a_terminal_there(up: Released) -> None:
    with Terminal(up, "exec", *QA) as shell:
        shell.until("$ ")
        assert not shell.is_as_before()
        shell.type("stty size\r")
        shell.until("40 111")
        shell.until("$ ")  # what is typed earlier is shown before it, and not where it is read
        shell.resize(50, 99)
        os.killpg(shell.process.pid, signal.SIGWINCH)
        shell.type("until stty size | grep '50 99'; do sleep 0.1; done\r")
        shell.until("\n50 99")
        shell.until("$ ")
        shell.type("sleep 1000\r")
        shell.until("sleep 1000")
        shell.type("\x03")
        shell.until("$ ")
        shell.type("exit 5\r")
        assert shell.process.wait(60) == 5
        assert shell.is_as_before()


def test_a_killed_exec_leaves_the_terminal_as_it_was(up: Released) -> None:
    with Terminal(up, "exec", *QA) as shell:
        shell.until("$ ")
        shell.process.send_signal(signal.SIGTERM)
        assert shell.process.wait(60) == 130
        assert shell.is_as_before()


def test_a_pod_that_ends_ends_its_command(up: Released) -> None:
    pod = names(up)[0]
    with up.started("exec", *QA, "--pod", pod, "--", "sh", "-c", "echo on; sleep 1000") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "on\n"
        up.cluster.kubectl("delete", *IN, f"pod/{pod}", "--wait=false")
        assert process.wait(60) != 0


def test_a_status_on_a_terminal_is_drawn_anew(up: Released) -> None:
    with Terminal(up, "status", *QA, "--watch") as screen:
        screen.until("2 of 2 pods ready")
        screen.until("2 of 2 pods ready")
        screen.type("\x03")
        screen.until("tiny is up")  # the last one stays
        assert screen.process.wait(60) == 0
