"""Ending processes by their ids."""

from __future__ import annotations

import time
from collections.abc import Iterable

import psutil


def kill_all(processes: Iterable[psutil.Process], seconds: float = 10) -> None:
    """Kill processes and wait until none of them runs.

    A zombie does not run: those of a killed parent are left to the init process.
    """
    left = list(processes)
    for process in left:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    deadline = time.monotonic() + seconds
    while left := [process for process in left if is_alive(process)]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"still running: {left}")
        time.sleep(0.01)


def is_alive(process: psutil.Process) -> bool:
    """Whether the process still runs, as the same one."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def tree_of(pid: int) -> list[psutil.Process]:
    """A process and all its descendants; empty when it is gone."""
    try:
        main = psutil.Process(pid)
        return [main, *main.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
