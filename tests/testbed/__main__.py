"""A real Docker engine for tests, on a machine with or without one, and a real Kubernetes.

up           start an engine and keep it until ^C; says how to use it
run CMD...   run a command with an engine, where the ports that containers publish are reached
status       what is cached, and which private engines run
clean        remove the cache

With --kubernetes, `up` and `run` start a cluster too, in a private engine; with --nodes=2 it has
a second node.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tests.testbed import cache, images, programs
from tests.testbed.cluster import conformance, parts
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.cluster.second import second_node
from tests.testbed.debian import MissingPackages
from tests.testbed.engine import Engine, engine, own_engine
from tests.testbed.google.fake_gcs import BUILD as FAKE_GCS
from tests.testbed.stages import say
from tests.testbed.terraform import plugins

Starting = AbstractContextManager[Engine | Cluster]


def main() -> int:
    """The exit code: that of the command, 2 where there can be no engine."""
    parser = argparse.ArgumentParser(
        "python -m tests.testbed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kubernetes", action="store_true", help="start a cluster too")
    parser.add_argument("--nodes", type=int, choices=[1, 2], default=1, help="of the cluster")
    parser.add_argument("verb", choices=["up", "run", "status", "clean"])
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD...")
    words = parser.parse_args()
    if bool(words.command) != (words.verb == "run"):
        parser.error("`run` needs a command, and nothing else takes one")
    signal.signal(signal.SIGTERM, stop)
    verbs = {
        "up": lambda: up(started(words.kubernetes, words.nodes)),
        "run": lambda: run(words.command, started(words.kubernetes, words.nodes)),
        "status": status,
        "clean": clean,
    }
    try:
        return verbs[words.verb]()
    except MissingPackages as missing:
        say(str(missing))
        return 2


def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """End like after ^C, so that nothing is left to time."""
    raise SystemExit(128 + signal.SIGTERM)


@contextmanager
def started(kubernetes: bool, nodes: int) -> Iterator[Engine | Cluster]:
    """An engine, or a cluster in a private one."""
    if kubernetes:
        with ExitStack() as stack:
            found = stack.enter_context(cluster(stack.enter_context(own_engine())))
            if nodes == 2:
                stack.enter_context(second_node(found))
            yield found
    else:
        with engine() as here:
            yield here


def run(command: list[str], starting: Starting) -> int:
    """Run the command with an engine, and stop the engine after it."""
    with starting as found:
        # ^C is for the command, which may have something to say before it ends; what is between
        # here and there inherits that it is ignored.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        words = found.command("env", "--default-signal=INT", *command)
        with subprocess.Popen(words, env={**os.environ, **found.environ}) as process:
            try:
                code = process.wait()
            except SystemExit:
                process.terminate()
                raise
    return code if code >= 0 else 128 - code


def up(starting: Starting) -> int:
    """Keep an engine until ^C."""
    with starting as found:
        for name, value in found.environ.items():
            print(f"export {name}={shlex.quote(value)}")
        print(f"# published ports: {shlex.join(found.command('curl', 'http://127.0.0.1:PORT'))}")
        say("up until ^C")
        try:
            signal.pause()
        except KeyboardInterrupt:
            say("stopped")
    return 0


def status() -> int:
    """Say what there is."""
    used = {f"programs-{programs.key()}", f"images-{images.key()}", *parts.folders()}
    used |= {conformance.folder(), FAKE_GCS.folder, *plugins.folders()}
    for path in sorted(cache.folder().glob("*-*/versions")):
        note = "" if path.parent.name in used else "  (no longer used)"
        print(f"{path.parent}  {megabytes(path.parent)} MB{note}")
        print(*(f"    {line}" for line in path.read_text().splitlines()), sep="\n")
    for path in cache.running():
        cluster = "  with a Kubernetes cluster" if (path / "cluster").exists() else ""
        print(f"running: DOCKER_HOST=unix://{path / 'docker.sock'}{cluster}")
    return 0


def megabytes(folder: Path) -> int:
    """What the files of a folder take."""
    return sum(path.lstat().st_blocks for path in folder.rglob("*")) * 512 // 1_000_000


def clean() -> int:
    """Remove the cache, unless an engine uses it."""
    if cache.running():
        say("engines are running; end the processes that started them first")
        return 1
    shutil.rmtree(cache.folder())
    return 0


if __name__ == "__main__":
    sys.exit(main())
