"""The Terraform program.

python-terraform builds the arguments; our runner starts the program. What holds the state's lock
is started so that it outlives us: Terraform that is killed in the middle, be it by a pipe that
nobody reads any more, forgets what it has made, and leaves the lock behind.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from dogctl.errors import Cancelled, DogctlError, ToolError
from dogctl.tools.runner import LOCAL, NOT_STARTED, Detached, Runner
from dogctl.tools.terraform.causes import Verb, refusal
from dogctl.tools.terraform.events import Heard, Transcript

TERRAFORM = "terraform"
# The first that locks a state in S3 without a table: https://github.com/hashicorp/terraform/releases
OLDEST = (1, 10)
INSTALL = "install Terraform: https://developer.hashicorp.com/terraform/install"
POLL = 0.1
# For what only reads; a state may be large, and far away.
LOOK_SECONDS = 300.0
# Providers are hundreds of megabytes.
INIT_SECONDS = 1800.0
# A provider may have to wait for a request before it can stop.
PATIENCE_AFTER_STOP = 900.0

Tell = Callable[[Heard], None]
Json = Mapping[str, Any]


class Terraform:
    """The Terraform of one folder, which is a root module of Terraform's.

    Args:
        environ: its whole environment, with credentials and variables.
        log: the file that gets what a long run prints; it may hold secrets.
        started: hears the PID of a run that may outlive us, before it begins.
    """

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str],
        log: Path,
        *,
        started: Callable[[int], None] = lambda _: None,
        runner: Runner = LOCAL,
    ) -> None:
        self.folder = folder
        self._environ = environ
        self._log = log
        self._started = started
        self._runner = runner

    @cached_property
    def version(self) -> tuple[int, ...]:
        """Major, minor and patch. Raises ToolError: there is no Terraform, or too old a one."""
        try:
            said = str(self._ask(Verb.LOOK, "version", json=_flag())["terraform_version"])
        except ToolError as error:
            if error.code == NOT_STARTED:
                error.hint = INSTALL
            raise
        version = tuple(map(int, re.findall(r"[0-9]+", said)[:3]))
        if version < OLDEST:
            raise ToolError(
                f"Terraform {said} is too old: dogctl needs {'.'.join(map(str, OLDEST))} or later",
                code="terraform-too-old",
                where=TERRAFORM,
                hint=INSTALL,
            )
        return version

    def init(
        self, *, locked: bool, tell: Tell = lambda _: None, stop: threading.Event | None = None
    ) -> None:
        """Install modules and providers, and see that the state can be reached.

        `locked` takes the versions of the lock file, and nothing else.
        Raises DogctlError, and Cancelled once `stop` is set.
        """
        readonly = {"lockfile": "readonly"} if locked else {}
        words = self._words("init", json=_flag(), reconfigure=_flag(), input=False, **readonly)
        heard = Transcript()
        done = self._runner.run(
            words,
            cwd=self.folder,
            env=self._environ,
            timeout=INIT_SECONDS,
            listen=lambda line: _hear(heard, line, tell),
            stop=stop,
        )
        if done.code:
            raise refusal(heard, Verb.INIT, self.folder)

    def plan(
        self,
        file: Path,
        *,
        destroy: bool = False,
        values: Path | None = None,
        lock_timeout: float,
        tell: Tell = lambda _: None,
        stop: threading.Event | None = None,
    ) -> None:
        """Save what an apply would do, or with `destroy` what it takes to remove everything.

        Args:
            values: a file with values of variables.
            lock_timeout: seconds to wait for who holds the lock of the state.

        Raises DogctlError, and Cancelled once `stop` is set.
        """
        words = self._words(
            "plan",
            json=_flag(),
            input=False,
            out=str(file),
            destroy=_flag() if destroy else None,
            var_file=str(values) if values else None,
            lock_timeout=_seconds(lock_timeout),
        )
        self._work(Verb.PLAN, words, Transcript(), tell, stop)

    def apply(
        self,
        file: Path,
        heard: Transcript,
        *,
        lock_timeout: float,
        tell: Tell = lambda _: None,
        stop: threading.Event | None = None,
    ) -> None:
        """Do what a saved plan says; `heard` tells meanwhile, and afterwards, what was done.

        Raises DogctlError, and Cancelled once `stop` is set and Terraform has ended.
        """
        options = {"json": _flag(), "input": False, "lock_timeout": _seconds(lock_timeout)}
        words = self._words("apply", str(file), **options)
        self._work(Verb.APPLY, words, heard, tell, stop)

    def show(self, file: Path | None = None) -> Json:
        """A saved plan, or the state, with all secrets in it. Raises DogctlError.

        https://developer.hashicorp.com/terraform/internals/json-format
        """
        return self._ask(Verb.SHOW, "show", *([str(file)] if file else []), json=_flag())

    def output(self) -> Json:
        """The outputs in the state, each with its value, type and whether it is sensitive."""
        return self._ask(Verb.LOOK, "output", json=_flag())

    def push_state(self, file: Path) -> None:
        """Save a state that could not be saved before, unless a newer one has been saved since.

        Raises DogctlError.
        """
        self._run(Verb.PUSH, self._words("state push", str(file)))

    def _words(self, command: str, *args: str, **options: Any) -> list[str]:
        words: list[str] = _command_class()().cmd(command, *args, **options)
        return words

    def _ask(self, verb: Verb, command: str, *args: str, **options: Any) -> Json:
        answer: Json = json.loads(self._run(verb, self._words(command, *args, **options)))
        return answer

    def _run(self, verb: Verb, words: list[str]) -> bytes:
        done = self._runner.run(words, cwd=self.folder, env=self._environ, timeout=LOOK_SECONDS)
        if done.code:
            raise refusal(Transcript(other=done.stderr.splitlines()), verb, self.folder)
        return done.stdout

    def _work(
        self,
        verb: Verb,
        words: list[str],
        heard: Transcript,
        tell: Tell,
        stop: threading.Event | None,
    ) -> None:
        """Run to the end, whatever becomes of us. Raises DogctlError and Cancelled."""
        self._log.unlink(missing_ok=True)
        process = self._runner.detach(
            words,
            cwd=self.folder,
            env=self._environ,
            log=self._log,
            record=self._started,
        )
        run = _Attended(process, self._log, lambda line: _hear(heard, line, tell), stop)
        code = run.attend()
        if code and run.stopped:
            raise Cancelled
        if code:
            raise refusal(heard, verb, self.folder)


class _Attended:
    """A run of Terraform that goes on without us, as long as we look at it."""

    def __init__(
        self,
        process: Detached,
        log: Path,
        listen: Callable[[str], None],
        stop: threading.Event | None,
    ) -> None:
        self._process = process
        self._log = log
        self._listen = listen
        self._stop = stop
        self._deadline = float("inf")

    @property
    def stopped(self) -> bool:
        """Whether it was asked to stop."""
        return self._deadline < float("inf")

    def attend(self) -> int:
        """Its exit code. Raises DogctlError if it does not stop though it was asked to."""
        rest = b""
        with self._log.open("rb") as said:
            while True:
                code = self._process.poll()
                *lines, rest = (rest + said.read()).split(b"\n")
                for line in lines:
                    self._listen(line.decode(errors="replace"))
                if code is not None:
                    return code
                self._pause()

    def _pause(self) -> None:
        try:
            sleep(POLL)
        except KeyboardInterrupt:
            self._ask_to_stop()
        if self._stop and self._stop.is_set():
            self._ask_to_stop()
        if monotonic() > self._deadline:
            raise DogctlError(
                f"Terraform still works, {PATIENCE_AFTER_STOP:g} s after it was asked to stop",
                code="terraform-goes-on",
                where=f"PID {self._process.pid}",
                hint="let it come to its end: the next run waits for it",
            )

    def _ask_to_stop(self) -> None:
        """As by ^C, and once: after a second one Terraform gives up without saving its state."""
        if not self.stopped:
            self._deadline = monotonic() + PATIENCE_AFTER_STOP
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGINT)


def _hear(heard: Transcript, line: str, tell: Tell) -> None:
    if said := heard.hear(line):
        tell(said)


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f}s"


def _flag() -> Any:
    from python_terraform import IsFlagged

    return IsFlagged


def _command_class() -> type[Any]:
    """python-terraform's command line, which is only built."""
    from python_terraform import Terraform as Base

    class Ours(Base):
        def read_state_file(self, file_path: str | None = None) -> None:
            """The state is not in a file of this folder."""

        def cmd(self, command: str, *args: str, **options: Any) -> list[str]:
            words = self.generate_cmd_string(command, *args, no_color=_flag(), **options)
            return [str(word) for word in words]

    return Ours
