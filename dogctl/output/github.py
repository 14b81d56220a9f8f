"""What GitHub Actions is told of a run: annotations at the job, and the step's summary and outputs.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from dogctl.answer import Answer, Block, Fields, Table, Text
from dogctl.errors import DogctlError
from dogctl.output.clean import clean

_SUMMARY = "GITHUB_STEP_SUMMARY"
_OUTPUT = "GITHUB_OUTPUT"
_SIGNS = re.compile(r"([\\`*_\[\]<>&~])")

Tell = Callable[[str], str]


def runs_here(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a step of a job of theirs."""
    return environ.get("GITHUB_ACTIONS") == "true"


def annotation(error: DogctlError) -> str:
    """The command that marks the job with an error."""
    text = "\n".join(filter(None, (_said(error), *error.detail, error.hint)))
    return f"::error title={_property(f'dogctl: {error.code}')}::{_data(clean(text))}"


def answered(answer: Answer, tell: Tell = str) -> str:
    """An answer in Markdown.

    `tell` masks secrets in a text: Markdown would have them in a form that nobody knows.
    """
    return "\n".join(_lines(answer.blocks, tell)) + "\n"


def failed(command: str, error: DogctlError, tell: Tell = str) -> str:
    """An error in Markdown; for `tell` see `answered`."""
    lines = [f"### ❌ dogctl {_plain(tell(command))}: {_plain(tell(_said(error)))}", ""]
    if error.detail:
        told = (clean(tell(line)).replace("```", "'''") for line in error.detail)
        lines += ["```text", *told, "```"]
    if error.hint:
        lines += ["", f"Next: {_code(tell(error.hint))}"]
    return "\n".join(lines) + "\n"


def summarise(text: str, environ: Mapping[str, str] = os.environ) -> None:
    """Add to the summary of the step, if there is one. Raises OSError."""
    if path := environ.get(_SUMMARY):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")


def put_out(outputs: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> None:
    """Give the step these outputs, if there is one. Raises OSError."""
    path = environ.get(_OUTPUT)
    if path and outputs:
        with Path(path).open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={_one_line(value)}\n" for name, value in outputs.items())


def _said(error: DogctlError) -> str:
    return f"{error.where}: {error.message}" if error.where else error.message


def _lines(blocks: Iterable[Block], tell: Tell) -> Iterator[str]:
    for number, block in enumerate(blocks):
        match block:
            case Text(text):
                # A line of its own, or Markdown would join it with the next one.
                yield f"### {_plain(tell(text))}\n" if number == 0 else f"{_code(tell(text))}  "
            case Fields(rows) if rows:
                yield from ("", "| | |", "|---|---|")
                yield from (_row((_cell(tell(n)), _code(_cell(tell(v))))) for n, v in rows)
                yield ""
            case Table(columns, rows):
                yield from ("", _row(columns), _row("---" for _ in columns))
                yield from (_row(_cell(_plain(tell(each))) for each in row) for row in rows)
                yield ""


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return clean(text).replace("\n", " ").replace("|", "\\|")


def _code(text: str) -> str:
    """As it is, whatever signs of Markdown are in it."""
    plain = clean(text).strip().replace("`", "'")
    return f"`{plain}`" if plain else ""


def _plain(text: str) -> str:
    """Text in which nothing is a sign of Markdown, such as of a link or a picture."""
    return _SIGNS.sub(r"\\\1", clean(text).replace("\n", " "))


def _one_line(text: str) -> str:
    """What cannot begin another output."""
    return " ".join(text.split())


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
