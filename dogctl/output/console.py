"""Text for people: the answer on stdout; progress, prompts and errors on stderr."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from time import monotonic
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table as RichTable
from rich.text import Text as RichText

from dogctl.answer import Block, Changes, Fields, Table, Text
from dogctl.errors import DogctlError
from dogctl.output.clean import clean
from dogctl.plan import Outcome, Preview, Status, Step

MARKS = {
    Status.DONE: ("✓", "green"),
    Status.UNCHANGED: ("✓", "dim"),
    Status.FAILED: ("✗", "bold red"),
    Status.CANCELLED: ("■", "yellow"),
    Status.SKIPPED: ("-", "dim"),
}


class Terminal:
    """Prints blocks of text; every character passes `redact` and loses its control codes."""

    def __init__(
        self, stream: TextIO, redact: Callable[[str], str], spell: Callable[[str], str] = str
    ) -> None:
        self._redact = redact
        self._spell = spell
        # Piped output is for grep and for logs: never wrapped, never padded to a screen.
        width = None if stream.isatty() else 10_000
        self.console = Console(file=stream, width=width, highlight=False)

    def text(self, text: str, style: str = "") -> RichText:
        return RichText(clean(self._redact(text)), style=style)

    def print(self, renderable: RenderableType) -> None:
        if self.console.is_terminal:
            # A line is wrapped by the terminal itself: a command in it can be copied in one piece.
            self.console.print(renderable, soft_wrap=isinstance(renderable, RichText))
            return
        with self.console.capture() as captured:
            self.console.print(renderable)
        lines = captured.get().splitlines()
        self.console.file.write("".join(line.rstrip() + "\n" for line in lines))

    def blocks(self, blocks: Iterable[Block]) -> None:
        for block in blocks:
            if isinstance(block, Text) and not self.console.is_terminal:
                self.console.file.write(clean(self._redact(self._spell(block.text))) + "\n")
            else:
                self.print(self._render(block))

    def redraw(self, frames: Iterable[Iterable[Block]]) -> None:
        """Show one after the other on a screen of their own; the last one stays on the usual one."""
        shown: Iterable[Block] = ()
        try:
            with Live(console=self.console, screen=True, auto_refresh=False) as live:
                for shown in frames:
                    live.update(Group(*map(self._render, shown)), refresh=True)
        finally:
            self.blocks(shown)

    def _render(self, block: Block) -> RenderableType:
        match block:
            case Text(text):
                return self.text(self._spell(text))
            case Fields(rows):
                grid = RichTable.grid(padding=(0, 2))
                grid.add_column(style="bold cyan", no_wrap=True)
                grid.add_column(overflow="fold")
                for name, value in rows:
                    grid.add_row(self.text(name), self.text(self._spell(value)))
                return grid
            case Changes(lines):
                return Group(*(self._change(line, indent=2) for line in lines))
            case Table(columns, rows):
                table = RichTable(box=None, padding=(0, 2, 0, 0), header_style="bold")
                for column in columns:
                    table.add_column(column, overflow="fold")
                for row in rows:
                    table.add_row(*(self.text(cell) for cell in row))
                return table

    def error(self, error: DogctlError) -> None:
        """What happened, where, the cause in full, and what to type next."""
        where = self.text(f"{error.where}: " if error.where else "", "bold")
        self._line(("Error: ", "bold red"), where, self.text(error.message))
        for line in error.detail:
            self._line(("  │ ", "dim"), self.text(line))
        if error.hint:
            self._line(("Next:  ", "bold green"), self.text(error.hint))

    def _line(self, *parts: RichText | tuple[str, str]) -> None:
        self.print(RichText.assemble(*parts))

    def preview(self, verb: str, previews: Iterable[Preview]) -> None:
        self.print(self.text(f"dogctl {verb} would:", "bold"))
        done: set[str] = set()
        for item in previews:
            if item.step.rpartition("/")[0] in done:
                done.add(item.step)  # what it is made of is not worth a line
                continue
            mark, style = ("=", "dim") if item.status else ("→", "cyan")
            nothing = " (nothing to do)" if item.status and not item.looks else ""
            done |= {item.step} if nothing else set()
            self.print(self.text(f"  {mark} {item.step}: {item.change}{nothing}", style))
            for line in item.detail:
                self.print(self._change(line, indent=6))

    def _change(self, line: str, indent: int) -> RichText:
        return self.text(f"{' ' * indent}{line}", _CHANGES.get(line[:1], ""))

    def confirm(self, warning: str, name: str | None = None) -> bool:
        """Ask on the terminal; anything but y or yes, or the name if there is one, is a no."""
        self.print(self.text(warning, "bold yellow"))
        if name:
            return self.ask(f"Type {name} to go on: ") == name
        return self.ask("Go on? [y/N] ").lower() in ("y", "yes")

    def ask(self, question: str) -> str:
        """What the user answers."""
        self.console.print(self.text(question), end="")
        return sys.stdin.readline().strip()


# How lines look that tell of what is made, changed, deleted, run, and changed by others.
_CHANGES = {"+": "green", "~": "yellow", "-": "bold red", ">": "cyan", "!": "magenta"}


class LineReporter:
    """A Reporter for logs: one line when a step begins and one when it ends."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._lock = threading.Lock()
        self._last: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def started(self, step: Step) -> None:
        self._tell(f"  {step.name} ...", "dim")

    def progress(self, step: Step, message: str) -> None:
        if self._last.get(step.name) == message:
            return  # a log needs no heartbeat
        self._last[step.name] = message
        self._tell(f"  {step.name}: {message}", "dim")

    def glance(self, step: Step, message: str) -> None: ...

    def finished(self, step: Step, outcome: Outcome) -> None:
        self._tell(*_ending(step, outcome))

    def _tell(self, text: str, style: str = "") -> None:
        with self._lock:
            self._terminal.print(self._terminal.text(text, style))


class LiveReporter:
    """A Reporter for terminals: a line with a spinner for every step under way."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._lock = threading.Lock()
        self._rows: dict[str, tuple[Spinner, float]] = {}
        self._live = Live(
            get_renderable=self._table,
            console=terminal.console,
            transient=True,
            refresh_per_second=10,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def started(self, step: Step) -> None:
        with self._lock:
            self._rows[step.name] = (Spinner("dots", self._terminal.text(step.name)), monotonic())

    def progress(self, step: Step, message: str) -> None:
        with self._lock:
            spinner, _ = self._rows[step.name]
            spinner.update(text=self._terminal.text(f"{step.name}: {message}"))

    glance = progress

    def finished(self, step: Step, outcome: Outcome) -> None:
        with self._lock:
            self._rows.pop(step.name, None)
        if "/" in step.name and outcome.status in (Status.UNCHANGED, Status.SKIPPED):
            return  # the step that it is a part of has a line
        text, style = _ending(step, outcome)
        self._terminal.print(self._terminal.text(text, style))

    def _table(self) -> RenderableType:
        grid = RichTable.grid(padding=(0, 1))
        # One line each, whatever a program says, or the lines would jump.
        grid.add_column(no_wrap=True, overflow="ellipsis")
        grid.add_column(no_wrap=True)
        with self._lock:
            for spinner, began in self._rows.values():
                grid.add_row(spinner, self._terminal.text(f"{monotonic() - began:.0f} s", "dim"))
        return grid


def _ending(step: Step, outcome: Outcome) -> tuple[str, str]:
    mark, style = MARKS[outcome.status]
    note = f"{outcome.seconds:.1f} s" if outcome.status is Status.DONE else outcome.status.value
    return f"{mark} {step.name} ({note})", style
