"""The program that connects networks, `ip`, from Debian's packages."""

from __future__ import annotations

from pathlib import Path

from tests.testbed import cache
from tests.testbed.packages import Suite, own_suite, unpack
from tests.testbed.programs import LIBC, Programs
from tests.testbed.stages import stage

PACKAGE = "iproute2"


def folder() -> str:
    """Its name in the cache."""
    return f"iproute-{cache.key(own_suite(), PACKAGE)}"


def iproute() -> Programs:
    """The program with its libraries, downloaded if this is the first time.

    Raises MissingPackages.
    """
    return Programs(cache.once(folder(), make))


def make(into: Path) -> None:
    """Fill the folder."""
    suite = Suite(own_suite())
    with stage(f"downloading {PACKAGE}"), cache.scratch() as downloads:
        names = [found.name for found in suite.closure(PACKAGE) if found.name not in LIBC]
        packages = suite.download(names, downloads)
        unpack(packages, into)
        (into / "versions").write_text("".join(f"{path.stem}\n" for path in packages))
