"""A build context as one hash: what has the same key builds the same image."""

from __future__ import annotations

import hashlib
import os
from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping
from pathlib import Path

# The label under which an image carries the key of what it was built from.
KEY_LABEL = "dogctl.content-key"
CHUNK = 1024 * 1024
# Where dogctl keeps local data and its secrets: never part of an image. At any depth, since a
# context may hold more than one project.
STATE = "**/.dogctl"
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
        digest.update(_bytes(part) + b"\0")
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
    patterns = [*_ignored(context, dockerfile), STATE]
    ignore = "".join(f"{pattern}\n" for pattern in patterns)
    _place(copy.with_name(f"{copy.name}.dockerignore"), _bytes(ignore))
    _place(copy, (context / dockerfile).read_bytes())
    return copy


def _place(path: Path, content: bytes) -> None:
    """Write a file that another dogctl's builder may be reading: it sees all of one or the other."""
    draft = path.with_name(f".{os.getpid()}.{path.name}")
    draft.write_bytes(content)
    draft.replace(path)


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
            text = path.read_bytes().removeprefix(BOM_UTF8).decode(errors="surrogateescape")
            lines = (line.strip() for line in text.splitlines())
            return [line for line in lines if line and not line.startswith("#")]
    return []


def _add(path: Path, name: str, digest: hashlib._Hash) -> None:
    if path.is_symlink():
        digest.update(_bytes(f"link {name}\0{path.readlink()}\0"))
    elif path.is_file():
        executable = "x" if path.stat().st_mode & 0o100 else "-"
        digest.update(_bytes(f"file {name} {executable} {path.stat().st_size}\0"))
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)


def _bytes(text: str) -> bytes:
    """Names of files need not be text: the way in which Python reads those that are not, back."""
    return text.encode(errors="surrogateescape")
