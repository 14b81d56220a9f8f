"""A real Docker engine for tests, with Compose and buildx.

A machine that has one keeps using that one. Elsewhere a private engine is started in namespaces
of its own, from Debian's packages, and nothing of it stays, however the process that asked for
it ends. Its base images are those of tests.testbed.images; it reaches package registries, so
image builds can install packages, but no registry of images other than its own.

The private engine's socket is a file, so its client works from anywhere. Ports that containers
publish on 127.0.0.1 are on the loopback of its namespaces: tests that go there either run inside
from the start (`python -m tests.testbed run pytest`), or go inside for a while with
`Engine.network()`. For tests that run inside, and for an engine of this machine, `network()`
does nothing, so one test serves them all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from tests.testbed import cache
from tests.testbed.cache import Run
from tests.testbed.debian import MissingPackages
from tests.testbed.images import images
from tests.testbed.namespaces import Namespaces
from tests.testbed.private import private
from tests.testbed.programs import programs

REGISTRY = "DOGCTL_TESTBED_REGISTRY"
TOOLS = ("apt-get", "dpkg-deb", "unshare", "nsenter", "setpriv")
NO_ENGINE = (
    "needs a Docker engine with Compose: start one (DOCKER_HOST says where), or run the tests as"
    " root on Debian 12 or later, where the test bed makes one"
)


@dataclass(frozen=True)
class Engine:
    """A running Docker engine.

    `environ` is what a process needs on top of its own environment to use it. `registry` is the
    host:port of a registry that the engine may push to, None where there is none. `namespaces` and
    `run` are those of a private engine.
    """

    environ: Mapping[str, str] = field(repr=False)
    registry: str | None = None
    namespaces: Namespaces | None = None
    run: Run | None = None

    def network(self) -> AbstractContextManager[None]:
        """While it lasts, 127.0.0.1 of this thread and of what it starts is the engine's."""
        return self.namespaces.network() if self.namespaces else nullcontext()

    def command(self, *words: str) -> list[str]:
        """The command line that runs a command where 127.0.0.1 is the engine's.

        It dies with the engine, and is to be given `environ` like any other.
        """
        return self.namespaces.command(*words) if self.namespaces else list(words)


@contextmanager
def engine() -> Iterator[Engine]:
    """This machine's engine, or else a private one for as long as this lasts.

    Raises MissingPackages where there is neither, and says how to get one.
    """
    if engine_here():
        yield Engine(client_environ(), os.environ.get(REGISTRY))
    else:
        with own_engine() as own:
            yield own


@contextmanager
def own_engine() -> Iterator[Engine]:
    """A private engine, whether or not this machine has one. Raises MissingPackages."""
    prepare()
    with private(programs(), images=images() / "data") as own:
        yield Engine({**own.environ, REGISTRY: own.registry}, own.registry, own.namespaces, own.run)


def engine_here() -> bool:
    """Whether this process's environment leads to an engine, and its client has Compose."""
    return shutil.which("docker") is not None and all(
        subprocess.run(["docker", *words], capture_output=True, timeout=30, check=False).returncode
        == 0
        for words in (["compose", "version"], ["version"])
    )


def client_environ() -> dict[str, str]:
    """How this process reaches its engine; tests with a home of their own lose it otherwise."""
    settings = Path.home() / ".docker"
    environ = {"DOCKER_CONFIG": str(settings)} if settings.is_dir() else {}
    for name, value in os.environ.items():
        if name.startswith("DOCKER_") or name in (REGISTRY, "PATH"):
            environ[name] = value
    return environ


def prepare() -> None:
    """Download and build what a private engine is made of, unless it is there.

    Raises MissingPackages.
    """
    if sys.platform != "linux" or os.geteuid() != 0 or not all(map(shutil.which, TOOLS)):
        raise MissingPackages(NO_ENGINE)
    cache.sweep()
    images()
    programs()
