"""A project whose dogctl runs where the ports are that a real engine's containers publish."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.dogctl.conftest import Done, Project
from tests.eventually import eventually
from tests.testbed.engine import Engine
from tests.testbed.ports import free_port


class EngineProject(Project):
    """A project folder on an engine."""

    def __init__(self, root: Path, docker: Engine) -> None:
        super().__init__(root)
        self.docker = docker
        with docker.network():
            self.port = free_port()

    def argv(self, *words: str) -> list[str]:
        return self.docker.command("env", f"--chdir={self.root}", *super().argv(*words))

    def environ(self, **variables: str) -> dict[str, str]:
        return super().environ(**{**self.docker.environ, **variables})

    def dogctl(self, *words: str, stdin: str | None = None, **variables: str) -> Done:
        done = super().dogctl(*words, stdin=stdin, **variables)
        assert "Traceback" not in done.err
        return done

    @contextmanager
    def start(
        self, *words: str, **variables: str
    ) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
        """dogctl in the background: what to wait for, and the process itself."""
        with subprocess.Popen(
            self.argv(*words),
            cwd=self.root,
            env=self.environ(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as outer:
            process = psutil.Process(outer.pid)
            if self.docker.namespaces:
                eventually(lambda: bool(process.children()))
                process = process.children()[0]
            try:
                yield outer, process
            finally:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
