"""The one JSON object that `--json` prints, also on failure."""

from __future__ import annotations

import json
from typing import Any

from dogctl.answer import Json
from dogctl.errors import DogctlError, ExitCode

VERSION = 1


def envelope(
    command: str,
    exit_code: int,
    data: Json | None = None,
    error: Json | None = None,
) -> dict[str, Any]:
    """`version` changes when a field is removed or changes its meaning, not when one is added."""
    return {
        "version": VERSION,
        "command": command,
        "ok": exit_code in (ExitCode.DONE, ExitCode.CHANGES),
        "exit_code": int(exit_code),
        "data": data,
        "error": error,
    }


def error_fields(error: DogctlError) -> dict[str, Any]:
    return {
        "code": error.code,
        "message": error.message,
        "where": error.where,
        "hint": error.hint,
        "detail": list(error.detail),
    }


def dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
