"""The part of an engine's namespaces where a node runs: all of it ends at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.testbed import cache
from tests.testbed.cluster import addresses
from tests.testbed.cluster.node import TUNABLES
from tests.testbed.namespaces import UNSHARE, Namespaces, first_process
from tests.testbed.programs import Programs
from tests.testbed.services import environ
from tests.testbed.stages import say

# The words are the node's /var, a folder with a file for each tunable, and the addresses of
# services. What kube-proxy has not led elsewhere would leave for the network of this machine.
FIRST_PROCESS = """
set -eu
mount --bind "$1" /var
for file in $(cd "$2" && find . -type f); do
    mount --bind "$2/$file" "/proc/sys/$file"
done
iptables --wait --table mangle --append POSTROUTING --destination "$3" --jump DROP
echo
exec tini -- sleep infinity
"""


@contextmanager
def inside(
    outer: Namespaces, folder: Path, programs: Programs, *, own_network: bool = False
) -> Iterator[Namespaces]:
    """New namespaces in those of an engine, with its network or one of their own.

    They are killed at the end.
    """
    var = folder / "var"
    for name in ("lib", "log", "tmp"):
        (var / name).mkdir(parents=True)
    (var / "run").symlink_to("/run")
    tunables = folder / "tunables"
    for name, value in TUNABLES.items():
        (tunables / name).parent.mkdir(parents=True, exist_ok=True)
        (tunables / name).write_text(f"{value}\n")
    words = (str(var), str(tunables), addresses.SERVICES)
    network = ["--net"] if own_network else []
    command = outer.command(*UNSHARE, *network, "sh", "-c", FIRST_PROCESS, "sh", *words)
    with first_process(command, environ(programs), generation=2) as first:
        yield Namespaces(first)


@contextmanager
def cgroup(name: str) -> Iterator[str]:
    """A control group in each hierarchy of this machine, removed at the end with all below.

    Answers with its name.
    """
    for top in hierarchies():
        group = top
        for part in Path(name).parts:
            delegate(group)
            group /= part
            group.mkdir(exist_ok=True)
    try:
        yield name
    finally:
        try:
            cache.remove_cgroups(name)
        except OSError as error:
            say(f"left for the end of the engine: {error}")


def hierarchies() -> list[Path]:
    """One with version 2 of control groups, otherwise one for each kind of resource."""
    if (cache.CGROUPS / "cgroup.controllers").exists():
        return [cache.CGROUPS]
    return [path for path in cache.CGROUPS.iterdir() if path.is_dir() and not path.is_symlink()]


def delegate(group: Path) -> None:
    """Let groups below have whatever this one has; version 1 does so by itself."""
    controllers = group / "cgroup.controllers"
    if controllers.exists():
        words = [f"+{name}" for name in controllers.read_text().split()]
        (group / "cgroup.subtree_control").write_text(" ".join(words))
