"""What an engine that has ended would leave behind on this machine."""

from __future__ import annotations

from pathlib import Path

from tests.testbed import cache


def processes_in(network: str) -> list[str]:
    """The processes in a network namespace."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if str((path / "ns" / "net").readlink()) == network:
                found.append(path.name)
        except OSError:
            continue
    return found


def left_of(folder: Path) -> list[str]:
    """Processes with files in the folder of a run, its mounts, control groups, and itself."""
    name = str(folder).encode()
    programs = [
        path.parent.name for path in Path("/proc").glob("[0-9]*/cmdline") if name in content(path)
    ]
    mounts = [line for line in content(Path("/proc/self/mountinfo")).splitlines() if name in line]
    groups = cache.cgroups(f"dogctl-testbed-{folder.name}")
    files = [str(folder)] if folder.exists() else []
    return [*programs, *map(repr, mounts), *map(str, groups), *files]


def content(path: Path) -> bytes:
    """Empty for a process that has just ended."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
