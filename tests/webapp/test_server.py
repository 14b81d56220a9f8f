"""`python -m webapp` as processes: start, stop, death of its parts, log, metrics."""

from __future__ import annotations

import fcntl
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.testbed.databases import DatabaseServer
from tests.testbed.ports import free_port
from tests.testbed.processes import is_alive
from tests.webapp.conftest import REPOSITORY, Lines, Served, end, number_in
from webapp.logs import Log
from webapp.server import make_server, private_folder
from webapp.settings import Settings

pytestmark = pytest.mark.real


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/dogs.db"


def wait_until(condition: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_page_and_an_orderly_stop(serve: Callable[..., Served], url: str) -> None:
    served = serve(url, APP_VERSION="1.4.0")

    assert number_in(served.get()[1]) == 1
    assert "1.4.0" in served.get()[1]
    main = psutil.Process(served.process.pid)
    processes = main.children(recursive=True)
    assert served.terminate() == 0
    wait_until(lambda: not any(is_alive(process) for process in processes))
    events = [event["event"] for event in served.events()]
    assert events[0] == "server_start"
    assert events[-1] == "server_stop"


def test_a_restart_goes_on_counting(serve: Callable[..., Served], url: str) -> None:
    first = serve(url)
    first.get()
    first.terminate()

    assert number_in(serve(url).get()[1]) == 2


def test_a_request_under_way_is_answered_before_the_stop(
    serve: Callable[..., Served], url: str
) -> None:
    served = serve(url, FAULTS="slow=1")
    answers: list[tuple[int, str]] = []
    visit = threading.Thread(target=lambda: answers.append(served.get()))
    visit.start()
    wait_until(lambda: is_connected(served))
    time.sleep(0.2)

    code = served.terminate()
    visit.join()

    assert code == 0
    assert answers[0][0] == 200
    with pytest.raises(OSError, match="refused"):
        served.get(timeout=2)
    logged = [event for event in served.events() if event["event"] == "request"]
    assert logged[-1]["path"] == "/"


def is_connected(served: Served) -> bool:
    """Whether a worker has taken a connection that is still open."""
    connections = (each for worker in served.workers() for each in worker.net_connections("tcp"))
    return any(each.status == psutil.CONN_ESTABLISHED for each in connections)


def test_a_worker_that_dies_is_replaced(serve: Callable[..., Served], url: str) -> None:
    served = serve(url)
    before = {worker.pid for worker in served.workers()}
    assert len(before) == 2

    served.workers()[0].kill()

    wait_until(lambda: len({worker.pid for worker in served.workers()} - before) == 1)
    served.wait("/ready")
    assert any("Unexpected exit" in str(event.get("message")) for event in served.events())


def test_nothing_is_left_when_the_main_process_is_killed(
    serve: Callable[..., Served], url: str, tmp_path: Path
) -> None:
    served = serve(url, TMPDIR=str(tmp_path))
    children = psutil.Process(served.process.pid).children(recursive=True)
    assert list(tmp_path.glob("dogapp-*"))

    served.process.kill()

    wait_until(lambda: not any(is_alive(child) for child in children))
    assert not list(tmp_path.glob("dogapp-*"))


def test_metrics_are_summed_over_workers(serve: Callable[..., Served], url: str) -> None:
    served = serve(url, WEB_CONCURRENCY="3")
    for _ in range(60):
        served.get()

    text = served.get("/metrics")[1]

    assert 'dogapp_requests_total{code="200",method="GET",route="/"} 60.0' in text
    assert "dogapp_visitors 60.0" in text
    assert "dogapp_database_up 1.0" in text
    assert re.search(r"^dogapp_database_pool_size 12.0$", text, re.MULTILINE)
    victim = served.workers()[0]
    victim.kill()
    wait_until(lambda: victim.pid not in [worker.pid for worker in served.workers()])
    wait_until(lambda: len(served.workers()) == 3)

    def live_and_past_are_right() -> bool:
        text = served.get("/metrics")[1]
        assert 'route="/"} 60.0' in text
        return "dogapp_database_pool_size 12.0" in text

    wait_until(live_and_past_are_right)


def test_every_line_of_the_log_is_json_and_tells_no_secret(
    serve: Callable[..., Served], url: str
) -> None:
    served = serve(url, DB_SECRET="geheim-1", SECRET_KEYS="geheim-2")
    for path in ("/", "/config", "/nowhere?key=geheim-3", "/geheim-1", "/metrics"):
        served.get(path, headers={"X-Request-ID": "r-1"})
    served.terminate()

    requests = [event for event in served.events() if event["event"] == "request"]
    assert {event["status"] for event in requests} == {200, 404}
    assert all(str(event["ts"]).endswith("Z") for event in requests)
    assert "geheim" not in served.log.read_text()


def test_the_port_is_taken(serve: Callable[..., Served], url: str) -> None:
    served = serve(url)

    second = serve(url, wait=False, FLASK_PORT=str(served.port))

    assert second.process.wait(timeout=20) == 1
    line = second.log.read_text().strip()
    assert line == f"webapp: cannot listen on 127.0.0.1:{served.port}: Address already in use"


def test_bad_settings_are_one_line_each(serve: Callable[..., Served]) -> None:
    served = serve("mysql://dog:geheim@", wait=False, FLASK_PORT="80000", FAULTS="boom")

    assert served.process.wait(timeout=20) == 2
    lines = served.log.read_text().splitlines()
    assert len(lines) == 3
    assert all(line.startswith("webapp: ") for line in lines)
    assert "geheim" not in served.log.read_text()


def test_a_folder_that_does_not_exist_is_told(serve: Callable[..., Served], tmp_path: Path) -> None:
    served = serve(f"sqlite:///{tmp_path}/missing/dogs.db", wait=False)

    assert served.process.wait(timeout=20) == 2
    assert "DATABASE_URL" in served.log.read_text()


def test_a_crash_on_demand(serve: Callable[..., Served], url: str, tmp_path: Path) -> None:
    served = serve(url, FAULTS="crash=5", TMPDIR=str(tmp_path))
    children = psutil.Process(served.process.pid).children(recursive=True)

    assert served.process.wait(timeout=20) == 70
    assert not list(tmp_path.glob("dogapp-*"))
    wait_until(lambda: not any(is_alive(child) for child in children))


def test_a_database_that_comes_late_makes_the_app_ready(
    serve: Callable[..., Served], database_servers: Callable[[str], DatabaseServer]
) -> None:
    server = database_servers("mariadb")
    url = server.create()
    server.kill()
    try:
        served = serve(url, DATABASE_WAIT="0.5", VISIT_TIMEOUT="0.5")
        assert "database cannot be reached" in served.wait("/ready", status=503)
        assert served.get("/")[0] == 503
    finally:
        server.start()

    served.wait("/ready")
    assert number_in(served.wait("/")) == 1
    assert "p@ss" not in served.log.read_text()


def test_a_picture_added_elsewhere_is_on_the_next_page(
    serve: Callable[..., Served], url: str
) -> None:
    served = serve(url)
    served.get()
    picture = (REPOSITORY / "webapp/collections/stars/nebula.png").read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "webapp.admin", "gifs", "add", "-", "--name", "Mine"],
        input=picture,
        env=served.environment,
        capture_output=True,
        cwd=REPOSITORY,
        check=True,
    )
    assert b'"Mine"' in done.stdout
    seen = {re.search(r"<figcaption>(.*?)<", served.get()[1])[1] for _ in range(150)}  # type: ignore[index]

    assert "Mine" in seen


