"""Where a command's answer, progress, questions and errors go, as its flags ask."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice, pairwise, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dogctl.answer import Answer, Block, Json
from dogctl.errors import Cancelled, ConfigError, DogctlError
from dogctl.output import github
from dogctl.output.clean import clean
from dogctl.output.envelope import dumps, envelope, error_fields
from dogctl.output.streams import write_bytes
from dogctl.secrets import Redactor

if TYPE_CHECKING:
    from dogctl.output.console import Terminal
    from dogctl.output.events import EventReporter
    from dogctl.plan import Preview, Reporter


_COMMAND = re.compile(r"\bdogctl ((?:gifs|secrets|db|infra) [a-z]+|[a-z]+)\b")
_LONG = {"-e": "--env"}
# What ends a command in a sentence.
_END = re.compile(r"[;,`\n]| && | or ")


@dataclass
class Channel:
    """The streams of one run of the command line.

    Args:
        arguments: what the user typed after `dogctl`.
        scope: the options that say which project and environment it is about.
        json: one JSON object on stdout instead of text.
        events: NDJSON on stderr instead of text.
    """

    arguments: Sequence[str]
    scope: tuple[str, ...] = ()
    json: bool = False
    events: bool = False
    redact: Redactor = field(default_factory=Redactor)
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)

    @property
    def command(self) -> str:
        """The words of the command, as in `gifs add`."""
        words = takewhile(lambda word: not word.startswith("-"), self.arguments)
        return " ".join(islice(words, 2))

    def spell(self, text: str) -> str:
        """Commands of ours in a text, as this user has to type them for this project."""
        return _COMMAND.sub(lambda m: f"{_program()} {m[1]}{self._missing(text[m.end() :])}", text)

    def _missing(self, after: str) -> str:
        """The options of the scope that a command does not have yet, by what follows it."""
        rest = _END.split(after, maxsplit=1)[0].split()
        pairs = zip(self.scope[::2], self.scope[1::2], strict=True)
        given = {_LONG.get(word, word) for word in rest}
        return "".join(
            f" {option} {shlex.quote(value)}" for option, value in pairs if option not in given
        )

    def answer(self, answer: Answer) -> None:
        github.put_out({name: self.redact(text) for name, text in answer.outputs.items()})
        if self.json:
            self._object(answer.exit_code, data=answer.data)
        else:
            self._answers.blocks(answer.blocks)
        self.stdout.flush()
        if answer.summary:
            self._summarise(github.answered(answer, self._told))

    def line(self, text: str) -> None:
        """One line of an answer that has no end yet, such as a log that is followed."""
        self.stdout.write(clean(self.redact(text)) + "\n")
        self.stdout.flush()

    def watch(self, answers: Iterator[Answer], changes: Callable[[Json, Json], list[str]]) -> None:
        """An answer that is given again and again: redrawn on a terminal, else only what changes."""
        first = next(answers)
        if self.stdout.isatty():
            self._answers.redraw(each.blocks for each in chain([first], answers))
            return
        self.answer(first)
        for before, after in pairwise(chain([first], answers)):
            for text in changes(before.data, after.data):
                self.line(text)

    def stdin(self) -> int | None:
        """The descriptor that can be read from, if there is one."""
        try:
            return sys.stdin.fileno() if sys.stdin else None
        except (OSError, ValueError):
            return None

    def is_terminal(self) -> bool:
        """Whether a person reads and writes here."""
        return bool(sys.stdin and sys.stdin.isatty() and self.stdout.isatty())

    def pass_on(self, data: bytes, *, to_stderr: bool = False) -> None:
        """What a command in a container prints, as it is: it is that command's answer, not ours."""
        stream = self.stderr if to_stderr else self.stdout
        stream.flush()
        write_bytes(stream, data)

    def note(self, text: str) -> None:
        """Something worth knowing that is not the answer."""
        if self.events:
            self._event_reporter.emit("note", message=text)
        else:
            self._notes.print(self._notes.text(text))

    def show(self, blocks: Iterable[Block]) -> None:
        """What to look at before a question; programs get it with the answer."""
        if not self.events:
            self._notes.blocks(blocks)

    def error(self, error: DogctlError) -> None:
        if error.where in self.scope[::2]:
            at = self.scope.index(error.where)
            self.scope = self.scope[:at] + self.scope[at + 2 :]  # it is what was wrong
        if error.hint:
            error.hint = self.spell(error.hint)
        fields = error_fields(error)
        if self.events:
            self._event_reporter.emit("error", **fields)
        else:
            self._notes.error(error)
        if github.runs_here():
            # Events have their own form, and the log of a job has both streams.
            if not self.events:
                self.stderr.write(f"{self.redact(github.annotation(error))}\n")
                self.stderr.flush()
            self._summarise(github.failed(self.command, error, self._told))
        if self.json:
            self._object(error.exit_code, data=error.data, error=fields)

    def _told(self, text: str) -> str:
        return self.redact(self.spell(text))

    def _summarise(self, text: str) -> None:
        try:
            github.summarise(self.redact(text))
        except OSError as error:
            self.note(f"the summary cannot be written: {error.strerror}")

    def preview(self, verb: str, previews: Iterable[Preview]) -> None:
        if not self.json:
            self._answers.preview(verb, previews)

    def confirm(self, warning: str, name: str | None = None, *, preview: bool = True) -> None:
        """Ask before something is lost. Raises ConfigError unless the answer is yes, or the name.

        `preview` says whether the command can show first what it would do.
        """
        if not self.can_ask:
            raise ConfigError(
                f"{warning} This needs a confirmation, and there is no terminal to ask on",
                code="unconfirmed",
                hint=f"{self._confirmed(name)}, if you are sure"
                + ("; --dry-run shows what would go" if preview else ""),
            )
        if not self._notes.confirm(warning, name):
            raise ConfigError("nothing was done: not confirmed", code="unconfirmed")

    def _confirmed(self, name: str | None) -> str:
        """The command again, with the answer in it; what is after `--` is for another program."""
        end = self.arguments.index("--") if "--" in self.arguments else len(self.arguments)
        own = [each for each in self.arguments[:end] if each not in ("--yes", "-y")]
        sure = ["--yes", *(("--confirm", name) if name else ())]
        return shlex.join(("dogctl", *own, *sure, *self.arguments[end:]))

    def offer(self, question: str) -> bool:
        """Whether the user wants it; nobody does where there is no terminal to ask on."""
        return self.can_ask and self._notes.ask(f"{question} [y/N] ").lower() in ("y", "yes")

    @property
    def can_ask(self) -> bool:
        """Whether there is somebody at a terminal."""
        asks = sys.stdin and sys.stdin.isatty() and self.stderr.isatty()
        return bool(asks) and not self.events

    def ask_secret(self, prompt: str) -> str:
        """What the user types, without showing it. Raises Cancelled if that is nothing at all."""
        from getpass import getpass

        try:
            return getpass(prompt, stream=self.stderr)
        except EOFError:
            raise Cancelled from None

    @contextmanager
    def reporter(self) -> Iterator[Reporter]:
        if self.events:
            yield self._event_reporter
            return
        from dogctl.output.console import LineReporter, LiveReporter

        kind = LiveReporter if self._notes.console.is_terminal else LineReporter
        with kind(self._notes) as reporter:
            yield reporter

    @cached_property
    def _event_reporter(self) -> EventReporter:
        from dogctl.output.events import EventReporter

        return EventReporter(self.stderr, self.redact)

    @cached_property
    def _answers(self) -> Terminal:
        return self._terminal(self.stdout)

    @cached_property
    def _notes(self) -> Terminal:
        return self._terminal(self.stderr)

    def _terminal(self, stream: TextIO) -> Terminal:
        from dogctl.output.console import Terminal

        return Terminal(stream, self.redact, self.spell)

    def _object(self, exit_code: int, data: Json | None, error: Json | None = None) -> None:
        value = envelope(self.command, exit_code, data, error)
        self.stdout.write(dumps(self.redact.data(value)) + "\n")
        self.stdout.flush()


def _program() -> str:
    """How the user calls us: by name if the PATH leads here, else by the path."""
    called = Path(sys.argv[0])
    found = shutil.which("dogctl")
    if called.name != "dogctl" or (found and Path(found).resolve() == called.resolve()):
        return "dogctl"
    here = Path.cwd()
    return str(called.relative_to(here) if called.is_relative_to(here) else called)
