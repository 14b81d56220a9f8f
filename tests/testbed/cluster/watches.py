"""Room for the programs of a cluster to watch their files, of which Linux has little at first.

Without it they do not start, or do not see what changes; who is late waits for others to end.
"""

from __future__ import annotations

import time
from pathlib import Path

from tests.testbed.stages import say

LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
CLUSTER, NODE = 24, 10
WAIT_SECONDS = 300


def wait_for_room(count: int) -> None:
    """Return as soon as so many more may be opened. Raises RuntimeError if that is never so."""
    deadline = time.monotonic() + WAIT_SECONDS
    limit = int(LIMIT.read_text())
    while limit - used() < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"a cluster needs {count} more of fs.inotify.max_user_instances")
        say(f"waiting: {used()} of {limit} fs.inotify.max_user_instances are in use")
        time.sleep(5)


def used() -> int:
    """How many processes and their threads have now."""
    return sum(is_one(path) for path in Path("/proc").glob("[0-9]*/fd/*"))


def is_one(path: Path) -> bool:
    """Whether an open file is one; not if it has just been closed."""
    try:
        return str(path.readlink()).endswith("anon_inode:inotify")
    except OSError:
        return False