def test_host_and_port_are_settings(serve: Callable[..., Served], url: str) -> None:
    port = free_port()
    served = serve(url, FLASK_HOST="0.0.0.0", FLASK_PORT=str(port))

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/will")
    assert connection.getresponse().read() == b'"Hello World"\n'
    connection.close()
    end(served.process)


def test_a_stop_while_it_waits_for_the_database(serve: Callable[..., Served]) -> None:
    served = serve("mysql://dog:geheim@127.0.0.1:9/dogs", wait=False, DATABASE_WAIT="60")
    wait_until(lambda: "waiting_for_database" in served.log.read_text())

    assert served.terminate() == 0
    assert "Traceback" not in served.log.read_text()
    assert "geheim" not in served.log.read_text()


def test_half_a_request_does_not_hold_up_the_stop(serve: Callable[..., Served], url: str) -> None:
    served = serve(url, STOP_TIMEOUT="60")
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        time.sleep(0.2)

        assert served.terminate() == 0


def test_a_stop_before_granian_has_its_handlers(url: str) -> None:
    script = (
        "import sys, time, webapp.server as server; from webapp import __main__ as main;"
        "server._run_granian = lambda *_: (server._stop_by_default(), print('up', flush=True),"
        " time.sleep(60)); sys.exit(main.main())"
    )
    environment = {**os.environ, "DATABASE_URL": url, "FLASK_PORT": str(free_port())}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=10) == 0


