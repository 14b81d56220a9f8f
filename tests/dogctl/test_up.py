"""up, status, logs, open and down with a real server process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from dogctl.config.load import load
from dogctl.lifecycle import process_app
from dogctl.lifecycle.engines import choose
from dogctl.lifecycle.local import Paths
from dogctl.lifecycle.process_app import read_record
from dogctl.lifecycle.up import plan_up
from dogctl.plan import Results
from dogctl.tools.processes import start_mark
from tests.dogctl.conftest import TINY_APP, Project
from tests.testbed.ports import free_port

ODD_APP = """
import os, socket, sys, threading

status, body = os.environ["ANSWER"].split()
head = f"HTTP/1.1 {status} x\\r\\nLocation: {body}\\r\\n\\r\\n".encode()

def answer(connection):
    connection.recv(4096)
    connection.sendall(head)
    while body == "endless":
        connection.sendall(b"x" * 100)
    connection.close()

server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    threading.Thread(target=answer, args=server.accept()[:1], daemon=True).start()
"""


def test_up_answers_and_a_second_up_does_nothing(tiny: Project) -> None:
    first = tiny.dogctl("up", "--json")
    assert first.code == 0, first.err
    assert first.json["data"]["url"] == f"http://127.0.0.1:{tiny.port}"
    assert first.json["data"]["changed"] is True
    second = tiny.dogctl("up", "--json")
    assert second.json["data"]["pid"] == first.json["data"]["pid"]
    assert second.json["data"]["changed"] is False
    assert "already up: nothing to do" in tiny.dogctl("up").out


def test_up_says_where_it_is_and_how_to_stop_it(tiny: Project) -> None:
    out = tiny.dogctl("up").out
    for text in (f"http://127.0.0.1:{tiny.port}", "SQLite", "dogctl logs -f", "dogctl down"):
        assert text in out


def test_status_before_during_and_after(tiny: Project) -> None:
    assert tiny.dogctl("status", "--json").json["data"]["local"]["state"] == "down"
    tiny.dogctl("up")
    local = tiny.dogctl("status", "--json").json["data"]["local"]
    assert (local["state"], local["url"]) == ("up", f"http://127.0.0.1:{tiny.port}")
    tiny.dogctl("down")
    assert tiny.dogctl("status", "--json").json["data"]["local"]["state"] == "down"


def test_down_leaves_no_process_and_a_second_down_is_fine(tiny: Project) -> None:
    pid = tiny.dogctl("up", "--json").json["data"]["pid"]
    assert tiny.dogctl("down").code == 0
    assert gone(pid)
    again = tiny.dogctl("down", "--json")
    assert (again.code, again.json["data"]["changed"]) == (0, False)


def test_changed_settings_restart_the_app(tiny: Project) -> None:
    before = tiny.dogctl("up", "--json").json["data"]
    tiny.port = free_port()
    after = tiny.dogctl("up", "--json").json["data"]
    assert after["url"] == f"http://127.0.0.1:{tiny.port}"
    assert gone(before["pid"])


def test_an_app_keeps_its_port_where_nobody_asks_for_one(tiny: Project) -> None:
    first = tiny.dogctl("up", "--json").json["data"]
    second = tiny.dogctl("up", "--json", FLASK_PORT="").json["data"]
    assert (second["url"], second["changed"]) == (first["url"], False)


def test_a_taken_port_names_its_owner_and_a_free_one(tiny: Project) -> None:
    with socket.create_server(("127.0.0.1", tiny.port)):
        done = tiny.dogctl("up", "--json")
    error = done.json["error"]
    assert (done.code, error["code"]) == (1, "port-taken")
    assert f"PID {os.getpid()}" in error["message"]
    assert error["hint"].startswith("dogctl up --port ")


def test_an_app_that_ends_at_its_start_shows_its_last_lines(tiny: Project) -> None:
    tiny.configure(
        '[tool.dogctl]\nname = "tiny"\nserve = ["{python}", "serve.py", "{port}", "7"]\n'
    )
    done = tiny.dogctl("up")
    assert done.code == 1
    assert "tiny ended at its start with exit code 7" in done.err
    assert "about to fail" in done.err
    assert "Traceback" not in done.err


def test_an_app_that_never_gets_healthy_is_told_with_the_reason(tiny: Project) -> None:
    with (tiny.root / "pyproject.toml").open("a") as file:
        file.write('start-timeout = 0.5\n[tool.dogctl.variables]\nSTATUS = "503"\n')
    tiny.dogctl("up")  # the first may give up before the app listens
    done = tiny.dogctl("up", "--json")
    assert (done.code, done.json["error"]["code"]) == (1, "app-unhealthy")
    assert "answers 503" in done.json["error"]["message"]


def test_a_program_that_is_not_there(tiny: Project) -> None:
    tiny.configure('[tool.dogctl]\nname = "tiny"\nserve = ["no-such-server"]\n')
    done = tiny.dogctl("up")
    assert done.code == 1
    assert "no-such-server" in done.err


@pytest.mark.real
@pytest.mark.parametrize("killed", [signal.SIGKILL, signal.SIGTERM])
def test_a_stale_pid_is_cleared_away(tiny: Project, killed: signal.Signals) -> None:
    pid = tiny.dogctl("up", "--json").json["data"]["pid"]
    os.kill(pid, killed)
    wait_for(lambda: gone(pid))
    assert tiny.dogctl("status", "--json").json["data"]["local"]["state"] == "down"
    assert tiny.dogctl("up").code == 0


@pytest.mark.parametrize("change", ["pid", "session", "group"])
def test_processes_of_somebody_else_are_left_alone(tiny: Project, change: str) -> None:
    """Whatever a record says: another PID, a PID that is used again, 0 for everybody."""
    tiny.dogctl("up")
    path = tiny.root / ".dogctl" / "run" / "app.json"
    record = json.loads(path.read_text())
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as other:
        try:
            pid = 0 if change == "group" else other.pid
            mark = record["mark"] if change == "pid" else "somebody's"
            path.write_text(json.dumps({**record, "pid": pid, "mark": mark}))
            assert tiny.dogctl("down").code == 0
            assert other.poll() is None
        finally:
            other.kill()
            path.write_text(json.dumps(record))


@pytest.mark.parametrize(
    "content", ["", "[]", "null", "{}", '{"pid": "abc"}', "[" * 5000, '{"pid": -1, "started": 1.5}']
)
def test_a_broken_record_is_no_record(tiny: Project, content: str) -> None:
    path = tiny.root / ".dogctl" / "run" / "app.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert tiny.dogctl("status", "--json").json["data"]["local"]["state"] == "down"
    assert tiny.dogctl("down").code == 0


def test_a_clock_that_is_set_does_not_lose_the_app(tiny: Project) -> None:
    tiny.dogctl("up")
    (tiny.root / "sitecustomize.py").write_text(
        "import psutil\nreal = psutil._pslinux.boot_time\n"
        "psutil._pslinux.boot_time = lambda: real() + 3600\n"
    )
    done = tiny.dogctl("status", "--json", PYTHONPATH=str(tiny.root))
    assert done.json["data"]["local"]["state"] == "up"


@pytest.mark.real
def test_children_of_a_dead_app_are_found(tiny: Project) -> None:
    """As when a server's main process is killed and its workers stay."""
    tiny.configure(
        '[tool.dogctl]\nname = "tiny"\n'
        'serve = ["/bin/sh", "-c", "{python} serve.py {port} & wait"]\n'
    )
    leader = tiny.dogctl("up", "--json").json["data"]["pid"]
    (worker,) = psutil.Process(leader).children()
    os.kill(leader, signal.SIGKILL)
    assert worker.is_running()
    assert tiny.dogctl("up").code == 0, "the left worker still has the port"
    assert gone(worker.pid)


