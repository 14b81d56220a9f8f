"""The process that keeps a private Docker engine, and cleans up after it.

It is started by tests.testbed.private, which tells it the folder of the run, the data folder and
the programs. It answers with the process id of the namespaces on stdout as soon as everything is
up, and keeps it up until its stdin ends, as it does when the process that started it is gone,
killed or not. There is no other way to end: an engine of tests has nothing to save.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.testbed.cache import Run
from tests.testbed.namespaces import DNS, Namespaces, namespaces
from tests.testbed.programs import Programs
from tests.testbed.services import answers, service, wait
from tests.testbed.stages import stage

REGISTRY = "127.0.0.1:5000"
REGISTRY_SETTINGS = f"""
version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: FOLDER}}
  delete: {{enabled: true}}
  maintenance: {{uploadpurging: {{enabled: false}}}}
http: {{addr: "{REGISTRY}"}}
"""


def main() -> None:
    """Keep an engine; the words are the run's folder, its lock, the data and the programs."""
    folder, lock, data, programs = sys.argv[1:]
    run = Run(Path(folder), int(lock))
    # Not inherited further, or a surviving child would hold the lock.
    os.set_inheritable(run.lock, False)
    try:
        keep(run, Path(data), Programs(Path(programs)))
    finally:
        run.remove()


def keep(run: Run, data: Path, programs: Programs) -> None:
    """Start everything, say so, wait."""
    with ExitStack() as stack:
        with stage("starting namespaces, dockerd and a registry"):
            private = stack.enter_context(namespaces(programs))
            stack.enter_context(dockerd(private, run, data, programs))
            stack.enter_context(registry(private, run, programs))
        print(private.pid, flush=True)
        sys.stdin.read()


@contextmanager
def dockerd(private: Namespaces, run: Run, data: Path, programs: Programs) -> Iterator[None]:
    """The engine, listening on a socket in the run's folder, where those outside reach it."""
    address = run.folder / "docker.sock"
    command = [
        "dockerd",
        f"--host=unix://{address}",
        f"--data-root={data}",
        f"--cgroup-parent=/{run.cgroup}",
        f"--dns={DNS}",
        "--log-level=warn",
    ]
    with service(private, command, run.folder / "dockerd.log", programs) as process:
        wait(process, lambda: answers("/_ping", socket.AF_UNIX, str(address)))
        yield


@contextmanager
def registry(private: Namespaces, run: Run, programs: Programs) -> Iterator[None]:
    """An empty registry, which the engine trusts without TLS since it is on loopback."""
    settings = run.folder / "registry.yml"
    settings.write_text(REGISTRY_SETTINGS.replace("FOLDER", str(run.folder / "registry")))
    command = ["docker-registry", "serve", str(settings)]
    host, _, port = REGISTRY.partition(":")
    with (
        service(private, command, run.folder / "registry.log", programs) as process,
        private.network(),
    ):
        wait(process, lambda: answers("/v2/", socket.AF_INET, (host, int(port))))
        yield


if __name__ == "__main__":
    main()