def test_localhost_is_an_address_and_other_names_are_not(
    serve: Callable[..., Served], url: str
) -> None:
    assert serve(url, FLASK_HOST="localhost").get("/healthz")[0] == 200

    refused = serve(url, wait=False, FLASK_HOST="example.org")
    assert refused.process.wait(timeout=20) == 2
    line = refused.log.read_text().strip()
    assert line == "webapp: FLASK_HOST must be an IP address, not 'example.org'"


def test_folders_of_dead_servers_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("dead", "alive", "fresh", "strange", "target"):
        folder = tmp_path / (name if name == "target" else f"dogapp-{name}")
        folder.mkdir()
        if name != "strange":
            (folder / "alive").touch()
        if name in ("dead", "alive", "target"):
            os.utime(folder / "alive", (0, 0))
    (tmp_path / "dogapp-link").symlink_to(tmp_path / "target")

    with (tmp_path / "dogapp-alive" / "alive").open("w") as alive:
        os.utime(alive.fileno(), (0, 0))
        fcntl.flock(alive, fcntl.LOCK_EX)
        with private_folder() as folder:
            os.utime(folder / "alive", (0, 0))
            with private_folder():
                assert folder.exists()

    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"dogapp-alive", "dogapp-fresh", "dogapp-strange", "dogapp-link", "target"}


def test_a_folder_that_a_kill_left_is_removed_by_the_next_start(
    serve: Callable[..., Served], url: str, tmp_path: Path
) -> None:
    served = serve(url, TMPDIR=str(tmp_path))
    (left,) = tmp_path.glob("dogapp-*/")
    main = psutil.Process(served.process.pid)
    for process in [*main.children(), main]:
        process.kill()
    wait_until(lambda: not is_alive(main))
    left.mkdir(exist_ok=True)
    (left / "alive").touch()
    os.utime(left / "alive", (0, 0))

    wait_until(lambda: not port_is_taken(served.port))
    serve(url, TMPDIR=str(tmp_path))

    assert not left.exists()


def port_is_taken(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_seconds_to_stop_are_rounded_up() -> None:
    server = make_server(Settings(stop_timeout=1.9), Log(output=Lines()))

    assert server.workers_kill_timeout == 2


def test_the_image_has_the_app_s_granian() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    groups = (project["project"]["dependencies"], project["dependency-groups"]["image"])
    bounds = [line for group in groups for line in group if line.startswith("granian")]

    assert len(bounds) == 2, "granian is a dependency of the app and of its image"
    assert len(set(bounds)) == 1
    assert "<" in bounds[0], "a new minor release of Granian is tried before it is taken"
