"""Charts to publish, and the ways in which Helm gets them."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

from dogctl.chartrepos.base import ChartRepository, Package, moment, normalised
from tests.testbed.cluster.builds import BUILDS
from tests.testbed.registries.serving import served


def helm(name: str) -> str:
    """The program `helm` or `helm4`; to be asked for once outside of a test's sandbox."""
    return str(next(build.program() for build in BUILDS if build.name == name))


def package(name: str, version: str, text: str = "", *, when: int = 0) -> Package:
    """A chart with a ConfigMap; `when` it was packed is in the archive, and in no file of it."""
    chart = f"apiVersion: v2\nname: {name}\nversion: {version}\n"
    template = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata: {{text: '{text}'}}\n"
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as made:
        for path, content in (("Chart.yaml", chart), ("templates/map.yaml", template)):
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size, member.mtime = len(content), when
            made.addfile(member, io.BytesIO(content.encode()))
    archive = tar.getvalue() if when else normalised(tar.getvalue())
    metadata = {"apiVersion": "v2", "name": name, "version": version}
    return Package(name, version, metadata, archive, moment())


def pulled(helm: str, folder: Path, *words: str) -> bytes:
    """The archive that Helm gets, in a home of its own. Raises CalledProcessError."""
    folder.mkdir(parents=True, exist_ok=True)
    home = {"HOME": str(folder), "HELM_CONFIG_HOME": str(folder), "HELM_CACHE_HOME": str(folder)}
    run = partial(subprocess.run, cwd=folder, env={**os.environ, **home}, check=True)
    if not words[0].startswith("oci://"):
        url, *words_left = words
        run([helm, "repo", "add", "ours", url], capture_output=True)
        words = (f"ours/{words_left[0]}", *words_left[1:])
    run([helm, "pull", *words], capture_output=True)
    (found,) = folder.glob("*.tgz")
    return found.read_bytes()


@contextmanager
def web(folder: Path) -> Iterator[str]:
    """A web server of a folder, as GitHub Pages is one; answers its address."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with served(Handler, nullcontext) as host:
        yield f"http://{host}"


def published_at_once(
    repositories: list[ChartRepository], make: Callable[[int, int], Package], each: int
) -> None:
    """Every repository's own thread publishes some charts, all at the same time."""
    start = threading.Barrier(len(repositories))

    def publish(number: int) -> None:
        start.wait()
        for turn in range(each):
            assert repositories[number].publish(make(number, turn))

    with ThreadPoolExecutor(len(repositories)) as pool:
        list(pool.map(publish, range(len(repositories))))
