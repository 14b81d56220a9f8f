"""Base images for a private engine, which has no registry to pull any from.

Each is built from Debian's packages and a Dockerfile of its own under recipes/, and has the name
under which Dockerfiles and compose files ask for it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.testbed import cache, layers, programs
from tests.testbed.packages import Suite, refresh
from tests.testbed.private import private
from tests.testbed.stages import stage

RECIPES = Path(__file__).parent / "recipes"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True)
class Image:
    """A base image: the packages of a suite, and the folder of its Dockerfile."""

    tag: str
    recipe: str
    suite: str
    packages: tuple[str, ...]

    def build(self, host: dict[str, str], packed: Path) -> None:
        """Build it on an engine from its packed file system."""
        with tempfile.TemporaryDirectory(dir=packed.parent) as context:
            for recipe in ("common", self.recipe):
                shutil.copytree(RECIPES / recipe, context, dirs_exist_ok=True)
            packed.rename(Path(context, "root.tar"))
            shutil.copy(CERTIFICATES, Path(context, "certificates.crt"))
            docker(host, "build", "--progress=plain", "--tag", self.tag, context)

    def pack(self, folder: Path) -> Path:
        """Download the packages and make a file system of them."""
        suite = Suite(self.suite)
        name = self.tag.replace("/", "-")
        downloads = folder / name
        packed = folder / f"{name}.tar"
        with stage(f"downloading and packing {self.tag}"):
            needed = [
                found.name
                for found in suite.closure(*layers.BASE, *self.packages)
                if not layers.NEEDLESS_PACKAGES.fullmatch(found.name)
            ]
            layers.pack(suite.download(needed, downloads), packed)
        files = sorted(path.stem for path in downloads.glob("*.deb"))
        (folder / f"{name}.versions").write_text("".join(f"{found}\n" for found in files))
        shutil.rmtree(downloads)
        return packed


IMAGES = (
    Image("python:3.13-alpine", "python", "trixie", ("python3", "python3-pip", "python3-venv")),
    # No suite has 8.4; this is MySQL all the same, a later one.
    Image("mysql:8.4", "mysql", "sid", ("mysql-server-core", "mysql-client-core")),
    Image("mariadb:11.8", "mysql", "trixie", ("mariadb-server-core", "mariadb-client")),
    Image("postgres:17", "postgres", "trixie", ("postgresql-17", "tzdata")),
    # Likewise of the third series.
    Image("prom/prometheus:v3.13.1", "prometheus", "sid", ("prometheus", "promtool")),
)


def key() -> str:
    """Changes when the images have to be built anew."""
    recipes = [path.read_bytes() for path in sorted(RECIPES.glob("*/*"))]
    how = Path(layers.__file__).read_bytes()
    return cache.key(programs.key(), repr(IMAGES), CERTIFICATES.read_bytes(), how, *recipes)


def images() -> Path:
    """An engine's data folder with the base images, built if this is the first time.

    Raises MissingPackages.
    """
    return cache.once(f"images-{key()}", make)


def make(into: Path) -> None:
    """Fill the folder: `data` for an engine, `versions` for people."""
    with cache.scratch() as scratch:
        with stage("reading lists of packages"):
            refresh(*{image.suite for image in IMAGES})
        with ThreadPoolExecutor() as pool:
            unpacked = pool.submit(programs.programs)
            packed = list(pool.map(lambda image: image.pack(scratch), IMAGES))
        data = into / "data"
        data.mkdir()
        with private(unpacked.result(), data) as engine:
            host = {**os.environ, **engine.environ}
            for image, path in zip(IMAGES, packed, strict=True):
                with stage(f"building {image.tag}"):
                    image.build(host, path)
            docker(host, "builder", "prune", "--all", "--force")
        (data / "engine-id").unlink()  # each copy is an engine of its own
        versions = [path.read_text() for path in sorted(scratch.glob("*.versions"))]
        (into / "versions").write_text("".join(sorted(set("".join(versions).splitlines(True)))))


def docker(host: dict[str, str], *words: str) -> None:
    """Run the client. Raises RuntimeError with what it complained of."""
    done = subprocess.run(["docker", *words], env=host, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"docker {' '.join(words)}: {done.stderr[-2000:]}")
