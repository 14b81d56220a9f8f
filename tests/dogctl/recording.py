"""A runner that starts nothing: what it was asked to run, and what it answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dogctl.errors import Cancelled, ToolError
from dogctl.tools.runner import NOT_STARTED, Completed, Detached, Listener


@dataclass(frozen=True)
class Said:
    """How a program ends."""

    out: str = ""
    err: str = ""
    code: int = 0


@dataclass
class Recorder:
    """Answers each command line by the longest beginning of it that it knows.

    `answers` may hold several for one beginning: one after the other, and then the last again.
    A program of which it knows nothing is not installed.
    """

    answers: Mapping[str, Said | Sequence[Said]]
    asked: list[str] = field(default_factory=list)
    stdin: list[bytes] = field(default_factory=list)

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,  # noqa: ARG002
        env: Mapping[str, str] | None = None,  # noqa: ARG002
        stdin: bytes = b"",
        timeout: float | None = None,  # noqa: ARG002
        listen: Listener | None = None,
        stop: threading.Event | None = None,
        inherit: Sequence[int] = (),  # noqa: ARG002
    ) -> Completed:
        line = " ".join(argv)
        self.stdin.append(stdin)
        said = self._answer(line)
        self.asked.append(line)
        for each in (*said.out.splitlines(), *said.err.splitlines()):
            if listen:
                listen(each)
        if stop and stop.is_set():
            raise Cancelled
        return Completed(tuple(argv), said.code, said.out.encode(), said.err)

    def detach(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        log: Path,
        record: Callable[[int], None],
    ) -> Detached:
        raise NotImplementedError

    def _answer(self, line: str) -> Said:
        known = [beginning for beginning in self.answers if line.startswith(beginning)]
        if not known:
            raise ToolError(f"cannot start {line}", code=NOT_STARTED, where=line)
        best = max(known, key=len)
        given = self.answers[best]
        if isinstance(given, Said):
            return given
        before = sum(1 for each in self.asked if each.startswith(best))
        return given[min(before, len(given) - 1)]
