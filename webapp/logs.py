"""The log: one JSON object per line on stdout."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import re
import select
import tempfile
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

STDOUT = 1
GATHER_SECONDS = 0.05
TURN_SECONDS = 0.0005
PATIENCE = 1.0
"""Seconds that who flushes waits for the reader."""
KEPT_BYTES = 4_000_000
OWN = ("level", "event")
encode = json.JSONEncoder(separators=(",", ":"), default=str).encode
quote: Callable[[str], str] = json.encoder.encode_basestring_ascii


class Output(Protocol):
    """Where lines go."""

    def write(self, line: bytes, *, urgent: bool) -> None: ...
    def flush(self) -> None: ...


class Stdout:
    """Writes lines to stdout, those of some milliseconds together.

    A system call per line would make every request wait for the interpreter once more. What is
    `urgent` is written at once, with all before it. Processes forked from this one take turns, so
    that a line is whole however long it is. A reader that stalls holds up no request: lines wait
    in memory, and beyond KEPT_BYTES they are counted instead of kept.
    """

    _patient: bool

    def __init__(self) -> None:
        self._between_processes = _lock_file()
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def write(self, line: bytes, *, urgent: bool) -> None:
        """Write a line, or keep it for a moment."""
        with self._keeping:
            if self._kept + len(line) > KEPT_BYTES:
                self._dropped += 1
            else:
                self._keep(line)
        if urgent:
            self.flush()
        else:
            self._wake()

    def flush(self) -> None:
        """Write all that was kept; what the reader does not take soon is left to the thread."""
        patience = PATIENCE if self._patient else 0
        self._patient = self._write_until(time.monotonic() + patience)
        if not self._patient:
            self._wake()

    def _reset(self) -> None:
        self._lines: deque[bytes] = deque()
        self._kept = 0
        self._dropped = 0
        self._begun = b""
        self._is_partial = False
        self._patient = True
        self._keeping = threading.Lock()
        self._writing = threading.Lock()
        self._some = threading.Event()
        self._thread: threading.Thread | None = None

    def _wake(self) -> None:
        if self._some.is_set():
            return
        if self._thread is None:
            with self._keeping:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="log", daemon=True)
                    self._thread.start()
        self._some.set()

    def _run(self) -> None:
        while True:
            self._some.wait()
            time.sleep(GATHER_SECONDS)
            self._some.clear()
            while not self._write_until(time.monotonic() + PATIENCE):
                pass
            self._patient = True

    def _keep(self, line: bytes) -> None:
        self._lines.append(line)
        self._kept += len(line)

    def _next(self) -> bytes:
        """Whole lines that a pipe takes in one piece, or one longer line."""
        with self._keeping:
            lines: list[bytes] = []
            size = 0
            while self._lines and (not lines or size + len(self._lines[0]) <= select.PIPE_BUF):
                lines.append(self._lines.popleft())
                size += len(lines[-1])
            self._kept -= size
            # Not at the first room, or a slow reader would get one for every few lines.
            if self._dropped and self._kept < KEPT_BYTES // 2:
                self._keep(_dropped_line(self._dropped))
                self._dropped = 0
            return b"".join(lines)

    def _write_until(self, deadline: float) -> bool:
        """Write all that is kept; False when the time is up before."""
        if not self._writing.acquire(timeout=max(0.0, deadline - time.monotonic())):
            return False
        try:
            while True:
                self._begun = self._begun or self._next()
                if not self._begun:
                    return True
                if not self._write_some(deadline):
                    return False
        finally:
            self._writing.release()

    def _write_some(self, deadline: float) -> bool:
        """Write a piece of what was begun; False when the time is up before."""
        # Waiting for the reader comes before the turn: it keeps no other process waiting.
        if not _takes_more(deadline):
            return False
        while not self._take_turn():
            if time.monotonic() >= deadline:
                return False
            time.sleep(TURN_SECONDS)
        try:
            # After another process's turn there may be no room any more.
            if _takes_more(0):
                size = os.write(STDOUT, self._begun[: select.PIPE_BUF])
                self._begun = self._begun[size:]
                self._is_partial = bool(self._begun)
        except BlockingIOError:
            time.sleep(TURN_SECONDS)
        except OSError:
            self._begun, self._is_partial = b"", False
        finally:
            # A line that was begun keeps the turn, whichever thread goes on with it.
            if not self._is_partial:
                fcntl.lockf(self._between_processes, fcntl.LOCK_UN)
        return True

    def _take_turn(self) -> bool:
        try:
            fcntl.lockf(self._between_processes, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # Where there are no locks, lines are whole up to what a pipe takes in one piece.
            return error.errno not in (errno.EACCES, errno.EAGAIN)
        return True


class Log:
    """Writes events; no secret given to it ever appears in one.

    Secrets of one or two characters are not looked for, and those of up to five only as whole
    words: they would be found in half of all lines.
    """

    def __init__(self, secrets: Iterable[str] = (), output: Output | None = None) -> None:
        # The longest first: one may contain another.
        hidden = sorted({text for text in secrets if len(text) > 2}, key=len, reverse=True)
        self._signs = [quote(secret)[1:-1] for secret in hidden]
        self._secret = re.compile("|".join(map(_pattern, hidden)))
        self._output = output or Stdout()

    def event(self, level: str, event: str, **fields: object) -> None:
        """Log an event with its fields, which must be JSON values."""
        text = encode({"level": level, "event": event, **fields})
        self.line(text[1:], urgent=True)

    def line(self, fields: str, *, urgent: bool = False) -> None:
        """Log an object whose text is ready but for its opening brace and its time."""
        for sign in self._signs:
            if sign in fields:
                fields = encode(self._masked(json.loads(f"{{{fields}")))[1:]
                break
        self._output.write(f'{{"ts":"{_now()}",{fields}\n'.encode(), urgent=urgent)

    def failure(self, event: str, error: BaseException, **fields: object) -> None:
        """Log a failure with its traceback."""
        text = "".join(traceback.format_exception(error))
        self.event("error", event, error=str(error), traceback=text, **fields)

    def flush(self) -> None:
        """Write what was kept for a moment."""
        self._output.flush()

    def _masked(self, value: object) -> object:
        """The value without secrets in its texts. Names are the app's own words, as are OWN's."""
        if isinstance(value, str):
            return self._secret.sub("***", value)
        if isinstance(value, list):
            return [self._masked(item) for item in value]
        if isinstance(value, dict):
            return {
                name: item if name in OWN else self._masked(item) for name, item in value.items()
            }
        return value


class JsonHandler(logging.Handler):
    """Sends what libraries log through `logging` to a Log."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        fields = {"logger": record.name, "message": record.getMessage()}
        if record.exc_info and record.exc_info[1]:
            fields["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
        self._log.event(record.levelname.lower(), "log", **fields)


def _now() -> str:
    seconds, milliseconds = divmod(int(time.time() * 1000), 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{milliseconds:03d}Z"


def _lock_file() -> int:
    """A file without a name, for locks between this process and those forked from it."""
    file, name = tempfile.mkstemp(prefix="dogapp-log-")
    Path(name).unlink()
    return file


def _takes_more(deadline: float) -> bool:
    """Whether stdout takes a piece without blocking, or fails at once, before that time."""
    poll = select.poll()
    poll.register(STDOUT, select.POLLOUT)
    return bool(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))


def _dropped_line(count: int) -> bytes:
    fields = {"ts": _now(), "level": "warning", "event": "log_lines_dropped", "count": count}
    return f"{encode(fields)}\n".encode()


def _pattern(secret: str) -> str:
    text = re.escape(secret)
    return text if len(secret) > 5 else rf"(?<!\w){text}(?!\w)"
