"""git: what is checked out in a folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dogctl.errors import ToolError
from dogctl.tools.runner import NOT_STARTED, Runner

TIMEOUT = 30.0
CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Checkout:
    """The state of a work tree.

    Args:
        commit: the full hash of HEAD.
        tags: the tags of HEAD and of every commit before it.
        shallow: whether commits, and with them tags, are missing.
        changes: a hash of what differs from HEAD; None if nothing does.
    """

    commit: str
    tags: tuple[str, ...]
    shallow: bool
    changes: str | None


class Git:
    """The git of one folder.

    Raises ToolError wherever git fails: what it did not say is not known, and least of all clean.
    """

    def __init__(self, root: Path, runner: Runner) -> None:
        self._root = root
        self._runner = runner
        # A hook's GIT_DIR is about another repository.
        self._env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}

    def checkout(self, *, untracked: bool = True, also: Sequence[Path] = ()) -> Checkout | None:
        """None without git, outside a repository, or before the first commit.

        Args:
            untracked: whether files that git does not know count as changes.
            also: further folders of the repository in which changes count.
        """
        folders = (self._root, *self._root.parents)
        top = next((folder for folder in folders if (folder / ".git").exists()), None)
        if top is None:
            return None
        try:
            self._ask("rev-parse", "--git-dir")
        except ToolError as error:
            if error.code == NOT_STARTED:
                return None  # git is not installed
            raise
        head = self._try("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if head is None:
            return None
        tags = self._ask("tag", "--merged", "HEAD").decode(errors="replace").split()
        where = [".", *(str(folder) for folder in also if folder.is_relative_to(top))]
        shallow = self._ask("rev-parse", "--is-shallow-repository") == b"true\n"
        return Checkout(
            head.decode().strip(), tuple(tags), shallow, self._changes(untracked, where)
        )

    def commits_since(self, tag: str | None) -> int:
        """How many commits lead from a tag, or from the very first one, to HEAD."""
        return int(
            self._ask("rev-list", "--count", f"refs/tags/{tag}..HEAD" if tag else "HEAD", "--")
        )

    def commit_time(self) -> int:
        """When HEAD was committed, in seconds since 1970."""
        return int(self._ask("show", "--no-patch", "--format=%ct", "HEAD"))

    def branch(self) -> str | None:
        """The branch that is checked out; None if it is a commit alone, as CI systems do it."""
        answer = self._try("symbolic-ref", "--quiet", "--short", "HEAD")
        return answer.decode(errors="replace").strip() if answer else None

    def tags(self) -> tuple[str, ...]:
        """The tags of HEAD itself."""
        return tuple(self._ask("tag", "--points-at", "HEAD").decode(errors="replace").split())

    def ignores(self, path: Path) -> bool:
        """Whether a file would be no change, since git is told to ignore it."""
        return self._try("check-ignore", "--quiet", "--", str(path)) is not None

    def origin(self) -> str | None:
        """The URL of the remote `origin`; may hold a password."""
        answer = self._try("config", "--get", "remote.origin.url")
        return answer.decode(errors="replace").strip() if answer else None

    def _changes(self, untracked: bool, where: Sequence[str]) -> str | None:
        difference = self._ask("diff", "HEAD", "--binary", "--no-ext-diff", "--", *where)
        listing = ("ls-files", "--others", "--exclude-standard", "-z", "--", *where)
        names = self._ask(*listing).split(b"\0")[:-1] if untracked else []
        if not difference and not names:
            return None
        digest = hashlib.sha256(difference)
        for name in sorted(names):
            digest.update(name + b"\0")
            _hash_file(self._root / os.fsdecode(name), digest)
        return digest.hexdigest()

    def _ask(self, *words: str) -> bytes:
        answer = self._try(*words)
        if answer is None:
            raise ToolError(
                f"git {words[0]} failed",
                code="git-failed",
                where=str(self._root),
                hint="git status",
            )
        return answer

    def _try(self, *words: str) -> bytes | None:
        done = self._runner.run(["git", *words], cwd=self._root, env=self._env, timeout=TIMEOUT)
        return done.stdout if done.code == 0 else None


def _hash_file(path: Path, digest: hashlib._Hash) -> None:
    if path.is_symlink():
        digest.update(os.fsencode(path.readlink()))
    elif path.is_file():
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
