from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time

import pytest

from tests.webapp.conftest import REPOSITORY, Lines
from webapp.logs import JsonHandler, Log, Stdout


def test_an_event_is_one_json_line() -> None:
    lines = Lines()

    Log(output=lines).event("info", "start", text='a"b\nc\x1b', number=1)

    (event,) = lines.events()
    assert event["text"] == 'a"b\nc\x1b'
    assert (event["level"], event["event"], event["number"]) == ("info", "start", 1)
    assert lines.text.count("\n") == 1


def test_a_secret_is_never_written() -> None:
    lines = Lines()
    log = Log(['pa"ss', "p\u00e4ss", "pa"], lines)

    log.event("info", "x", text='the pa"ss and p\u00e4ss', more=[{"key": "p\u00e4ss"}])
    log.failure("y", ValueError('pa"ss'))

    assert '"text":"the *** and ***"' in lines.text
    assert '"more":[{"key":"***"}]' in lines.text
    assert 'pa\\"ss' not in lines.text


@pytest.mark.parametrize("secret", ["1", "info", "level", "event", "u00e4", "200", '"', "text"])
def test_a_secret_that_json_contains_does_not_harm_it(secret: str) -> None:
    lines = Lines()
    log = Log([secret], lines)

    log.event("info", "x", text="\u00e4 1", status=200)
    log.line('"level":"info","event":"request","status":200,"path":"/1"}')

    first, second = lines.events()
    assert (first["level"], first["text"], first["status"]) == ("info", "\u00e4 1", 200)
    assert (second["level"], second["event"], second["path"]) == ("info", "request", "/1")


def test_a_short_secret_is_masked_as_a_whole_word_only() -> None:
    lines = Lines()

    Log(["abc", "secret"], lines).event("info", "x", text="abc abcd /abc/ secrets ab")

    assert lines.events()[0]["text"] == "*** abcd /***/ ***s ab"


def test_libraries_log_as_json_too() -> None:
    lines = Lines()
    logger = logging.getLogger("tests.library")
    logger.propagate = False
    logger.addHandler(JsonHandler(Log(output=lines)))

    logger.info("not this")
    try:
        raise ValueError("cause")
    except ValueError:
        logger.exception("this %s", "one")

    (event,) = lines.events()
    assert (event["level"], event["message"]) == ("error", "this one")
    assert "ValueError: cause" in str(event["traceback"])


def test_what_is_urgent_is_written_at_once_and_in_order(
    capfd: pytest.CaptureFixture[str],
) -> None:
    output = Stdout()
    output.write(b"first\n", urgent=False)
    output.write(b"second\n", urgent=True)
    assert capfd.readouterr().out == "first\nsecond\n"

    output.write(b"third\n", urgent=False)
    output.flush()

    assert capfd.readouterr().out == "third\n"


WRITERS = """
import json, os, time
from webapp.logs import Stdout

output = Stdout()
child = os.fork()
name = "b" if child else "a"
for number in range(2000):
    # Of every length, and some longer than what a pipe takes in one piece.
    size = 9000 if number % 50 == 0 else number % 400
    line = json.dumps({"name": name, "number": number, "text": name * size})
    output.write(line.encode() + b"\\n", urgent=number % 10 == 0)
    while output._kept > 1_000_000:
        output.flush()
assert output._write_until(time.monotonic() + 30)
if child:
    os.waitpid(child, 0)
os._exit(0)
"""
STALLED = """
import json, sys, time
from webapp import logs

logs.PATIENCE, logs.KEPT_BYTES = 0.2, 200_000
output = logs.Stdout()
line = json.dumps({"event": "request", "text": "x" * 980}).encode() + b"\\n"
began = time.monotonic()
for number in range(1000):
    output.write(line, urgent=number % 10 == 0)
sys.stderr.write(f"{time.monotonic() - began} {output._kept}\\n")
sys.stderr.flush()
sys.stdin.read()
"""


def start(script: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_lines_of_several_processes_stay_whole() -> None:
    with start(WRITERS) as process:
        assert process.stdout
        text = b""
        while piece := os.read(process.stdout.fileno(), 16384):
            text += piece
            time.sleep(0.001)

    events = [json.loads(line) for line in text.splitlines()]
    for name in "ab":
        assert [event["number"] for event in events if event["name"] == name] == [*range(2000)]


def test_a_stalled_reader_holds_up_nobody_and_learns_what_it_missed() -> None:
    with start(STALLED) as process:
        assert process.stdout
        assert process.stderr
        seconds, kept = process.stderr.readline().split()
        # Waiting for the reader at every urgent line would take 20.
        assert float(seconds) < 10
        assert int(kept) <= 200_000

        events = []
        while not events or events[-1]["event"] != "log_lines_dropped":
            events.append(json.loads(process.stdout.readline()))
        process.communicate()

    assert len(events) - 1 + events[-1]["count"] == 1000


def test_a_line_that_was_begun_is_completed_by_the_thread() -> None:
    script = (
        "import sys; from webapp import logs; logs.PATIENCE = 0.1;"
        "logs.Stdout().write(b'x' * 200_000 + b'\\n', urgent=True);"
        "sys.stderr.write('written\\n'); sys.stderr.flush(); sys.stdin.read()"
    )
    with start(script) as process:
        assert process.stdout
        assert process.stderr
        assert process.stderr.readline() == b"written\n"

        assert process.stdout.readline() == b"x" * 200_000 + b"\n"
        process.communicate()


def test_a_reader_that_is_gone_ends_nothing() -> None:
    script = (
        "import sys; from webapp import logs; sys.stdin.read(); output = logs.Stdout();"
        "output.write(b'lost\\n', urgent=True); sys.exit(output._kept)"
    )
    with start(script) as process:
        assert process.stdout
        process.stdout.close()
        process.stdout = None
        process.communicate()

    assert process.returncode == 0
