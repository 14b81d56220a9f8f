"""`dogctl doctor`: what is installed, what is missing for which work, and how to get it."""

from __future__ import annotations

import platform
import re
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from dogctl.answer import Answer, Fields, Table, Text
from dogctl.errors import ToolError
from dogctl.tools.runner import LOCAL, Runner

TIMEOUT = 5.0
MISSING = "missing"


@dataclass(frozen=True)
class Program:
    """An external program.

    Args:
        name: as people call it.
        ask: the argv that prints its version.
        use: what it is for.
        get: how to get it.
    """

    name: str
    ask: tuple[str, ...]
    use: str
    get: str


@dataclass(frozen=True)
class Finding:
    """What was found of one part: `version`, or why there is none and how to get it."""

    name: str
    use: str
    version: str | None
    problem: str | None = None
    get: str | None = None


PROGRAMS = (
    Program("git", ("git", "--version"), "versions", "https://git-scm.com/downloads"),
    Program(
        "docker engine",
        ("docker", "version", "--format", "{{.Server.Version}}"),
        "images, the compose stack",
        "https://docs.docker.com/engine/install/",
    ),
    Program(
        "docker compose",
        ("docker", "compose", "version"),
        "the compose stack",
        "https://docs.docker.com/compose/install/",
    ),
    Program(
        "docker buildx",
        ("docker", "buildx", "version"),
        "images",
        "https://docs.docker.com/build/install-buildx/",
    ),
    Program(
        "terraform",
        ("terraform", "version"),
        "infrastructure",
        "https://developer.hashicorp.com/terraform/install",
    ),
    Program(
        "helm", ("helm", "version", "--short"), "releases", "https://helm.sh/docs/intro/install/"
    ),
    Program(
        "kubectl",
        ("kubectl", "version", "--client"),
        "looking at a cluster yourself",
        "https://kubernetes.io/docs/tasks/tools/",
    ),
    Program(
        "minikube",
        ("minikube", "version", "--short"),
        "the minikube target",
        "https://minikube.sigs.k8s.io/docs/start/",
    ),
    Program(
        "kind",
        ("kind", "version"),
        "the kind target",
        "https://kind.sigs.k8s.io/docs/user/quick-start/",
    ),
)


def doctor(runner: Runner = LOCAL) -> Answer:
    """Look at every part at the same time. `up` needs only what is built in."""
    with ThreadPoolExecutor(max_workers=len(PROGRAMS)) as pool:
        programs = list(pool.map(lambda program: _look(program, runner), PROGRAMS))
    findings = [*_built_in(), *programs]
    rows = tuple((f.name, f.version or MISSING, f.use) for f in findings)
    missing = [f for f in findings if f.version is None]
    summary = "dogctl up needs nothing more."
    if missing:
        summary += " For other work these are missing:"
    advice = tuple((f.name, f"{f.problem}\n{f.get}") for f in missing)
    return Answer(
        {"parts": [asdict(f) for f in findings]},
        (Table(("PART", "VERSION", "FOR"), rows), Text(""), Text(summary), Fields(advice)),
    )


def _built_in() -> tuple[Finding, ...]:
    return (
        Finding("python", "everything", platform.python_version()),
        Finding("sqlite", "dogctl up without a database server", sqlite3.sqlite_version),
    )


def _look(program: Program, runner: Runner) -> Finding:
    def missing(problem: str) -> Finding:
        return Finding(program.name, program.use, None, problem, program.get)

    if shutil.which(program.ask[0]) is None:
        return missing(f"{program.ask[0]} is not on the PATH")
    try:
        done = runner.run(program.ask, timeout=TIMEOUT)
    except ToolError as error:
        return missing(error.message)
    found = re.search(r"v?(\d+\.\d+[\w.+-]*)", done.stdout.decode(errors="replace"))
    if done.code != 0 or found is None:
        complaints = done.stderr.strip().splitlines()
        return missing(complaints[0] if complaints else f"it ends with exit code {done.code}")
    return Finding(program.name, program.use, found[1])
