"""Clusters and registries that take a connection and never answer: who asks is not kept by them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from dogctl.clouds.kubeconfig import make
from dogctl.clouds.kubernetes import NAMESPACES, Kubernetes
from dogctl.errors import Cancelled, DogctlError
from dogctl.execution import execute
from dogctl.lifecycle.asking import Asking, ask_each, within
from dogctl.plan import Plan, Run, Step
from tests.dogctl.test_plan import Recorder

SETTINGS = """
[project]
name = "dogs"
[tool.dogctl.env.qa]
target = "context"
context = "silent"
[tool.dogctl.env.pinned]
target = "context"
context = "silent"
pin = "00000000-0000-0000-0000-000000000000/0123456789abcdef"
"""
DIGEST = f"sha256:{'0' * 64}"


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of one that hears everything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        yield f"{host}:{port}"


@pytest.fixture
def project(tmp_path: Path, silent: str) -> Path:
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    (tmp_path / "wsgi.py").write_text("")
    config = make("silent", {"server": f"http://{silent}"}, {"token": "t"})
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    return tmp_path


def started(project: Path, *words: str) -> subprocess.Popen[str]:
    environ = {**os.environ, "KUBECONFIG": str(project / "kubeconfig"), "HOME": str(project)}
    return subprocess.Popen(
        [sys.executable, "-m", "dogctl", *words],
        cwd=project,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.real
@pytest.mark.parametrize("environment", ["qa", "pinned"])
def test_a_status_says_that_nothing_was_answered(project: Path, environment: str) -> None:
    began = monotonic()
    with started(project, "status", "--env", environment, "--json") as process:
        out, err = process.communicate(timeout=30)
    assert monotonic() - began < 12, err
    assert (process.returncode, json.loads(out)["error"]["code"]) == (1, "not-answered")


@pytest.mark.real
@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["history"],
        ["logs"],
        ["logs", "--follow"],
        ["open"],
        ["exec", "--", "true"],
        ["rollback"],
        ["secrets", "list"],
        ["db", "backup"],
        ["uninstall", "--yes"],
        ["release", "--image", f"SILENT/team/dogs@{DIGEST}"],
    ],
    ids=" ".join,
)
def test_who_wants_to_stop_is_gone_at_once(project: Path, silent: str, words: list[str]) -> None:
    own, *others = " ".join(words).replace("SILENT", silent).split(" -- ")
    rest = ["--", *others] if others else []
    with started(project, *own.split(), "--env", "qa", *rest) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
        began = monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert monotonic() - began < 3, err
    assert "Traceback" not in err


def test_a_step_that_asks_is_given_up() -> None:
    stop, never = threading.Event(), threading.Event()

    def run(step: Run) -> None:
        stop.set()
        step.interruptible(never.wait)

    for step in (
        Step("runs", lambda _: "", run),
        Step("looks", lambda _: "", lambda _: None, done=lambda _: stop.set() or never.wait()),
    ):
        stop.clear()
        report = execute(Plan("test", (step,)), Recorder(), stop)
        assert isinstance(report.error, Cancelled)
    never.set()


def test_an_answer_that_does_not_come_is_not_waited_for() -> None:
    never = threading.Event()
    with pytest.raises(DogctlError, match=r"not answered within 0.1 s"):
        within(0.1, never.wait)
    asking = Asking(0.1)
    asking.ask("never", never.wait)
    asking.ask("needy", lambda: 1, "never")
    asking.ask("good", lambda: 2)
    assert asking["good"] == 2
    assert [error.code for error in asking.errors(asking.names)] == ["not-answered"] * 2
    never.set()


def test_all_are_asked_and_the_first_error_is_raised() -> None:
    assert ask_each(lambda number: number * 2, range(20)) == list(range(0, 40, 2))
    assert ask_each(str, ()) == []
    with pytest.raises(ZeroDivisionError):
        ask_each(lambda number: 1 // number, (1, 0))


@pytest.mark.real
def test_a_cluster_that_is_silent_is_not_asked_again_and_again(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dogctl.clouds.kubernetes_http.PATIENCE", 0.5)
    config = make("silent", {"server": f"http://{silent}"}, {})
    pauses: list[float] = []
    asked = Kubernetes(lambda: config, pause=pauses.append)
    monkeypatch.setattr("dogctl.clouds.kubernetes_http.Connection.once", _slow)
    with pytest.raises(DogctlError):
        asked.get(NAMESPACES, "default")
    assert len(pauses) == 1


def test_a_log_that_is_silent_for_long_is_asked_for_again(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dogctl.clouds.kubernetes_http.LONGEST_SILENCE", 0.2)
    config = make("silent", {"server": f"http://{silent}"}, {})
    assert list(Kubernetes(lambda: config).follow("dogs", "dogs-0", "app")) == []


def _slow(*_: object, **__: object) -> None:
    threading.Event().wait(0.3)
    raise DogctlError("it does not answer", code="cluster-unreachable")
