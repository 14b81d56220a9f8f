"""What a cluster is made of, in the cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.testbed.cluster import iproute, plugins
from tests.testbed.cluster.builds import BUILDS
from tests.testbed.programs import Programs, programs


@dataclass(frozen=True)
class Parts:
    """What a cluster is made of.

    The programs of the engine, those made for the cluster, the network plugins of pods, and `ip`.
    """

    programs: Programs
    built: Mapping[str, Path]
    plugins: Path
    iproute: Programs

    def __getitem__(self, name: str) -> str:
        """The path of a program made for the cluster."""
        return str(self.built[name])


def parts() -> Parts:
    """All parts, compiled and downloaded if this is the first time, which takes minutes.

    Raises MissingPackages.
    """
    built = {build.name: build.program() for build in BUILDS}
    return Parts(programs(), built, plugins.plugins(), iproute.iproute())


def folders() -> set[str]:
    """The names of their folders in the cache."""
    return {plugins.folder(), iproute.folder(), *(build.folder for build in BUILDS)}
