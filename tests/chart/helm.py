"""The chart, rendered by a real helm without a cluster."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.chart.readme import CHART
from tests.testbed.cluster.builds import BUILDS

RELEASE = "web"
Things = dict[tuple[str, str], dict[str, Any]]


class RefusedError(Exception):
    """What helm says of values that it does not take."""


@dataclass(frozen=True)
class Helm:
    """A helm of some version."""

    program: Path

    def render(self, values: Mapping[str, Any] | None = None, *words: str) -> str:
        """The manifest for these values. Raises RefusedError."""
        return self.run("template", RELEASE, str(CHART), "--values=-", *words, values=values)

    def lint(self, *words: str) -> str:
        """What helm thinks of the chart. Raises RefusedError."""
        return self.run("lint", "--strict", str(CHART), *words)

    def run(self, *words: str, values: Mapping[str, Any] | None = None) -> str:
        """Run it with values on stdin. Raises RefusedError."""
        done = subprocess.run(
            [self.program, *words],
            input=json.dumps(values or {}),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RefusedError(done.stderr or done.stdout)
        return done.stdout

    def things(self, values: Mapping[str, Any] | None = None, *words: str) -> Things:
        """The same by kind and name. Raises RefusedError."""
        found = filter(None, yaml.safe_load_all(self.render(values, *words)))
        return {(thing["kind"], thing["metadata"]["name"]): thing for thing in found}


def helm(name: str = "helm") -> Helm:
    """`helm` or `helm4`, compiled if this is the first time. Raises MissingPackages."""
    return Helm(next(build.program() for build in BUILDS if build.name == name))
