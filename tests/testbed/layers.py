"""File systems for images, made of Debian's packages without running their scripts."""

from __future__ import annotations

import re
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

# base-files comes first: it says that /bin, /lib and /sbin are links into /usr.
BASE = (
    "base-files",
    "base-passwd",
    "coreutils",
    "dash",
    "findutils",
    "grep",
    "gzip",
    "hostname",
    "libc-bin",
    "mawk",
    "sed",
    "tar",
    "util-linux",
)
# What only scripts of packages need, and the largest libraries that servers can do without.
NEEDLESS_PACKAGES = re.compile(
    r"adduser|debconf|dpkg|init-system-helpers|libjson-perl|libllvm.*|libperl.*|libz3.*|locales"
    r"|libc-gconv-modules-extra|libc-l10n|perl.*|postgresql-common.*|.*-perl|ssl-cert|ucf"
)
NEEDLESS_FILES = re.compile(
    r"\./usr/share/(doc|info|lintian|locale|man|bash-completion|i18n)/"
    r"|.*/(llvmjit.*|bitcode/.*|gconv/.*)|.*\.a"
)


def pack(packages: Iterable[Path], into: Path) -> None:
    """Write one tar archive with the files of all packages, the first one of a name winning."""
    known: set[str] = set()
    ordered = sorted(packages, key=lambda path: (not path.name.startswith("base-files_"), path))
    with tarfile.open(into, "w") as target:
        for package in ordered:
            for member, source in files(package):
                name = member.name.rstrip("/")
                if name not in known:
                    known.add(name)
                    content = source.extractfile(member) if member.isreg() else None
                    target.addfile(member, content)


def files(package: Path) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    """What of a package is kept, each with the archive to read it from at once."""
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as source,
    ):
        for member in source:
            if not NEEDLESS_FILES.fullmatch(member.name) and not member.isdev():
                yield member, source
    if process.returncode:
        raise RuntimeError(f"{package.name} cannot be unpacked")
