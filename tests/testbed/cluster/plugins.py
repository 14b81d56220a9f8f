"""The network plugins of pods, from Debian's packages."""

from __future__ import annotations

from pathlib import Path

from tests.testbed import cache
from tests.testbed.packages import Suite, unpack
from tests.testbed.programs import SUITE
from tests.testbed.stages import stage

PACKAGE = "containernetworking-plugins"


def folder() -> str:
    """Its name in the cache."""
    return f"plugins-{cache.key(SUITE, PACKAGE)}"


def plugins() -> Path:
    """The folder with the plugins, downloaded if this is the first time.

    Raises MissingPackages.
    """
    return cache.once(folder(), make) / "usr/lib/cni"


def make(into: Path) -> None:
    """Fill the folder."""
    with stage("downloading network plugins for pods"), cache.scratch() as downloads:
        packages = Suite(SUITE).download([PACKAGE], downloads)
        unpack(packages, into)
        (into / "versions").write_text("".join(f"{path.stem}\n" for path in packages))
