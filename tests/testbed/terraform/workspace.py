"""A folder with a configuration, in which tests run Terraform by hand."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

QUIET = ("-input=false", "-no-color")


@dataclass(frozen=True)
class Done:
    """A finished Terraform: exit code and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Workspace:
    """The folder, and what Terraform needs in its environment."""

    folder: Path
    environ: Mapping[str, str]

    def write(self, text: str) -> None:
        """The configuration."""
        (self.folder / "main.tf").write_text(text)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command of Terraform's."""
        return subprocess.Popen(
            ["terraform", *words],
            cwd=self.folder,
            env={**os.environ, **self.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def creating(self, *words: str) -> subprocess.Popen[str]:
        """An apply that has begun to make something. Raises RuntimeError if it makes nothing."""
        process = self.start("apply", "-auto-approve", *QUIET, *words)
        assert process.stdout is not None
        for line in process.stdout:
            if "Creating..." in line:
                return process
        raise RuntimeError(process.communicate()[1])

    def run(self, *words: str) -> Done:
        """Run a command of Terraform's."""
        process = self.start(*words)
        out, err = process.communicate()
        return Done(process.returncode, out, err)

    def do(self, *words: str) -> str:
        """What it prints. Raises AssertionError with what it complained of."""
        done = self.run(*words)
        assert done.code == 0, done.out + done.err
        return done.out

    def fails(self, *words: str) -> str:
        """What it complains of, in one line. Raises AssertionError if it does not."""
        done = self.run(*words)
        assert done.code == 1, done.out
        return " ".join(done.err.replace("│", " ").split())

    def init(self) -> None:
        """`terraform init`."""
        self.do("init", *QUIET)

    def apply(self, *words: str) -> str:
        """`terraform apply`, without a question."""
        return self.do("apply", "-auto-approve", *QUIET, *words)

    def refuses(self, *words: str) -> str:
        """What `terraform apply` complains of."""
        return self.fails("apply", "-auto-approve", *QUIET, *words)

    def destroy(self) -> str:
        """`terraform destroy`, without a question."""
        return self.do("destroy", "-auto-approve", *QUIET)

    def plan(self, *words: str) -> dict[str, list[str]]:
        """What `terraform plan` would do, by address; nothing where nothing changes."""
        self.do("plan", f"-out={self.folder}/plan", *QUIET, *words)
        plan = json.loads(self.do("show", "-json", f"{self.folder}/plan"))
        changes = {each["address"]: each["change"]["actions"] for each in plan["resource_changes"]}
        return {name: actions for name, actions in changes.items() if actions != ["no-op"]}

    def outputs(self) -> dict[str, Any]:
        """The values of the outputs."""
        found = json.loads(self.do("output", "-json"))
        return {name: each["value"] for name, each in found.items()}
