"""The production server: Granian, chosen by the measurements in docs/server.md.

Three levels of processes. The main one keeps the ledger of visits and passes signals on. It forks
Granian's own main process before it starts a thread, and that one forks the workers and replaces
those that die.
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import math
import multiprocessing
import os
import shutil
import signal
import socket
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import MPServer

from webapp.hub import Hub, HubLedger
from webapp.ledger import Ledger
from webapp.logs import JsonHandler, Log
from webapp.settings import Settings
from webapp.store import ReadyDatabase

if TYPE_CHECKING:
    from webapp.edge import WsgiApp

CRASH_CODE = 70
BACKLOG = 1024
# Visits take WEB_THREADS at most, so these go on answering while a database hangs.
THREADS_FOR_PROBES = 3
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
HEADER_MILLISECONDS = 5000
"""How long the head of a request may take, so that half a one does not hold up a stop."""
FOLDER_PREFIX = "dogapp-"
ALIVE = "alive"
FRESH_SECONDS = 5
"""Between making the file and its lock; such a folder is no dead server's."""


class ListenError(Exception):
    """The address is taken or not this machine's."""


def serve(settings: Settings, log: Log) -> int:
    """Serve until SIGTERM or SIGINT; requests under way are answered first. Returns the exit code.

    Raises ListenError.
    """
    check_address(settings)
    with private_folder() as folder:
        hub = Hub(folder / "hub", Ledger(ReadyDatabase(settings.database, pool_size=1).connect))
        # A signal between the fork and the handlers waits for them.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        granian = multiprocessing.get_context("fork").Process(
            target=_run_granian, args=(settings, log, folder, os.getpid())
        )
        granian.start()
        asked_to_stop = False

        def stop(*_: object) -> None:
            nonlocal asked_to_stop
            asked_to_stop = True
            granian.terminate()

        for number in STOP_SIGNALS:
            signal.signal(number, stop)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        hub.start()
        if settings.faults.crash:
            granian.join(settings.faults.crash)
            if granian.is_alive() and not asked_to_stop:
                log.event("error", "crash", reason="fault")
                granian.kill()
                return CRASH_CODE
        granian.join()
        hub.close()
        # A stop that comes before Granian has its handlers ends it by the signal.
        return 1 if granian.exitcode and not asked_to_stop else 0


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder of this server's own. What servers that were killed left is removed first."""
    _remove_dead_folders()
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
    # Inherited by all processes of this server: the lock is free when the last one is gone.
    alive = os.open(folder / ALIVE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(alive, fcntl.LOCK_EX)
        yield folder
    finally:
        _remove(folder)
        os.close(alive)


def _remove_dead_folders() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        with suppress(OSError):
            state = folder.lstat()
            if stat.S_ISDIR(state.st_mode) and state.st_uid == os.geteuid() and _is_dead(folder):
                _remove(folder)


def _is_dead(folder: Path) -> bool:
    """Whether its server is gone. Raises OSError for the folder of a living one."""
    # One without the file may be that of a server that starts this moment.
    file = os.open(folder / ALIVE, os.O_RDWR | os.O_NOFOLLOW)
    try:
        age = time.time() - os.fstat(file).st_mtime
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return age > FRESH_SECONDS
    finally:
        os.close(file)


def _remove(folder: Path) -> None:
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        # A worker that is about to end made another file meanwhile.
        time.sleep(0.02)


def check_address(settings: Settings) -> None:
    """Raise ListenError when the port is in use: workers share it, so they would not notice."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
            probe.listen(1)
        except OSError as error:
            place = f"{settings.host}:{settings.port}"
            raise ListenError(f"cannot listen on {place}: {error.strerror or error}") from None


def _run_granian(settings: Settings, log: Log, folder: Path, parent: int) -> None:
    _stop_by_default()
    _die_with(parent)
    # What Granian starts its workers with; no longer the default on Linux since Python 3.14.
    multiprocessing.set_start_method("fork", force=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    # Imported here, once the metrics know their folder and before the workers are forked.
    import webapp.app  # noqa: F401

    os.register_at_fork(
        before=partial(signal.pthread_sigmask, signal.SIG_BLOCK, STOP_SIGNALS),
        after_in_parent=partial(signal.pthread_sigmask, signal.SIG_UNBLOCK, STOP_SIGNALS),
        after_in_child=_stop_by_default,
    )
    server = make_server(settings, log)
    place = {"host": settings.host, "port": settings.port, "pid": parent}
    server.on_startup(partial(log.event, "info", "server_start", version=settings.version, **place))
    server.on_shutdown(partial(log.event, "info", "server_stop", **place))
    loader = partial(_load, settings, log, folder, os.getpid())
    try:
        server.serve(target_loader=loader, wrap_loader=False)
    finally:
        # For the case that the main process was killed.
        _remove(folder)


def make_server(settings: Settings, log: Log) -> MPServer:
    """Granian, set up but not started."""
    return MPServer(
        "webapp",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads + THREADS_FOR_PROBES,
        backlog=BACKLOG,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS),
        log_level=LogLevels.error,
        log_dictconfig={
            "handlers": {"json": {"()": JsonHandler, "log": log}},
            "loggers": {"_granian": {"handlers": ["json"], "propagate": False}},
        },
        respawn_failed_workers=True,
        workers_kill_timeout=math.ceil(settings.stop_timeout),
    )


def _stop_by_default() -> None:
    """In a fork: inherited handlers would swallow a signal that comes before it has its own."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


def _load(settings: Settings, log: Log, folder: Path, parent: int) -> WsgiApp:
    """Make the app in a worker process."""
    from webapp.app import create_app

    _die_with(parent)
    threading.Thread(target=_flush_at_the_end, args=(log,), name="flush").start()
    app = create_app(settings, log, HubLedger(folder / "hub").add)
    # A worker that knows the pictures lets its first visitors wait for a database that goes away.
    threading.Thread(target=app.library.read_when_possible, name="pictures", daemon=True).start()
    # What lives as long as the worker need not be looked at by every collection of garbage.
    gc.collect()
    gc.freeze()
    return app


def _flush_at_the_end(log: Log) -> None:
    """Write a worker's last lines. `atexit` does not run in forked processes."""
    threading.main_thread().join()
    log.flush()


def _die_with(parent: int) -> None:
    """Have this process stopped when its parent is gone, however that ended (Linux)."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)
