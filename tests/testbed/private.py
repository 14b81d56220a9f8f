"""A private Docker engine, from the side of those who use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.testbed.cache import Run
from tests.testbed.keeper import REGISTRY
from tests.testbed.namespaces import Namespaces
from tests.testbed.programs import Programs
from tests.testbed.stages import stage

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Private:
    """A running engine, what a process needs in its environment to use it, and its namespaces.

    `run` has its folder, with room for what belongs to it, and the name of its control group.
    """

    environ: Mapping[str, str]
    registry: str
    namespaces: Namespaces
    run: Run


@contextmanager
def private(
    programs: Programs, data: Path | None = None, *, images: Path | None = None
) -> Iterator[Private]:
    """Run an engine with the data of a folder, or with a copy of these images.

    Raises RuntimeError with the end of the log of what did not start.
    """
    run = Run.create()
    try:
        data = data or copy(images, run.folder / "data")
        keeper = start_keeper(run, data, programs)
    except BaseException:
        run.remove()
        raise
    finally:
        os.close(run.lock)
    with keeper:
        assert keeper.stdout is not None
        pid = keeper.stdout.readline()
        if not pid:
            raise RuntimeError("the private engine did not start; see above")
        yield Private(environ(run.folder, programs), REGISTRY, Namespaces(int(pid)), run)


def start_keeper(run: Run, data: Path, programs: Programs) -> subprocess.Popen[str]:
    """The keeper of the run; it ends when its stdin does, which no child of ours inherits."""
    words = [str(run.folder), str(run.lock), str(data), str(programs.folder)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.testbed.keeper", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        pass_fds=[run.lock],
        start_new_session=True,  # ^C is for those who use the engine
        text=True,
    )


def environ(folder: Path, programs: Programs) -> dict[str, str]:
    """Variables for the engine's client, with a place of its own for what it writes."""
    config = folder / "client"
    config.mkdir()
    plugins = {"cliPluginsExtraDirs": [str(programs.plugins)]}
    (config / "config.json").write_text(json.dumps(plugins))
    return {
        "DOCKER_HOST": f"unix://{folder / 'docker.sock'}",
        "DOCKER_CONFIG": str(config),
        "PATH": f"{programs.path}:{os.environ['PATH']}",
    }


def copy(images: Path | None, into: Path) -> Path:
    """A copy of an engine's data folder.

    Layers of images are only ever read, so their files are hard links; all else is small.
    """
    into.mkdir()
    with stage("copying the base images"):
        for path in sorted(images.iterdir()) if images else []:
            link = ["--link"] if path.name == "overlay2" else []
            subprocess.run(["cp", "--archive", *link, path, into], check=True)
    return into
