"""The command line as a whole: a user's first steps, right and wrong."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.dogctl.conftest import Project

DOGCTL = f"{sys.executable} -m dogctl"
EVERY = ["up", "status", "open", "logs", "down", "config", "doctor", "gifs add", "gifs list"]


def test_version_is_one_line(tiny: Project) -> None:
    assert tiny.dogctl("--version").out.startswith("dogctl ")
    assert tiny.dogctl("--version").out.count("\n") == 1


@pytest.mark.parametrize("command", EVERY)
def test_every_command_has_help_and_the_shared_options(tiny: Project, command: str) -> None:
    done = tiny.dogctl(*command.split(), "--help", COLUMNS="120")
    assert done.code == 0
    for option in ("--env", "--project", "--json", "--events"):
        assert option in done.out


def test_no_command_shows_the_help(tiny: Project) -> None:
    done = tiny.dogctl()
    assert "Usage: dogctl" in done.out + done.err
    assert "Error" not in done.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["stat"], "Did you mean 'status'?"),
        (["up", "--prot", "1"], "--port"),
        (["up", "--port", "70000"], "--port"),
        (["up", "--engine", "vm"], "must be one of: auto, compose, process"),
        (["status", "--env", "staging"], "no environment 'staging'"),
        (["status", "--project", "/nowhere"], "there is no folder"),
        (["logs", "-f", "--json"], "a followed log has no end"),
        (["gifs", "add"], "FILE|URL"),
        (["gifs", "add", "no.gif"], "No such file"),
        (["gifs", "list"], "declares no admin command"),
        (["deploy", "--skip", "lunch"], "--skip: must be one of: build, push,"),
    ],
)
def test_wrong_usage_is_one_readable_message(tiny: Project, words: list[str], says: str) -> None:
    done = tiny.dogctl(*words)
    assert done.code == 2
    assert says in done.err
    assert done.err.startswith("Error: ")
    assert "Next: " in done.err
    assert "Traceback" not in done.err


def test_wrong_usage_answers_with_json_if_asked(tiny: Project) -> None:
    done = tiny.dogctl("up", "--nonsense", "--json")
    assert (done.code, done.json["exit_code"], done.json["error"]["code"]) == (2, 2, "usage")


def test_a_broken_pyproject_is_one_readable_message(tiny: Project) -> None:
    tiny.configure("[tool.dogctl\n")
    done = tiny.dogctl("status")
    assert done.code == 2
    assert "not valid TOML" in done.err
    assert "Traceback" not in done.err


def test_config_shows_values_and_where_they_come_from(tiny: Project) -> None:
    done = tiny.dogctl("config", "--json", DB_PASSWORD="hunter22")
    settings = done.json["data"]["settings"]
    assert settings["port"] == {"value": tiny.port, "origin": "$FLASK_PORT"}
    assert settings["db-password"] == {"value": "set", "origin": "$DB_PASSWORD"}
    assert "hunter22" not in done.out + tiny.dogctl("config", DB_PASSWORD="hunter22").out


def test_config_list_needs_no_project_that_can_be_read(tiny: Project) -> None:
    tiny.configure("[tool.dogctl\n")
    assert "start-timeout" in tiny.dogctl("config", "--list").out


def test_doctor_tells_what_is_missing_and_how_to_get_it(tiny: Project) -> None:
    done = tiny.dogctl("doctor", "--json", PATH="/nowhere")
    parts = {part["name"]: part for part in done.json["data"]["parts"]}
    assert done.code == 0
    assert parts["python"]["version"] == ".".join(map(str, sys.version_info[:3]))
    assert parts["terraform"]["version"] is None
    assert parts["terraform"]["get"].startswith("https://")


def test_doctor_tells_an_engine_that_does_not_answer(tiny: Project) -> None:
    folder = tiny.root / "bin"
    folder.mkdir()
    program = folder / "docker"
    program.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2; exit 1\n")
    program.chmod(0o755)
    done = tiny.dogctl("doctor", "--json", PATH=f"{folder}:/bin:/usr/bin")
    engine = next(p for p in done.json["data"]["parts"] if p["name"] == "docker engine")
    assert engine["version"] is None
    assert "Cannot connect" in engine["problem"]


@pytest.mark.parametrize(
    ("shell", "says"),
    [("bash", "complete -o"), ("zsh", "#compdef"), ("fish", "complete --command")],
)
def test_completion_scripts(tiny: Project, shell: str, says: str) -> None:
    assert says in tiny.dogctl(_DOGCTL_COMPLETE=f"source_{shell}").out


def test_completion_knows_commands_and_environments(tiny: Project) -> None:
    with (tiny.root / "pyproject.toml").open("a") as file:
        file.write("[tool.dogctl.env.qa]\n")
    asked = {"_DOGCTL_COMPLETE": "complete_bash", "COMP_CWORD": "1"}
    assert "status" in tiny.dogctl(COMP_WORDS="dogctl st", **asked).out
    asked["COMP_CWORD"] = "3"
    assert tiny.dogctl(COMP_WORDS="dogctl status --env q", **asked).out.strip() == "qa"


def test_a_bug_is_told_shortly_and_kept_in_a_file(tiny: Project) -> None:
    (tiny.root / "sitecustomize.py").write_text(
        "import dogctl.lifecycle.status as s\n"
        "def broken(project): raise RuntimeError('oops hunter22')\n"
        "s.status = broken\n"
    )
    done = tiny.dogctl(
        "status", "--json", PYTHONPATH=str(tiny.root), DB_PASSWORD="hunter22", TMPDIR=str(tiny.root)
    )
    error = done.json["error"]
    assert (done.code, error["code"]) == (3, "bug")
    assert "Traceback" not in done.err
    kept = Path(error["where"]).read_text()
    assert "Traceback" in kept
    assert "hunter22" not in kept + done.out + done.err


@pytest.mark.parametrize(
    "words", ["config --list", "--version", "--help", "status --json", "up -h"]
)
def test_a_reader_that_goes_away_is_no_error(tiny: Project, words: str) -> None:
    done = shell(tiny, f"{DOGCTL} {words} | true; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_of_the_progress_that_goes_away_keeps_the_answer(tiny: Project) -> None:
    done = shell(tiny, f"{DOGCTL} up --json 2> >(true)")
    assert json.loads(done.stdout)["ok"]


@pytest.mark.parametrize("words", ["status", "status --json", "--version", "nonsense --json"])
def test_closed_streams_are_no_bug(tiny: Project, words: str) -> None:
    done = shell(tiny, f"{DOGCTL} {words} >&- 2>&-")
    assert done.returncode in (0, 2)


@pytest.mark.parametrize("words", ["status", "status --json"])
def test_an_answer_that_cannot_be_written_is_told(tiny: Project, words: str) -> None:
    done = shell(tiny, f"{DOGCTL} {words} >/dev/full")
    assert done.returncode == 1
    assert "cannot write the answer: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_answered_with_json_and_130(tiny: Project, number: signal.Signals) -> None:
    (tiny.root / "admin.py").write_text("import time; time.sleep(60)")
    with (tiny.root / "pyproject.toml").open("a") as file:
        file.write('admin = ["{python}", "admin.py"]\n')
    with subprocess.Popen(
        tiny.argv("gifs", "list", "--json"),
        cwd=tiny.root,
        env=tiny.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        admin = wait_for_child(process.pid)
        process.send_signal(number)
        answer = json.loads(process.communicate(timeout=10)[0])
    assert (process.returncode, answer["error"]["code"]) == (130, "cancelled")
    assert not admin.is_running() or admin.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_the_answer_does_not_change_it(
    tiny: Project, number: signal.Signals
) -> None:
    (tiny.root / "sitecustomize.py").write_text(
        "import atexit, sys, time\n"
        "atexit.register(lambda: (print('ending', file=sys.stderr, flush=True), time.sleep(1)))\n"
    )
    with subprocess.Popen(
        tiny.argv("status", "--json"),
        cwd=tiny.root,
        env=tiny.environ(PYTHONPATH=str(tiny.root)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr
        assert process.stderr.readline() == b"ending\n"
        process.send_signal(number)
        out, err = process.communicate()
    assert (process.returncode, json.loads(out)["exit_code"], err) == (0, 0, b"")


@pytest.mark.parametrize(
    "table",
    [
        "[tool]\ndogctl = { name = 'tiny' }\n",
        "['tool'.dogctl]\nname = 'tiny'\n",
        "[ tool . dogctl ]\nname = 'tiny'\n",
        "\ufeff[tool.dogctl]\r\nname = 'tiny'\r\n",
    ],
)
def test_every_way_to_write_the_table_is_a_project(tiny: Project, table: str) -> None:
    tiny.configure(table)
    assert tiny.dogctl("status", "--json").json["data"]["name"] == "tiny"


@pytest.mark.parametrize(
    "text",
    ["[tool.dogctl]\nport = 1" + "0" * 5000, "[tool.dogctl]\nname = " + "[" * 2000],
)
def test_odd_files_are_no_bug(tiny: Project, text: str) -> None:
    tiny.configure(text)
    assert tiny.dogctl("status").code == 2


@pytest.mark.parametrize("name", ["~nosuchuser/x", "loop"])
def test_odd_folders_are_no_bug(tiny: Project, name: str) -> None:
    (tiny.root / "loop").symlink_to("loop")
    assert tiny.dogctl("status", "--project", name).code == 2


def test_names_that_are_not_utf8_are_no_bug(tiny: Project) -> None:
    folder = os.fsencode(tiny.root) + b"/n\xff"
    Path(os.fsdecode(folder)).mkdir()
    (Path(os.fsdecode(folder)) / "pyproject.toml").write_text("[tool.dogctl]\nname = 'tiny'\n")
    for encoding in ("utf-8:strict", "ascii"):
        done = tiny.dogctl(
            "up", "--dry-run", "--project", os.fsdecode(folder), PYTHONIOENCODING=encoding
        )
        assert done.code == 0, done.err


def shell(project: Project, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script],
        cwd=project.root,
        env=project.environ(),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def wait_for_child(pid: int) -> psutil.Process:
    for _ in range(200):
        if children := psutil.Process(pid).children():
            return children[0]
        time.sleep(0.05)
    raise AssertionError("it started no process")


def test_a_refusal_at_the_terminal_does_nothing(tiny: Project) -> None:
    data = tiny.root / ".dogctl" / "data"
    data.mkdir(parents=True)
    (data / "app.db").touch()
    code, screen = at_terminal(tiny, ["down", "--volumes"], b"n\n")
    assert code == 2
    assert "deletes the local database" in screen
    assert data.exists()
    code, _ = at_terminal(tiny, ["down", "--volumes"], b"y\n")
    assert code == 0
    assert not data.exists()


def at_terminal(project: Project, words: list[str], typed: bytes) -> tuple[int, str]:
    """Run dogctl on a terminal of its own; answers its exit code and all it showed."""
    controller, terminal = pty.openpty()
    os.write(controller, typed)
    with subprocess.Popen(
        project.argv(*words),
        cwd=project.root,
        env=project.environ(TERM="xterm"),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    ) as process:
        os.close(terminal)
        screen = b""
        while chunk := read(controller):
            screen += chunk
    os.close(controller)
    return process.returncode, screen.decode()


def read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux tells the end of a terminal as an error
        return b""
