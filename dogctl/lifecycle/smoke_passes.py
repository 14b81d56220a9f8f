"""Smoke tests that were passed, by what they were passed with; may be lost at any time."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dogctl.lifecycle.smoke_checks import Finding

KEPT = 20


@dataclass(frozen=True)
class Pass:
    """One pass: when, as ISO 8601, and what was found."""

    when: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Passes:
    """A file of passes, newest last."""

    file: Path

    def find(self, key: str) -> Pass | None:
        """The pass for exactly this, if it is remembered."""
        try:
            found = self._read()[key]
            return Pass(found["when"], tuple(Finding(**each) for each in found["checks"]))
        except (KeyError, TypeError):
            return None

    def remember(self, key: str, findings: Sequence[Finding]) -> None:
        """Add a pass, and forget the oldest."""
        others = {k: v for k, v in self._read().items() if k != key}
        when = datetime.now(UTC).isoformat(timespec="seconds")
        others[key] = {"when": when, "checks": [each.as_data() for each in findings]}
        self.file.parent.mkdir(mode=0o700, exist_ok=True)
        draft = self.file.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(dict(list(others.items())[-KEPT:])))
        draft.replace(self.file)

    def _read(self) -> dict[str, Any]:
        try:
            value = json.loads(self.file.read_bytes())
        except (OSError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}
