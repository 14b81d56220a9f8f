"""The programs of a Docker engine, unpacked from Debian's packages into the cache."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.testbed import cache
from tests.testbed.packages import Suite, own_suite, unpack
from tests.testbed.stages import stage

# Go programs, which run on an older C library than the one they were linked with.
SUITE = "trixie"
ENGINE = (
    "containerd",
    "docker-buildx",
    "docker-cli",
    "docker-compose",
    "docker-registry",
    "docker.io",
)
# C programs, which do not; they come from this machine's suite, with their libraries.
NATIVE = ("iptables", "runc", "slirp4netns", "tini")
# Two versions of the C library in one process would be its end.
LIBC = {"libc6"}


@dataclass(frozen=True)
class Programs:
    """Where they are, and what a process needs in its environment to use them."""

    folder: Path

    @property
    def path(self) -> str:
        """The folders to put before the PATH."""
        return ":".join(str(self.folder / name) for name in ("bin", "usr/bin", "usr/sbin"))

    @property
    def plugins(self) -> Path:
        """Where Compose and buildx are."""
        return self.folder / "usr/libexec/docker/cli-plugins"

    @property
    def libraries(self) -> dict[str, str]:
        """What the C programs need to find their libraries, iptables also its extensions."""
        folders = list(self.folder.glob("usr/lib/*-linux-gnu*"))
        return {
            "LD_LIBRARY_PATH": ":".join(
                map(str, [*folders, *self.folder.glob("lib/*-linux-gnu*")])
            ),
            "XTABLES_LIBDIR": ":".join(str(path / "xtables") for path in folders),
        }

    def versions(self) -> str:
        """The packages it is made of, a line each."""
        return (self.folder / "versions").read_text()


def key() -> str:
    """Changes when the programs have to be unpacked anew."""
    return cache.key(SUITE, *ENGINE, own_suite(), *NATIVE)


def programs() -> Programs:
    """The programs, downloaded if this is the first time. Raises MissingPackages."""
    return Programs(cache.once(f"programs-{key()}", make))


def make(into: Path) -> None:
    """Fill the folder."""
    native = Suite(own_suite())
    with cache.scratch() as downloads:
        with stage("downloading the programs of a Docker engine"):
            names = [found.name for found in native.closure(*NATIVE) if found.name not in LIBC]
            packages = native.download(names, downloads / "native")
            packages += Suite(SUITE).download(list(ENGINE), downloads / "engine")
        with stage("unpacking them"):
            unpack(packages, into)
        (into / "versions").write_text("".join(f"{path.stem}\n" for path in packages))
    (into / "bin").mkdir(exist_ok=True)
    for name, target in links():
        (into / "bin" / name).symlink_to(Path("..", target))


def links() -> Iterator[tuple[str, str]]:
    """What Debian's installation scripts would have linked."""
    for family in ("iptables", "ip6tables"):
        for tool in (family, f"{family}-save", f"{family}-restore"):
            yield tool, "usr/sbin/xtables-nft-multi"
    yield "docker-init", "usr/bin/tini-static"
