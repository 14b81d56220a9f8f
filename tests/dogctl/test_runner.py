"""The one place that starts programs: what it hands over, and that it leaves none behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from dogctl.errors import Cancelled, ToolError
from dogctl.tools.processes import start_mark
from dogctl.tools.runner import LOCAL
from tests.eventually import eventually


def test_a_program_gets_its_input_and_its_output_comes_back() -> None:
    large = b"x" * 3_000_000
    done = LOCAL.run(["sh", "-c", "cat; echo problem >&2; exit 7"], stdin=large)
    assert (done.code, done.stdout, done.stderr) == (7, large, "problem\n")


def test_a_program_that_does_not_read_its_input_is_no_error() -> None:
    assert LOCAL.run(["true"], stdin=b"x" * 3_000_000).code == 0


def test_every_line_is_heard_as_it_comes() -> None:
    heard: list[str] = []
    LOCAL.run(["sh", "-c", "echo one; echo two; printf three"], listen=heard.append)
    assert heard == ["one", "two", "three"]


def test_a_program_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with pytest.raises(ToolError, match="did not end within"):
        LOCAL.run(["sh", "-c", f"sleep 60 & echo $! > {file}; wait"], timeout=1)
    # It has been killed; to die takes the kernel a moment.
    eventually(lambda: start_mark(int(file.read_text())) is None)


@pytest.mark.parametrize("trap", ["exit 0", "true"], ids=["obeys", "goes on"])
def test_a_stop_interrupts_and_then_kills(trap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dogctl.tools.runner.STOP_GRACE", 0.3)
    stop = threading.Event()
    heard: list[str] = []

    def listen(line: str) -> None:
        heard.append(line)
        stop.set()

    script = f"trap '{trap}' INT; echo $$; while :; do sleep 0.1; done"
    with pytest.raises(Cancelled):
        LOCAL.run(["sh", "-c", script], stop=stop, listen=listen)
    assert start_mark(int(heard[0])) is None


def test_what_it_inherits_stays_open(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as file:
        number = file.fileno()
        assert LOCAL.run(["sh", "-c", f"test -e /dev/fd/{number}"]).code == 1
        assert LOCAL.run(["sh", "-c", f"test -e /dev/fd/{number}"], inherit=[number]).code == 0


def test_an_interrupt_at_the_very_start_leaves_no_program() -> None:
    """The child is there before the call that started it has returned."""
    code = "from dogctl.tools.runner import LOCAL; LOCAL.run(['sleep', '60'])"
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", code], stderr=subprocess.DEVNULL, env=os.environ
        ) as process:
            child = None
            while child is None:
                child = next(iter(psutil.Process(process.pid).children()), None)
            process.send_signal(signal.SIGINT)
        assert start_mark(child.pid) is None
