"""A bug in dogctl: a short notice for the user, the traceback in a file."""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

from dogctl.errors import DogctlError, ExitCode


class BugError(DogctlError):
    """Not the user's fault."""

    exit_code = ExitCode.BUG


def bug_error(error: Exception, redact: Callable[[str], str]) -> BugError:
    """Save the traceback and describe it."""
    trace = redact("".join(traceback.format_exception(error)))
    return BugError(
        f"a bug in dogctl: {type(error).__name__}: {error}",
        code="bug",
        where=str(_save(trace)),
        hint="report it with that file, which holds the traceback",
    )


def _save(trace: str) -> Path:
    descriptor, path = tempfile.mkstemp(prefix="dogctl-bug-", suffix=".log")
    with os.fdopen(descriptor, "w") as file:
        file.write(trace)
    return Path(path)