@pytest.mark.real
def test_an_up_that_was_killed_leaves_nothing_unknown(tiny: Project) -> None:
    """Killed at any moment: whatever runs is known to the next up, and stopped by down."""
    for delay in (0.05, 0.15, 0.25, 0.35, 0.5):
        process = subprocess.Popen(
            tiny.argv("up"),
            cwd=tiny.root,
            env=tiny.environ(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(delay)
        process.kill()
        process.wait()
        assert tiny.dogctl("up").code == 0
        assert tiny.dogctl("down").code == 0
        assert not [p for p in psutil.process_iter() if cwd(p) == tiny.root]


def test_two_at_once_start_one_app(tiny: Project) -> None:
    running = [
        subprocess.Popen(
            tiny.argv("up", "--json"),
            cwd=tiny.root,
            env=tiny.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(3)
    ]
    answers = [json.loads(process.communicate()[0]) for process in running]
    assert [answer["exit_code"] for answer in answers] == [0, 0, 0]
    assert len({answer["data"]["pid"] for answer in answers}) == 1


def test_an_app_that_was_started_a_moment_ago_has_not_taken_its_own_port(
    tiny: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two `up` at once: the other one starts the app between our look at the record and the port."""
    started = tiny.dogctl("up", "--json").json["data"]
    project = load(folder=tiny.root, environ=tiny.environ())
    first, *_ = plan_up(project, choose(project)).steps
    looks = iter([None, read_record(Paths(tiny.root / ".dogctl"))])
    monkeypatch.setattr(process_app, "read_record", lambda _: next(looks))
    assert first.done(Results()).record.pid == started["pid"]


def test_an_interrupt_says_what_was_left(tiny: Project) -> None:
    with (tiny.root / "pyproject.toml").open("a") as file:
        file.write('[tool.dogctl.variables]\nSTATUS = "503"\n')
    process = subprocess.Popen(
        tiny.argv("up"), cwd=tiny.root, env=tiny.environ(), stderr=subprocess.PIPE, text=True
    )
    wait_for((tiny.root / ".dogctl" / "run" / "app.json").exists)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "tiny runs on" in err
    assert "dogctl down stops it" in err
    assert "Traceback" not in err


@pytest.mark.real
def test_logs_shows_the_last_lines_and_follows(tiny: Project) -> None:
    assert tiny.dogctl("logs").code == 1
    tiny.dogctl("up")
    log = tiny.root / ".dogctl" / "logs" / "app.log"
    log.write_text("one\ntwo\nthree\n")
    assert tiny.dogctl("logs", "-n", "2").out == "two\nthree\n"
    assert tiny.dogctl("logs", "-n", "1", "--json").json["data"]["lines"] == ["three"]
    follower = subprocess.Popen(
        tiny.argv("logs", "-f", "-n", "1"),
        cwd=tiny.root,
        env=tiny.environ(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout is not None
    assert follower.stdout.readline() == "three\n"
    with log.open("a") as file:
        file.write("four\n")
    assert follower.stdout.readline() == "four\n"
    log.write_text("new run\n")
    assert follower.stdout.readline() == "new run\n"
    follower.send_signal(signal.SIGINT)
    follower.communicate(timeout=10)
    assert follower.returncode == 130


def test_down_with_volumes_asks_first(tiny: Project) -> None:
    tiny.dogctl("up")
    data = tiny.root / ".dogctl" / "data"
    (data / "app.db").write_text("precious")
    refused = tiny.dogctl("down", "--volumes", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, "unconfirmed")
    assert (data / "app.db").exists()
    preview = tiny.dogctl("down", "--volumes", "--dry-run")
    assert str(data) in preview.out
    assert tiny.dogctl("status", "--json").json["data"]["local"]["state"] == "up"
    assert tiny.dogctl("down", "--volumes", "--yes").code == 0
    assert not data.exists()


def test_a_dry_run_changes_nothing(tiny: Project) -> None:
    done = tiny.dogctl("up", "--dry-run", "--json")
    assert [step["step"] for step in done.json["data"]["steps"]] == ["start", "health"]
    assert not (tiny.root / ".dogctl").exists()


def test_open_tells_the_address(tiny: Project) -> None:
    assert tiny.dogctl("open").code == 1
    tiny.dogctl("up")
    done = tiny.dogctl("open", "--json", BROWSER="true %s")
    assert done.json["data"]["url"] == f"http://127.0.0.1:{tiny.port}"


def test_events_are_one_json_object_a_line(tiny: Project) -> None:
    done = tiny.dogctl("up", "--events", "--json")
    kinds = [event["event"] for event in done.events]
    assert kinds[0] == "step-started"
    assert kinds[-1] == "step-finished"
    assert done.json["ok"] is True


def test_an_unwritable_folder_is_told(tiny: Project) -> None:
    (tiny.root / ".dogctl").write_text("in the way")
    done = tiny.dogctl("up")
    assert done.code == 1
    assert "cannot write there" in done.err


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("302 /login", 0),
        ("302 http://192.0.2.1/", 0),
        ("200 endless", 0),
        ("500 endless", 1),
        ("404 nothing", 1),
    ],
)
def test_what_counts_as_healthy(tiny: Project, answer: str, code: int) -> None:
    (tiny.root / "serve.py").write_text(ODD_APP)
    with (tiny.root / "pyproject.toml").open("a") as file:
        patience = 1 if code else 30
        file.write(f'start-timeout = {patience}\n[tool.dogctl.variables]\nANSWER = "{answer}"\n')
    assert tiny.dogctl("up").code == code


@pytest.mark.real
def test_a_wrapped_app_is_stopped_gracefully(tiny: Project) -> None:
    tiny.configure(
        '[tool.dogctl]\nname = "tiny"\n'
        'serve = ["/bin/sh", "-c", "{python} serve.py {port}; true"]\n'
        "variables = { ON_STOP = 'stopped in order' }\n"
    )
    tiny.dogctl("up")
    assert tiny.dogctl("down").code == 0
    assert tiny.dogctl("logs").out.endswith("stopped in order\n")


def test_an_app_that_writes_files_is_still_the_same_app(tiny: Project) -> None:
    """Caches and uploads beside the code are no new version of it."""
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
        subprocess.run(["git", *identity, *words], cwd=tiny.root, check=True)
    tiny.dogctl("up")
    (tiny.root / "upload.bin").write_text("data")
    assert tiny.dogctl("up", "--json").json["data"]["changed"] is False
    (tiny.root / "serve.py").write_text(TINY_APP + "# edited")
    assert "stop the app of an earlier version" in tiny.dogctl("up", "--dry-run").out
    assert tiny.dogctl("up", "--json").json["data"]["changed"] is True


def test_up_waits_for_a_down_under_way(tiny: Project) -> None:
    with (tiny.root / "pyproject.toml").open("a") as file:
        file.write('[tool.dogctl.variables]\nSTOP_SECONDS = "1"\n')
    before = tiny.dogctl("up", "--json").json["data"]["pid"]
    with subprocess.Popen(
        tiny.argv("down"), cwd=tiny.root, env=tiny.environ(), stderr=subprocess.PIPE, text=True
    ) as down:
        assert down.stderr is not None
        wait_for(lambda: "waiting for tiny" in down.stderr.readline())
        after = tiny.dogctl("up", "--json").json["data"]
        down.communicate()
    assert (after["changed"], after["pid"] != before) == (True, True)
    assert tiny.dogctl("status", "--json").json["data"]["local"]["state"] == "up"


def test_data_behind_a_link_is_not_ours(tiny: Project) -> None:
    victim = tiny.root.parent / "victim"
    (victim / "data").mkdir(parents=True)
    (tiny.root / ".dogctl").symlink_to(victim)
    done = tiny.dogctl("down", "--volumes", "--yes", "--json")
    assert done.json["error"]["code"] == "state-is-a-link"
    assert (victim / "data").exists()


def test_a_full_disk_is_told_and_a_later_up_goes_on(tiny: Project) -> None:
    tiny.dogctl("up")
    tiny.dogctl("down")
    limited = f"ulimit -f 0; exec {' '.join(tiny.argv('up', '--json'))}"
    done = subprocess.run(
        ["/bin/sh", "-c", limited],
        cwd=tiny.root,
        env=tiny.environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "state-not-writable"
    assert "Traceback" not in done.stderr
    assert tiny.dogctl("up").code == 0


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether it has ended; a zombie waits only for its parent to hear of it."""
    return start_mark(pid) is None


def cwd(process: psutil.Process) -> Path | None:
    try:
        return Path(process.cwd())
    except (psutil.Error, OSError):
        return None
