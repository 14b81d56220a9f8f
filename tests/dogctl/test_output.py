"""The contract of stdout and stderr, and what may never be printed."""

from __future__ import annotations

import base64
import html
import io
import json
import shlex
import sys
from urllib.parse import quote, quote_plus

import pytest
from rich.console import Console

from dogctl.answer import Answer, Fields, Table, Text
from dogctl.errors import DogctlError, ExitCode
from dogctl.output.channel import Channel
from dogctl.output.clean import clean
from dogctl.output.console import LiveReporter, Terminal
from dogctl.plan import Outcome, Preview, Status, Step
from dogctl.secrets import Redactor, Secret

ANSWER = Answer(
    {"a": 1}, (Text("done"), Fields((("URL", "x"),)), Table(("ID", "NAME"), (("1", "a"),)))
)


def channel(**flags: bool) -> Channel:
    return Channel(("try", "it", "-x", "y"), stdout=io.StringIO(), stderr=io.StringIO(), **flags)


def printed(channel: Channel) -> tuple[str, str]:
    assert isinstance(channel.stdout, io.StringIO)
    assert isinstance(channel.stderr, io.StringIO)
    return channel.stdout.getvalue(), channel.stderr.getvalue()


def test_people_get_text_without_padding() -> None:
    people = channel()
    people.answer(ANSWER)
    assert printed(people) == ("done\nURL  x\nID  NAME\n1   a\n", "")


def test_programs_get_one_object() -> None:
    program = channel(json=True)
    program.answer(ANSWER)
    assert json.loads(printed(program)[0]) == {
        "version": 1,
        "command": "try it",
        "ok": True,
        "exit_code": 0,
        "data": {"a": 1},
        "error": None,
    }


def test_a_failure_is_one_object_too() -> None:
    error = DogctlError("no", code="c", where="w", hint="h", detail=("d",), data={"steps": []})
    program = channel(json=True, events=True)
    program.error(error)
    out, err = printed(program)
    fields = {"code": "c", "message": "no", "where": "w", "hint": "h", "detail": ["d"]}
    assert json.loads(out) == {
        "version": 1,
        "command": "try it",
        "ok": False,
        "exit_code": 1,
        "data": {"steps": []},
        "error": fields,
    }
    assert json.loads(err)["event"] == "error"


def test_an_error_says_what_where_and_what_next() -> None:
    people = channel()
    people.error(DogctlError("it broke", code="c", where="file:key", hint="dogctl up"))
    assert printed(people) == ("", "Error: file:key: it broke\nNext:  dogctl up\n")


def test_text_from_outside_can_neither_colour_nor_steer() -> None:
    people = channel()
    people.answer(Answer({}, (Text("[bold]x[/bold] \x1b[31mred\x1b]0;title\x07\x1b[2J\r\x08"),)))
    assert printed(people)[0] == "[bold]x[/bold] red\n"
    assert clean("a\r\nb\tc") == "a\nb\tc"


SECRET = 'p@ss "wörd"/+!\nsecond line'
WRAPPED = base64.encodebytes(b"x" * 40 + SECRET.encode() + b"y" * 60).decode()


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET, safe="!'()*"),
        quote(SECRET).lower(),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps(SECRET).replace("/", "\\/"),
        json.dumps(json.dumps(SECRET)),
        repr(SECRET),
        shlex.quote(SECRET),
        html.escape(SECRET),
        SECRET.encode().hex(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"user:{SECRET}".encode()).decode(),
        base64.b64encode(f"u:{SECRET}:x".encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        WRAPPED,
        "second line",
    ],
)
def test_a_secret_is_masked_in_every_form(form: str) -> None:
    shown = Redactor([Secret(SECRET)])(f"before {form} after")
    assert "***" in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert "second" not in shown
    assert SECRET.encode() not in decoded(shown)


def decoded(text: str) -> bytes:
    return base64.b64decode("".join(c for c in text if c.isalnum() or c in "+/") + "===")


