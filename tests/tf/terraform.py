"""A copy of tf/ that real Terraform works in, so that it leaves nothing in the repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import REPOSITORY

TF = REPOSITORY / "tf"
# Made by Terraform; a lock file has the checksums of the real providers, not of the stand-ins.
LEFT_OUT = shutil.ignore_patterns(".terraform*", "*.tfstate*")
FOLDERS = sorted({str(path.parent.relative_to(TF)) for path in TF.rglob("*.tf")})
ROOTS = [name for name in FOLDERS if not name.startswith("modules/")]


@dataclass(frozen=True)
class Done:
    """A finished Terraform: its exit code and all it said."""

    code: int
    said: str


@dataclass(frozen=True)
class Copy:
    """A module or root of tf/, with the others and the chart beside it."""

    folder: Path
    environ: Mapping[str, str]

    def run(self, *words: str, stdin: str = "") -> Done:
        """Run Terraform in it."""
        done = subprocess.run(
            ["terraform", f"-chdir={self.folder}", *words],
            env={**os.environ, **self.environ},
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout)

    def do(self, *words: str, stdin: str = "") -> str:
        """The same, where it has to succeed."""
        done = self.run(*words, stdin=stdin)
        assert done.code == 0, done.said
        return done.said

    def planned(self, test: str, *words: str) -> dict[str, Any]:
        """The plan, and the schemas, of the only run of a test file."""
        said = self.do("test", "-json", "-verbose", f"-filter=tests/{test}.tftest.hcl", *words)
        (plan,) = (message["test_plan"] for message in messages(said) if "test_plan" in message)
        found: dict[str, Any] = plan
        return found


def messages(said: str) -> Iterator[dict[str, Any]]:
    """What Terraform says with `-json`, message by message."""
    return (json.loads(line) for line in said.splitlines())


def copy(name: str, into: Path, environ: Mapping[str, str]) -> Copy:
    """A copy of a module or root, initialised as anybody would do it."""
    shutil.copytree(TF, into / "tf", ignore=LEFT_OUT)
    shutil.copytree(REPOSITORY / "charts", into / "charts")
    made = Copy(into / "tf" / name, environ)
    made.do("init", "-input=false", "-no-color")
    return made
