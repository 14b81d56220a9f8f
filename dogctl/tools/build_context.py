"""A build context as one hash: what has the same key builds the same image."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

# The label under which an image carries the key of what it was built from.
KEY_LABEL = "dogctl.content-key"
CHUNK = 1024 * 1024
# Where dogctl keeps local data and its secrets: never part of an image.
STATE = ".dogctl"
# What changes without anybody changing the code.
NO_CODE = (".git", STATE)


def content_key(
    context: Path,
    dockerfile: str = "Dockerfile",
    args: Mapping[str, str] | None = None,
    extra: Iterable[str] = (),
) -> str:
    """A hash over every file that the builder would get, the build arguments and `extra`.

    `dockerfile` is relative to the context. Files that .dockerignore excludes do not count, nor do
    git's own and dogctl's own, nor times and owners, which are not in a checkout either.
    Raises OSError if a file cannot be read.
    """
    digest = hashlib.sha256()
    for part in (dockerfile, *extra, *(f"{k}={v}" for k, v in sorted((args or {}).items()))):
        digest.update(part.encode() + b"\0")
    for name in _included(context, dockerfile):
        _add(context / name, name, digest)
    return digest.hexdigest()[:32]


def place_dockerfile(context: Path, dockerfile: str, folder: Path) -> Path:
    """Copy a Dockerfile to a folder of ours, with an ignore file that keeps STATE out of the image.

    BuildKit prefers the ignore file beside the Dockerfile to that of the context, and there is no
    option to ignore more. Answers the copy. Raises OSError.
    """
    folder.mkdir(exist_ok=True)
    copy = folder / Path(dockerfile).name
    copy.write_bytes((context / dockerfile).read_bytes())
    patterns = [*_ignored(context, dockerfile), STATE]
    copy.with_name(f"{copy.name}.dockerignore").write_text("".join(f"{p}\n" for p in patterns))
    return copy


def _included(context: Path, dockerfile: str) -> list[str]:
    from docker.utils.build import exclude_paths

    patterns = [*_ignored(context, dockerfile), *NO_CODE]
    found = exclude_paths(str(context), patterns, dockerfile)
    return sorted({*found, dockerfile})  # it may stand outside the context


def _ignored(context: Path, dockerfile: str) -> list[str]:
    """The patterns of the Dockerfile's own ignore file or, without one, of the context's.

    https://docs.docker.com/build/concepts/context/#filename-and-location
    """
    for path in (context / f"{dockerfile}.dockerignore", context / ".dockerignore"):
        if path.is_file():
            lines = (line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines())
            return [line for line in lines if line and not line.startswith("#")]
    return []


def _add(path: Path, name: str, digest: hashlib._Hash) -> None:
    if path.is_symlink():
        digest.update(f"link {name}\0".encode() + os.fsencode(path.readlink()) + b"\0")
    elif path.is_file():
        executable = "x" if path.stat().st_mode & 0o100 else "-"
        digest.update(f"file {name} {executable} {path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