@pytest.mark.parametrize(
    "url",
    [
        "mysql://root:hunter%2122@db/dogs",
        "postgresql://db/dogs?password=hunter!22",
    ],
)
def test_the_password_in_a_url_is_masked_alone_too(url: str) -> None:
    assert Redactor([Secret(url)])("Access denied, hunter!22") == "Access denied, ***"


def test_secrets_that_overlap_leave_nothing() -> None:
    redact = Redactor([Secret("abcdefgh"), Secret("efghijkl")])
    assert redact("xabcdefghijklx") == "x***x"


def test_a_short_secret_is_masked_as_a_word() -> None:
    assert Redactor([Secret("root")])("root rooted root") == "*** rooted ***"


def test_a_secret_in_json_keeps_the_json_valid() -> None:
    program = channel(json=True)
    program.redact.add(Secret('pä"ss'), Secret("true"))
    program.answer(Answer({"text": 'it is pä"ss', "flag": True}))
    assert json.loads(printed(program)[0])["data"] == {"text": "it is ***", "flag": True}


def test_commands_are_spelled_for_the_project_they_are_about() -> None:
    people = channel()
    people.scope = ("--project", "/my app")
    people.error(DogctlError("no", code="c", hint="dogctl up --port 1, or dogctl gifs list"))
    hint = "dogctl up --project '/my app' --port 1, or dogctl gifs list --project '/my app'"
    assert printed(people)[1].endswith(f"Next:  {hint}\n")


def test_secrets_do_not_print() -> None:
    assert f"{Secret('hunter2')} {Secret('hunter2')!r}" == "*** ***"


def test_every_channel_is_redacted() -> None:
    program = channel(json=True, events=True)
    program.redact.add(Secret("hunter22"))
    program.note("hunter22")
    program.error(DogctlError("hunter22", code="c", detail=("hunter22",)))
    program.line("hunter22")
    assert "hunter22" not in "".join(printed(program))


def test_the_exit_codes_are_the_documented_ones() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "DONE": 0,
        "FAILED": 1,
        "USAGE": 2,
        "BUG": 3,
        "ROLLED_BACK": 4,
        "ROLLBACK_FAILED": 5,
        "CHANGES": 10,
        "CANCELLED": 130,
    }


def test_a_preview_says_of_what_is_done_only_that(capsys: pytest.CaptureFixture[str]) -> None:
    previews = [
        Preview("build", "build it", Status.UNCHANGED),
        Preview("build/build", "run the builder", Status.UNCHANGED),
        Preview("release", "release it", None),
        Preview("release/image", "find it", Status.UNCHANGED, looks=True),
        Preview("release/upgrade", "let Helm work", None, ("+ Deployment/app",)),
    ]
    Terminal(sys.stdout, str).preview("deploy", previews)
    assert capsys.readouterr().out.splitlines() == [
        "dogctl deploy would:",
        "  = build: build it (nothing to do)",
        "  → release: release it",
        "  = release/image: find it",
        "  → release/upgrade: let Helm work",
        "      + Deployment/app",
    ]


def test_a_terminal_has_no_line_for_parts_with_nothing_to_do() -> None:
    stream = io.StringIO()
    with LiveReporter(Terminal(stream, str)) as reporter:
        for name, status in (
            ("smoke/start", Status.UNCHANGED),
            ("smoke", Status.UNCHANGED),
            ("push/candidate", Status.DONE),
            ("release/lock", Status.FAILED),
        ):
            step = Step(name, lambda _: "", lambda _: None)
            reporter.started(step)
            reporter.finished(step, Outcome(status, 1.5))
    said = [line.strip() for line in stream.getvalue().splitlines() if line.strip()]
    assert said == ["✓ smoke (unchanged)", "✓ push/candidate (1.5 s)", "✗ release/lock (failed)"]


def test_a_command_to_copy_from_a_terminal_is_in_one_piece() -> None:
    stream = io.StringIO()
    terminal = Terminal(stream, str)
    terminal.console = Console(file=stream, width=40, force_terminal=True, highlight=False)
    command = f"dogctl deploy --sha256 {'0' * 64}"
    terminal.blocks([Text(command)])
    terminal.error(DogctlError("no", code="x", hint=command))
    assert stream.getvalue().count(command) == 2
