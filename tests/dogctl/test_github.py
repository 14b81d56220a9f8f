"""What GitHub Actions is told."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from dogctl.answer import Answer, Fields, Table, Text
from dogctl.errors import DogctlError
from dogctl.output.channel import Channel
from dogctl.output.github import annotation
from dogctl.secrets import Redactor, Secret

ERROR = DogctlError(
    "100% wrong",
    code="a:b,c",
    where="here",
    hint="dogctl up",
    detail=("one", "::stop-commands::x", "hunter2-secret"),
)


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


def channel(**flags: bool) -> Channel:
    redact = Redactor([Secret("hunter2-secret")])
    return Channel(("deploy",), redact=redact, stdout=io.StringIO(), stderr=io.StringIO(), **flags)


def test_an_annotation_is_one_line_that_nobody_can_add_commands_to() -> None:
    text = annotation(ERROR)
    assert text.startswith("::error title=dogctl%3A a%3Ab%2Cc::here: 100%25 wrong%0Aone%0A::stop")
    assert "\n" not in text


def test_an_error_marks_the_job_and_is_in_the_summary(summary: Path) -> None:
    job = channel()
    job.error(ERROR)
    said = job.stderr.getvalue() if isinstance(job.stderr, io.StringIO) else ""
    assert "::error title=" in said
    text = summary.read_text()
    assert text.startswith("### ❌ dogctl deploy: here: 100% wrong\n")
    assert "`dogctl up`" in text
    for printed in (said, text):
        assert "hunter2" not in printed


def test_an_answer_worth_keeping_is_in_the_summary(summary: Path) -> None:
    blocks = (
        Text("done"),
        Text("+ Service/<x>"),
        Fields((("URL", "a|b"),)),
        Table(("ID",), (("1",),)),
    )
    channel().answer(Answer({}, blocks))
    assert not summary.exists()
    channel().answer(Answer({}, blocks, summary=True))
    text = summary.read_text()
    assert "### done" in text
    assert "`+ Service/<x>`" in text
    assert "| URL | `a\\|b` |" in text
    assert "| ID |\n| --- |\n| 1 |" in text


def test_nothing_in_a_summary_is_markdown_of_somebody_else(summary: Path) -> None:
    trick = "![x](http://evil/) <b>_*`"
    blocks = (Text(f"released {trick}"), Table(("ID",), ((f"{trick} | 2",),)))
    channel().answer(Answer({}, blocks, summary=True))
    plain = r"!\[x\](http://evil/) \<b\>\_\*\`"
    assert (
        summary.read_text() == f"### released {plain}\n\n\n| ID |\n| --- |\n| {plain} \\| 2 |\n\n\n"
    )


def test_a_secret_with_signs_of_markdown_is_masked_before_they_are_written(summary: Path) -> None:
    secret = "a|b`c<d_e"
    job = Channel(("deploy",), redact=Redactor([Secret(secret)]), stdout=io.StringIO())
    job.stderr = io.StringIO()
    job.answer(Answer({}, (Text(secret), Text(secret), Fields((("A", secret),))), summary=True))
    job.error(DogctlError(secret, code="x", hint=secret, detail=(secret,)))
    text = summary.read_text()
    assert text.count("***") + text.count(r"\*\*\*") == 6
    for part in ("a|b", r"a\|b", "a\\|b", "<d", "d_e"):
        assert part not in text


def test_a_summary_that_cannot_be_written_fails_nothing(
    summary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary / "nowhere"))
    people = channel()
    people.answer(Answer({}, (Text("done"),), summary=True))
    assert isinstance(people.stderr, io.StringIO)
    assert "cannot be written" in people.stderr.getvalue()


def test_outputs_are_for_the_steps_to_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "output"
    path.write_text("first=1\n")
    monkeypatch.setenv("GITHUB_OUTPUT", str(path))
    channel().answer(Answer({}, outputs={"sha256": "c0ffee", "other": "x\nsha256=bad"}))
    assert path.read_text() == "first=1\nsha256=c0ffee\nother=x sha256=bad\n"


def test_an_output_that_cannot_be_written_fails_the_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "no" / "folder"))
    job = channel(json=True)
    with pytest.raises(FileNotFoundError):
        job.answer(Answer({}, outputs={"sha256": "c0ffee"}))
    assert isinstance(job.stdout, io.StringIO)
    assert job.stdout.getvalue() == ""


def test_elsewhere_nothing_of_that_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)
    people = channel()
    people.error(ERROR)
    assert isinstance(people.stderr, io.StringIO)
    assert "::error" not in people.stderr.getvalue()
    people.answer(Answer({}, (Text("done"),), outputs={"sha256": "c0ffee"}))
