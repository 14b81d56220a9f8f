"""Progress for programs: one JSON object per line on stderr (`--events`)."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any, TextIO

from dogctl.output.envelope import VERSION, dumps
from dogctl.plan import Outcome, Step
from dogctl.secrets import Redactor


class EventReporter:
    """A Reporter that writes NDJSON."""

    def __init__(self, stream: TextIO, redact: Redactor) -> None:
        self._stream = stream
        self._redact = redact
        self._lock = threading.Lock()

    def emit(self, event: str, **fields: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = dumps({"version": VERSION, "time": now, "event": event, **self._redact.data(fields)})
        with self._lock:
            self._stream.write(line + "\n")
            self._stream.flush()

    def started(self, step: Step) -> None:
        self.emit("step-started", step=step.name)

    def progress(self, step: Step, message: str) -> None:
        self.emit("step-progress", step=step.name, message=message)

    def glance(self, step: Step, message: str) -> None: ...

    def finished(self, step: Step, outcome: Outcome) -> None:
        error = str(outcome.error) if outcome.error else None
        self.emit(
            "step-finished",
            step=step.name,
            status=outcome.status,
            seconds=round(outcome.seconds, 3),
            error=error,
        )
