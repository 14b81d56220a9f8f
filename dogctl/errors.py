"""Expected errors: what was wrong, where, and what to type next."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    BUG = 3
    ROLLED_BACK = 4
    ROLLBACK_FAILED = 5
    CHANGES = 10
    CANCELLED = 130


class DogctlError(Exception):
    """An expected error.

    Args:
        message: one sentence: what was wrong.
        code: a stable name of the cause for programs, such as `port-taken`.
        where: file:key, flag, variable or address it is about.
        hint: the next command to type, or what to change.
        detail: further lines that show the cause, such as the last log lines.
        data: what was done before it, for `--json`.
    """

    exit_code = ExitCode.FAILED

    def __init__(
        self,
        message: str,
        *,
        code: str,
        where: str | None = None,
        hint: str | None = None,
        detail: tuple[str, ...] = (),
        data: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.where = where
        self.hint = hint
        self.detail = detail
        self.data = data


class ConfigError(DogctlError):
    """Usage or configuration: nothing was done."""

    exit_code = ExitCode.USAGE


class ToolError(DogctlError):
    """An external program failed or could not be started."""


class Cancelled(DogctlError):  # noqa: N818  (the field's word)
    """The user asked to stop (^C or SIGTERM); `left` says what is left as it is."""

    exit_code = ExitCode.CANCELLED

    def __init__(self, left: str | None = None) -> None:
        super().__init__(
            "stopped, as you asked",
            code="cancelled",
            hint="the same command goes on from here",
            detail=(left,) if left else (),
        )
