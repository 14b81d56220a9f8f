"""The decisions of the smoke test: its settings, its stack, its judgements, its memory."""

from __future__ import annotations

import re
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dogctl.config.checks import Check, Number
from dogctl.config.load import load
from dogctl.errors import ConfigError
from dogctl.lifecycle import smoke_ask
from dogctl.lifecycle.smoke_checks import (
    Finding,
    Get,
    NoAnswerError,
    Response,
    ask,
    ask_all,
    default_checks,
    judge,
    read_number,
    resumed,
    steadiness,
    user_problem,
)
from dogctl.lifecycle.smoke_config import isolated, pass_key, under_test
from dogctl.lifecycle.smoke_passes import Passes
from dogctl.tools.docker import Container


def checks(folder: Path, text: str) -> tuple[Check, ...] | None:
    (folder / "pyproject.toml").write_text(f"[tool.dogctl]\nchecks = {text}\n")
    return load(folder=folder, environ={}).settings.checks


def test_checks_are_read(tmp_path: Path) -> None:
    assert checks(tmp_path, '[{ path = "/" }]') == (Check("/"),)
    text = (
        '[{ path = "/", increases-by = 2, number = { json = "a.b" }, times = 4,'
        ' survives-restart = true }, { path = "/x", status = 404, json = [1, { a = "b" }] }]'
    )
    assert checks(tmp_path, text) == (
        Check("/", increases_by=2, number=Number(json="a.b"), times=4, survives_restart=True),
        Check("/x", status=404, json=[1, {"a": "b"}]),
    )


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("[]", "", "must be a list of checks"),
        ('["/"]', "[0]", "must be a table"),
        ("[{}]", "[0]", "has no path"),
        ('[{ path = "x" }]', "[0].path", "must be a path"),
        ('[{ path = "/", status = "200" }]', "[0].status", "from 100 to 599, not '200'"),
        ('[{ path = "/", staus = 200 }]', "[0].staus", "no such key"),
        ('[{ path = "/", contains = "" }]', "[0].contains", "must be text"),
        ('[{ path = "/", json = 1979-05-27 }]', "[0].json", "must be a JSON value"),
        ('[{ path = "/", increases-by = 0.5 }]', "[0].increases-by", "must be a whole number"),
        ('[{ path = "/", times = 5 }]', "[0].times", "needs increases-by"),
        ('[{ path = "/", increases-by = 1, number = 3 }]', "[0].number", "must be a table"),
        (
            '[{ path = "/", increases-by = 1, number = { text = "x" } }]',
            "[0].number.text",
            "must have one group",
        ),
        (
            '[{ path = "/", increases-by = 1, number = { text = "(x", json = "a" } }]',
            "[0].number.text",
            "must be a regular expression",
        ),
        (
            '[{ path = "/", increases-by = 1, number = { text = "(x)", json = "a" } }]',
            "[0].number",
            "must have json or text, not both",
        ),
    ],
)
def test_wrong_checks_are_told(tmp_path: Path, text: str, where: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        checks(tmp_path, text)
    assert caught.value.where == f"pyproject.toml:tool.dogctl.checks{where}"
    assert says in caught.value.message


def test_every_wrong_check_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        checks(tmp_path, '[{ path = "x", status = 1 }, { number = { text = "x" } }]')
    assert len(caught.value.detail) == 4, caught.value.detail


def test_a_project_without_checks_is_asked_for_its_page_and_its_health() -> None:
    assert [check.path for check in default_checks("/ready")] == ["/", "/ready"]
    assert [check.path for check in default_checks("/")] == ["/"]


@pytest.mark.parametrize(
    ("check", "status", "text", "problem"),
    [
        (Check("/"), 200, "x", None),
        (Check("/"), 500, "", "answers 500, not 200"),
        (Check("/", status=404), 404, "", None),
        (Check("/", contains="dog"), 200, "a cat", "does not contain 'dog': a cat"),
        (Check("/", json="Hello"), 200, '"Hello"\n', None),
        (Check("/", json="Hello"), 200, "Hello", "is no JSON: Hello"),
        (Check("/", json={"a": {"b": 1}}), 200, '{"a": {"b": 1, "c": 2}, "d": 3}', None),
        (Check("/", json={"a": {"b": 1}}), 200, '{"a": {"b": 2}}', "a.b is 2, not 1"),
        (Check("/", json={"a": {"b": 1}}), 200, '{"a": {}}', "has no a.b"),
        (Check("/", json={"a": 1}), 200, '{"a": true}', "a is true, not 1"),
        (Check("/", json=[1, 2]), 200, "[1, 2, 3]", "is [1, 2, 3], not [1, 2]"),
    ],
)
def test_answers_are_judged(check: Check, status: int, text: str, problem: str | None) -> None:
    assert judge(check, Response(status, text)) == problem


@pytest.mark.parametrize(
    ("number", "text", "value"),
    [
        (Number(), " 7\n", 7),
        (Number(json="a.b"), '{"a": {"b": 7}}', 7),
        (Number(json="0.n"), '[{"n": 7.5}]', 7.5),
        (Number(text=r"^visitors (\S+)"), "# x\nvisitors 7.0\n", 7),
    ],
)
def test_numbers_are_found(number: Number, text: str, value: float) -> None:
    assert read_number(number, text) == value


@pytest.mark.parametrize(
    ("number", "text", "says"),
    [
        (Number(), "many", "has 'many' in place of a number"),
        (Number(json="a.b"), '{"a": 1}', "has no a.b"),
        (Number(json="a"), '{"a": true}', "has 'True' in place of a number"),
        (Number(), "nan", "has 'nan' in place of a number"),
        (Number(json="a"), "x", "is no JSON"),
        (Number(text="(x)"), "y", "has nothing like"),
    ],
)
def test_a_missing_number_is_told(number: Number, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        read_number(number, text)


def counting(step: int, start: int = 0) -> Get:
    """An app that counts its visits."""
    count = start

    def get(path: str) -> Response:
        nonlocal count
        count += step if path == "/" else 0
        return Response(200, str(count))

    return get


@pytest.mark.parametrize("number", [Number(path="/count"), Number()])
def test_counting_is_exact(number: Number) -> None:
    check = Check("/", increases_by=1, number=number)
    assert ask(check, counting(1, start=5)) is None
    assert "1 GET from" in (ask(check, counting(2)) or "")
    assert "not 1" in (ask(check, counting(0)) or "") or number.path is None


@pytest.mark.parametrize("number", [Number(path="/count"), Number()])
def test_a_number_goes_on_after_a_restart(number: Number) -> None:
    check = Check("/", increases_by=1, number=number)
    assert resumed(check, counting(1, start=6), 6) is None
    assert "before, and is" in (resumed(check, counting(1, start=0), 6) or "")


def test_an_app_that_does_not_answer_is_not_asked_any_more() -> None:
    def get(_: str) -> Response:
        raise NoAnswerError("no answer")

    found = list(ask_all([Check("/"), Check("/a")], get))
    assert [(each.check, each.problem) for each in found] == [("GET /", "no answer")]


@pytest.mark.parametrize("user", ["", "root", "0", "0:0", "0:1000", "00", "root:app"])
def test_root_is_root_however_it_is_written(user: str) -> None:
    assert user_problem(user) is not None
    assert user_problem("10001") is None
    assert user_problem("app:app") is None


def container(state: str = "running", restarts: int = 0, started: str = "1") -> Container:
    return Container(
        "a", "app", state, 7, restarts, None, "", "", "", started, {}, "", False, labels={}
    )


def test_a_container_that_ended_meanwhile_is_told() -> None:
    assert steadiness([container()], [container()]).problem is None
    again = container(restarts=1, started="2")
    assert steadiness([container()], [again]).problem == "the service app ended with 7"
    assert steadiness([container()], [container("exited")]).problem is not None
    assert steadiness([container()], []).problem == "a container is gone"


CONFIG: dict[str, Any] = {
    "name": "base",
    "services": {
        "app": {
            "build": {"context": "/p", "dockerfile": "Dockerfile"},
            "container_name": "only",
            "ports": [
                {"target": 80, "published": "5000", "protocol": "tcp"},
                {"target": 53, "published": "53", "protocol": "udp"},
            ],
            "volumes": [
                {"type": "bind", "source": "/p", "target": "/src"},
                {"type": "volume", "source": "data", "target": "/data"},
            ],
            "networks": {"default": {"ipv4_address": "10.0.0.1", "aliases": ["web"]}},
        },
        "job": {"build": {"context": "/p", "dockerfile": "Dockerfile"}},
        "stage": {"build": {"context": "/p", "dockerfile": "Dockerfile", "target": "dev"}},
        "other": {"build": {"context": "/q", "dockerfile": "Dockerfile"}},
        "database": {"image": "mysql", "ports": [{"target": 3306, "published": "3306"}]},
    },
    "volumes": {"data": {"name": "data", "external": True}},
    "networks": {"default": {"name": "shared", "ipam": {"config": [{"subnet": "10.0.0.0/8"}]}}},
}


def test_the_image_is_put_in_the_place_of_the_build() -> None:
    assert under_test(CONFIG, "app") == {"app", "job"}
    services = isolated(CONFIG, "app", "sha256:1", "run", {"l": "1"})["services"]
    assert services["app"]["image"] == services["job"]["image"] == "sha256:1"
    assert "build" not in services["app"]
    assert services["other"]["image"] == "base-other"
    assert services["stage"]["build"]["target"] == "dev"


def test_a_service_without_a_build_is_known_by_its_image() -> None:
    config = {"services": {"app": {"image": "x"}, "job": {"image": "x"}, "db": {"image": "y"}}}
    assert under_test(config, "app") == {"app", "job"}


def test_the_stack_is_apart_from_all_others() -> None:
    config = isolated(CONFIG, "app", "sha256:1", "run", {"l": "1"})
    app = config["services"]["app"]
    assert app["ports"] == [{"target": 80, "protocol": "tcp", "host_ip": "127.0.0.1"}]
    assert "ports" not in config["services"]["database"]
    assert "container_name" not in app
    assert [mount.get("read_only") for mount in app["volumes"]] == [True, None]
    assert app["networks"] == {"default": {"aliases": ["web"]}}
    assert (config["name"], config["volumes"]) == ("run", {"data": {"labels": {"l": "1"}}})
    assert config["networks"] == {"default": {"labels": {"l": "1"}, "internal": False}}
    assert all(each["labels"] == {"l": "1"} for each in config["services"].values())
    assert CONFIG["services"]["app"]["container_name"] == "only", "the original is as it was"


def test_a_pass_is_for_this_image_these_checks_and_this_stack() -> None:
    keys = {
        pass_key(CONFIG, "1", [Check("/")]),
        pass_key(CONFIG, "2", [Check("/")]),
        pass_key(CONFIG, "1", [Check("/", status=201)]),
        pass_key({**CONFIG, "volumes": {}}, "1", [Check("/")]),
    }
    assert len(keys) == 4
    assert pass_key(dict(reversed(CONFIG.items())), "1", [Check("/")]) in keys


@pytest.fixture
def passes(tmp_path: Path) -> Passes:
    return Passes(tmp_path / "cache" / "smoke.json")


def test_passes_are_remembered_and_the_oldest_forgotten(passes: Passes) -> None:
    assert passes.find("0") is None
    for number in range(21):
        passes.remember(str(number), [Finding("GET /", 0.5)])
    assert passes.find("0") is None
    found = passes.find("20")
    assert found is not None
    assert found.findings == (Finding("GET /", 0.5),)


@pytest.mark.parametrize("text", ["", "[]", '{"1": 2}', '{"1": {"when": "x", "checks": [3]}}'])
def test_a_broken_memory_is_none(passes: Passes, text: str) -> None:
    passes.file.parent.mkdir()
    passes.file.write_text(text)
    assert passes.find("1") is None
    passes.remember("1", [])
    assert passes.find("1") is not None


class Strange(BaseHTTPRequestHandler):
    """Answers that have no end."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        if self.path == "/whole":
            self.wfile.write(b"all of it")
        with suppress(OSError):
            while self.path != "/whole":
                self.wfile.write(b"x" * (1_000_000 if self.path == "/big" else 1))
                time.sleep(0 if self.path == "/big" else 0.1)

    def log_message(self, *_: object) -> None: ...


def test_an_answer_without_end_ends_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Strange)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        get = smoke_ask.ask_at(f"http://127.0.0.1:{server.server_port}")
        assert get("/whole") == Response(200, "all of it")
        with pytest.raises(NoAnswerError, match="/big answers with over 10 MB"):
            get("/big")
        monkeypatch.setattr(smoke_ask, "REQUEST_SECONDS", 0.5)
        with pytest.raises(NoAnswerError, match=r"/drops gives no answer within 0\.5 s"):
            get("/drops")
    finally:
        server.shutdown()
        server.server_close()
