"""What BuildKit tells while it builds, as lines for people, and what it says when it fails."""

from __future__ import annotations

import base64
import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

LINES = 20
# Steps of BuildKit's own; nobody has written them.
INTERNAL = "[internal]"
BASE_IMAGE = "[internal] load metadata for "
# `#7 [build 2/5] RUN make`, `#7 0.312 what make says`, `#7 ERROR: its end`
PLAIN = re.compile(r"#(\d+) (.*)")
PLAIN_LOG = re.compile(r"\d+\.\d+ (.*)")
PLAIN_ERROR = "ERROR: "


@dataclass
class Stage:
    """One step of a build: `[build 2/5] RUN make`."""

    name: str = ""
    told: str = ""
    error: str = ""
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LINES))

    @property
    def label(self) -> str:
        """Its place in the build, as in `[build 2/5]`."""
        head, bracket, _ = self.name.partition("]")
        return head + bracket if bracket else self.name


class BuildProgress:
    """Follows the output of buildx, whether `--progress=rawjson` or `plain`.

    JSON objects come on one line each or, from buildx 0.13, spread over lines; whatever else it
    prints is text. The objects are BuildKit's SolveStatus:
    https://pkg.go.dev/github.com/moby/buildkit/client#SolveStatus
    """

    def __init__(self) -> None:
        self._stages: dict[str, Stage] = {}
        self._open: list[str] = []
        self._texts: deque[str] = deque(maxlen=2 * LINES)
        self._plain = True

    @property
    def failed(self) -> Stage | None:
        """The step that failed, if it is known which."""
        # One that was cut short because of another failure is told with an error as well.
        failed = [each for each in self._stages.values() if each.error]
        real = [each for each in failed if "context canceled" not in each.error]
        return next(iter([*real, *failed]), None)

    @property
    def text(self) -> tuple[str, ...]:
        """The last lines that are of no step: the complaint."""
        return tuple(self._texts)

    def hear(self, line: str) -> list[str]:
        """Take in a line; answers what there is to tell."""
        if not self._open and not line.startswith("{"):
            if told := PLAIN.fullmatch(line):
                self._read_plain(told[1], told[2])
            elif line.strip():
                self._texts.append(line)
            # After JSON it is the complaint, which is told with the error.
            return [line] if line.strip() and self._plain else []
        self._open.append(line)
        if not line.startswith("}") and not (line.startswith("{") and line.endswith("}")):
            return []
        text, self._open, self._plain = "\n".join(self._open), [], False
        try:
            return list(self._read(json.loads(text)))
        except ValueError:
            self._texts.extend(text.splitlines())
            return []

    def _read(self, status: dict[str, Any]) -> Iterator[str]:
        for vertex in status.get("vertexes") or ():
            yield from self._vertex(vertex)
        for log in status.get("logs") or ():
            stage = self._stages.setdefault(log["vertex"], Stage())
            text = base64.b64decode(log.get("data") or "").decode(errors="replace")
            for line in text.split("\n"):
                # A progress bar overwrites itself.
                if last := line.rstrip().rpartition("\r")[2]:
                    stage.lines.append(last)
                    yield f"{stage.label} {last}"

    def _read_plain(self, number: str, text: str) -> None:
        stage = self._stages.setdefault(number, Stage(name=text))
        if text.startswith(PLAIN_ERROR):
            stage.error = text.removeprefix(PLAIN_ERROR)
        elif said := PLAIN_LOG.fullmatch(text):
            stage.lines.append(said[1])

    def _vertex(self, vertex: dict[str, Any]) -> Iterator[str]:
        stage = self._stages.setdefault(vertex["digest"], Stage())
        stage.name = " ".join(vertex.get("name", "").split()) or stage.name
        stage.error = vertex.get("error") or stage.error
        if not vertex.get("started") or stage.name.startswith(INTERNAL):
            return
        telling = f"{stage.name} (cached)" if vertex.get("cached") else stage.name
        if telling != stage.told and not (stage.told and telling == stage.name):
            stage.told = telling
            yield telling
