"""A real Docker engine for tests, on a machine with or without one.

up           start an engine and keep it until ^C; says how to use it
run CMD...   run a command with an engine, where the ports that containers publish are reached
status       what is cached, and which private engines run
clean        remove the cache
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tests.testbed import cache, images, programs
from tests.testbed.debian import MissingPackages
from tests.testbed.engine import engine
from tests.testbed.stages import say


def main() -> int:
    """The exit code: that of the command, 2 where there can be no engine."""
    parser = argparse.ArgumentParser(
        "python -m tests.testbed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=["up", "run", "status", "clean"])
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD...")
    words = parser.parse_args()
    if bool(words.command) != (words.verb == "run"):
        parser.error("`run` needs a command, and nothing else takes one")
    signal.signal(signal.SIGTERM, stop)
    verbs = {"up": up, "status": status, "clean": clean}
    try:
        return run(words.command) if words.verb == "run" else verbs[words.verb]()
    except MissingPackages as missing:
        say(str(missing))
        return 2


def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """End like after ^C, so that nothing is left to time."""
    raise SystemExit(128 + signal.SIGTERM)


def run(command: list[str]) -> int:
    """Run the command with an engine, and stop the engine after it."""
    with engine() as found:
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


def up() -> int:
    """Keep an engine until ^C."""
    with engine() as found:
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
    for path in sorted(cache.folder().glob("*-*/versions")):
        used = path.parent.name in (f"programs-{programs.key()}", f"images-{images.key()}")
        print(f"{path.parent}  {megabytes(path.parent)} MB{'' if used else '  (no longer used)'}")
        print(*(f"    {line}" for line in path.read_text().splitlines()), sep="\n")
    for path in cache.running():
        print(f"running: DOCKER_HOST=unix://{path / 'docker.sock'}")
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
