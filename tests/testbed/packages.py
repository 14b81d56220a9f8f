"""Packages of a Debian suite, downloaded and checked by apt, without installing anything.

A suite has a folder of its own for apt, with its package lists and an empty list of installed
packages, so the answers do not depend on what this machine has.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.testbed.cache import folder, locked
from tests.testbed.debian import MissingPackages

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
INSTALLED = re.compile(r"^Inst (\S+) \((\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Package:
    """What apt would install."""

    name: str
    version: str


@dataclass(frozen=True)
class Suite:
    """A Debian suite by its name: `trixie`, `sid`."""

    name: str

    def closure(self, *names: str) -> list[Package]:
        """The packages and all they depend on, recommendations left out."""
        answer = self._apt("install", "--simulate", "--no-install-recommends", *names)
        return [Package(*found) for found in INSTALLED.findall(answer)]

    def download(self, names: list[str], into: Path) -> list[Path]:
        """Download just these packages, checked against the suite's signature, as .deb files."""
        into.mkdir(parents=True, exist_ok=True)
        self._apt("download", *names, cwd=into)
        return sorted(into.glob("*.deb"))

    def _apt(self, *words: str, cwd: Path | None = None) -> str:
        return run([*apt(self.name), *words], cwd)


def refresh(*suites: str) -> None:
    """Renew the package lists of several suites at the same time. Raises MissingPackages."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(apt, suites))


@cache
def apt(suite: str) -> tuple[str, ...]:
    """apt-get for that suite, whose package lists are renewed once per process."""
    home = folder() / f"apt-{suite}"
    for name in ("lists/partial", "cache/archives/partial"):
        (home / name).mkdir(parents=True, exist_ok=True)
    (home / "status").touch()
    (home / "sources").write_text(f"deb [signed-by={KEYRING}] {mirror()} {suite} main\n")
    settings = {
        "Dir::Etc::SourceList": home / "sources",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "Dir::State::Lists": home / "lists",
        "Dir::State::Status": home / "status",
        "Dir::Cache": home / "cache",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "APT::Default-Release": suite,
        "APT::Get::Assume-Yes": "true",
        "APT::Sandbox::User": "root",  # its own user cannot write in a private folder
        "Debug::NoLocking": "true",
    }
    options = [f"--option={name}={value}" for name, value in settings.items()]
    command = ("apt-get", *options, "--quiet")
    with locked(home.name):
        run([*command, "update"])
    return command


@cache
def own_suite() -> str:
    """The suite of this machine, `bookworm` or later. Raises MissingPackages."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    if release.get("ID") != "debian" or int(release.get("VERSION_ID", "99")) < 12:
        raise MissingPackages("a Docker engine of its own needs Debian 12 or later")
    return release["VERSION_CODENAME"]


def mirror() -> str:
    """Where this machine gets its own Debian packages from. Raises MissingPackages."""
    targets = ["apt-get", "indextargets", "--format", "$(RELEASE) $(SITE)", "Created-By: Packages"]
    for line in run(targets).splitlines():
        release, site = line.split()
        if release == own_suite():
            return site
    raise MissingPackages("apt has no source for Debian's packages")


def unpack(packages: list[Path], into: Path) -> None:
    """Unpack the files of .deb packages over each other."""
    for package in packages:
        run(["dpkg-deb", "--extract", str(package), str(into)])


def run(command: list[str], cwd: Path | None = None) -> str:
    """The output of a program of Debian's. Raises MissingPackages with what it complained of."""
    if not shutil.which(command[0]):
        raise MissingPackages(f"needs Debian's {command[0]}")
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingPackages(f"{' '.join(command)}: {done.stderr.strip()[-800:]}")
    return done.stdout
