"""Processes of this machine: who they are, who listens on a port, how to end them."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import psutil

# In the environment of every process of a run; what inherits it belongs to the run.
MARK = "DOGCTL_RUN"
PATIENCE_AFTER_KILL = 5.0


@dataclass(frozen=True)
class ProcessId:
    """Who a process is. PIDs are used again, and clocks are set; neither changes this.

    Args:
        pid: its PID.
        started: when it started, in terms that only this boot of the machine gives.
        mark: the value of DOGCTL_RUN in its environment, unique to one run.
    """

    pid: int
    started: str
    mark: str


def start_mark(pid: int) -> str | None:
    """When a running process started; None if there is none (a zombie does not run)."""
    with suppress(psutil.Error, OSError, IndexError, ValueError):
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if sys.platform != "linux":
            return f"{process.create_time():.2f}"
        # psutil counts from the boot time, which moves when the clock is set. See proc(5).
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}/{ticks}"
    return None


def is_running(process: ProcessId) -> bool:
    return start_mark(process.pid) == process.started


def members(leader: ProcessId) -> list[psutil.Process]:
    """What runs of a run: its leader, the leader's session, and all that carries its mark.

    Once the leader has died, its PID and session may be somebody else's: then the mark decides.
    """
    led = is_running(leader)
    return [
        process
        for process in psutil.process_iter()
        if ((led and _session(process.pid) == leader.pid) or _mark(process) == leader.mark)
        and start_mark(process.pid) is not None
    ]


def stop(leader: ProcessId, grace: float, pause: Callable[[float], None] = sleep) -> int:
    """End a run: SIGTERM to its leader, then to what it leaves; after `grace` seconds SIGKILL.

    Answers how many processes there were. `pause` waits some seconds, and may raise to give up.
    """
    found = members(leader)
    deadline = monotonic() + grace
    asked: set[int] = set()
    while (left := members(leader)) and monotonic() < deadline:
        # A server's leader ends its workers itself; only what it leaves behind is ours to ask.
        addressed = [leader.pid] if is_running(leader) else [process.pid for process in left]
        for pid in set(addressed) - asked:
            _signal(pid, signal.SIGTERM)
        asked.update(addressed)
        pause(0.05)
    for process in members(leader):
        _signal(process.pid, signal.SIGKILL)
    deadline = monotonic() + PATIENCE_AFTER_KILL
    while members(leader) and monotonic() < deadline:
        pause(0.02)
    return len(found)


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there. Raises PermissionError for a privileged port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except PermissionError:
            raise
        except OSError:
            return False
    return True


def listener(port: int) -> str | None:
    """Who listens on a port, as `name (PID n)`, as far as we may see it."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr
            if listens and listens.port == port and connection.pid is not None:
                return f"{psutil.Process(connection.pid).name()} (PID {connection.pid})"
    return None


def _session(pid: int) -> int | None:
    with suppress(OSError):
        return os.getsid(pid)
    return None


def _mark(process: psutil.Process) -> str | None:
    with suppress(psutil.Error, OSError):
        return process.environ().get(MARK)
    return None


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
