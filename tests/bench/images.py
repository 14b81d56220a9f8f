"""build, smoke test and push, against the shell script that people write for the same work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.commands import DOGCTL, seconds
from tests.bench.table import Row
from tests.conftest import REPOSITORY
from tests.testbed.engine import Engine, engine
from tests.testbed.ports import free_port

TITLE = "build + smoke + push, over docker build && push && compose up --wait && curl && down"
ROUNDS = 3
SCRIPT = """
set -e
docker build --quiet --tag $IMAGE .
docker push --quiet $IMAGE
docker compose up --wait --no-build
curl --fail --silent --output /dev/null http://127.0.0.1:$FLASK_PORT/
docker compose down --volumes
"""
OURS = f"""
set -e
{DOGCTL} build
{DOGCTL} push --candidate & pushing=$!
{DOGCTL} smoke
wait $pushing
{DOGCTL} push
"""
# The processor seconds of this one process, on the last line of stderr.
MEASURED = """
import resource, sys
try:
    {work}
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(used.ru_utime + used.ru_stime, file=sys.__stderr__)
"""
LIBRARIES = "import docker, requests, rich.console, rich.live, rich.spinner, rich.table, typer"
COMMAND = "from dogctl.__main__ import main; main()"
PARTS = (
    ".dockerignore",
    "Dockerfile",
    "compose.yaml",
    "prometheus.yml",
    "pyproject.toml",
    "requirements",
    "templates",
    "webapp",
)


def measure_images(folder: Path) -> Iterator[Row]:
    """Ratios of medians, in turn: a one-line change to the app, then nothing changed."""
    with engine() as docker:
        if docker.registry is None:
            return
        scripted = _Copy(folder / "script", docker)
        ours = _Copy(folder / "dogctl", docker)
        scripted.run(SCRIPT), ours.run(OURS)
        changed, same = [], []
        for number in range(ROUNDS):
            for copy in (scripted, ours):
                copy.change(number)
            changed.append((ours.run(OURS), scripted.run(SCRIPT)))
            same.append((ours.run(OURS), scripted.run(SCRIPT)))
        ours.change(ROUNDS)
        bare = ours.processor(LIBRARIES)
        commands = (("build",), ("smoke",), ("push",))
        used = {words: ours.processor(COMMAND, *words) - bare for words in commands}
    for name, rounds, goal in (
        ("a one-line change", changed, "at most 0.8"),
        ("nothing changed", same, "at most 0.25"),
    ):
        dogctl, script = (median(column) for column in zip(*rounds, strict=True))
        yield Row(f"{name}, the script", script, "s")
        yield Row(f"{name}, dogctl", dogctl, "s")
        yield Row(f"{name}, dogctl / script", dogctl / script, "x", goal)
    for words, own in used.items():
        name = f"processor time of dogctl {' '.join(words)}"
        yield Row(name, own * 1000, "ms", "at most 150, beyond the imports")


class _Copy:
    """A clone of the app with an image of its own."""

    def __init__(self, root: Path, docker: Engine) -> None:
        self.root = root
        self._docker = docker
        root.mkdir()
        for part in PARTS:
            source = REPOSITORY / part
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, root / part)
        # No more checks than the script makes.
        settings = root / "pyproject.toml"
        checks = re.compile(r"^checks = \[.*?^\]", re.DOTALL | re.MULTILINE)
        settings.write_text(checks.sub('checks = [{ path = "/" }]', settings.read_text()))
        (root / ".gitignore").write_text(".dogctl/\n__pycache__/\n")
        repository = f"{docker.registry}/bench/{root.name}"
        self._environ = {
            **docker.environ,
            "DOCKER_REPO": repository,
            "IMAGE": f"{repository}:latest",
            "APP_IMAGE": f"{repository}:latest",
            "COMPOSE_PROJECT_NAME": f"bench-{root.name}",
            "FLASK_PORT": str(free_port()),
        }
        self._git("init", "--quiet")
        self._commit()

    def change(self, number: int) -> None:
        """One more line in the app, committed."""
        with (self.root / "webapp" / "probe.py").open("a") as file:
            file.write(f"# {number}\n")
        self._commit()

    def run(self, script: str) -> float:
        """Run a script where the engine's ports are published; its seconds."""
        argv = self._docker.command("env", f"--chdir={self.root}", "sh", "-c", script)
        return seconds(tuple(argv), self._environ, self.root)

    def processor(self, work: str, *words: str) -> float:
        """The processor seconds of a Python that does this work, without what it starts."""
        code = MEASURED.format(work=work)
        argv = self._docker.command(
            "env", f"--chdir={self.root}", sys.executable, "-c", code, *words
        )
        environ = {**os.environ, **self._environ}
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=True)
        return float(done.stderr.splitlines()[-1])

    def _commit(self) -> None:
        self._git("add", ".")
        self._git("commit", "--quiet", "--message", "change")

    def _git(self, *words: str) -> None:
        identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.com")
        subprocess.run(["git", *identity, *words], cwd=self.root, env=os.environ, check=True)
