"""Real parts for the tests, from the packages of Debian."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path


class MissingPackages(Exception):  # noqa: N818  # tells a test why it is skipped
    """Packages that are not installed and cannot be; the message says how to get them."""


def ensure(*packages: str) -> None:
    """Install Debian packages, unless they are installed; as root only.

    Raises MissingPackages.
    """
    if not _missing(packages):
        return
    command = f"apt-get install --no-install-recommends {' '.join(packages)}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise MissingPackages(f"needs Debian's {', '.join(packages)}; as root: {command}")
    with (Path(tempfile.gettempdir()) / "dogctl-testbed-apt.lock").open("w") as lock:
        # Two test runs at once would meet on apt's own lock, which fails instead of waiting.
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = _missing(packages)
        if missing:
            _install(missing)


def _missing(packages: tuple[str, ...]) -> list[str]:
    if not shutil.which("dpkg-query"):
        return list(packages)
    query = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *packages]
    answer = subprocess.run(query, capture_output=True, text=True, check=False)
    installed = {line.split()[0] for line in answer.stdout.splitlines() if " installed" in line}
    return [package for package in packages if package not in installed]


def _install(packages: list[str]) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    for command in (["apt-get", "update", "--quiet"], install):
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, check=False, timeout=600
        )
        if done.returncode:
            raise MissingPackages(f"{' '.join(command)}: {done.stderr.strip()[-500:]}")
