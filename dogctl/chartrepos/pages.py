"""A repository in a branch that GitHub Pages, or any web server, shows.

An edit is one commit with the archive and the index. A push that does not force is a
compare-and-swap: whoever is late takes what is there and makes the edit again on top of that.
Nothing is checked out: git makes the commit of the one before and of what changes.
https://docs.github.com/en/pages/getting-started-with-github-pages
"""

from __future__ import annotations

import base64
import os
import re
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from dogctl.chartrepos import index
from dogctl.chartrepos.base import (
    INDEX,
    NO_REPOSITORY,
    Archive,
    Listing,
    Package,
    Pause,
    adopted,
    archive_key,
    checked,
    file_name,
    is_published,
    moment,
    only,
    tries,
)
from dogctl.chartrepos.index import Entry
from dogctl.errors import DogctlError, ToolError
from dogctl.secrets import Secret
from dogctl.tools.runner import LOCAL, Completed, Runner

BRANCH = "gh-pages"
# How long GitHub's pages are kept on the way to their readers: `cache-control: max-age=600`
GITHUB_CACHE = 600.0
# So many commits are looked at to know how old a file is.
DEPTH = 100
DENIED = "chart-repository-denied"
TIMEOUT = 300.0
_WHO = ("dogctl", "dogctl@users.noreply.github.com")
_NO_HASH = "0" * 40
# In git's words: whether it was ours or the server that saw it, and where two came at once.
_LATE = re.compile(
    r"\[(?:remote )?rejected\].*(?:fetch first|non-fast-forward|failed to update ref|cannot lock"
    r"|incorrect old value|reference already exists)|cannot lock ref"
)
_DECLINED = "[remote rejected]"
# How to get there; other variables are about other repositories, or show what is sent.
_WAYS = ("GIT_SSH", "GIT_SSL", "GIT_ASKPASS", "GIT_PROXY", "GIT_HTTP_", "GIT_EXEC_PATH",
         "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")  # fmt: skip
_NO_LOGIN = re.compile(r"could not read (?:Username|Password)|Authentication failed|(?:401|403)$|"
                       r"Permission denied", re.MULTILINE)  # fmt: skip


@dataclass(frozen=True)
class Pages:
    """The charts in a branch of a git repository, as in base.ChartRepository.

    Args:
        url: as the user has it.
        remote: the git repository's own.
        folder: where in the branch the index is; empty for its root.
        token: lets us push, if the remote is GitHub's.
        pause: waits some seconds before the next try, and may raise to give up.
    """

    url: str
    remote: str
    branch: str = BRANCH
    folder: str = ""
    token: Secret | None = None
    pause: Pause = time.sleep
    runner: Runner = LOCAL
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def listing(self, name: str | None = None) -> Listing:
        with self._clone() as clone:
            return Listing(index.entries(clone.index(), name), complete=True)

    def find(self, name: str, version: str) -> Entry | None:
        return only(self.listing(name).versions, version)

    def publish(self, package: Package) -> bool:
        name = file_name(package.name, package.version)

        def edit(clone: _Clone) -> Mapping[str, bytes | None]:
            text = clone.index()
            if is_published(text, package, clone.read):
                return {}
            ours = adopted(package, clone.read(name), lambda: clone.has(f"{name}.prov"))
            files: dict[str, bytes | None] = {name: ours.archive}
            if ours.provenance is not None:
                files[f"{name}.prov"] = ours.provenance
            return {**files, INDEX: index.add(text, ours.entry()).encode()}

        return self._edit(f"Publish {package.name} {package.version}", edit)

    def pull(self, entry: Entry) -> bytes:
        with self._clone() as clone:
            return checked(entry, clone.read(archive_key(entry)))

    def provenance(self, entry: Entry) -> bytes | None:
        with self._clone() as clone:
            return clone.read(f"{archive_key(entry)}.prov")

    def remove(self, name: str, versions: Collection[str]) -> tuple[Entry, ...]:
        gone: list[Entry] = []

        def edit(clone: _Clone) -> Mapping[str, bytes | None]:
            text = clone.index()
            gone[:] = [each for each in index.entries(text, name) if each.version in versions]
            return {INDEX: index.remove(text, name, versions, moment()).encode()} if gone else {}

        self._edit(f"Remove versions of {name}", edit)
        return tuple(gone)

    @property
    def cache(self) -> float:
        return GITHUB_CACHE if urlsplit(self.remote).hostname == "github.com" else 0.0

    def archives(self, name: str) -> tuple[Archive, ...]:
        with self._clone() as clone:
            known = clone.since()
            return tuple(
                Archive(key, known.get(key))
                for key in clone.names()
                if key.startswith(f"{name}-") and key.endswith(".tgz")
            )

    def delete_archives(self, entries: Collection[Entry]) -> tuple[Entry, ...]:
        gone: list[Entry] = []

        def edit(clone: _Clone) -> Mapping[str, bytes | None]:
            named = {archive_key(each) for each in index.entries(clone.index())}
            gone[:] = [each for each in entries if archive_key(each) not in named]
            files = [f"{archive_key(each)}{more}" for each in gone for more in ("", ".prov")]
            return {name: None for name in files if clone.has(name)}

        self._edit("Delete archives", edit)
        return tuple(gone)

    def _edit(self, message: str, edit: Callable[[_Clone], Mapping[str, bytes | None]]) -> bool:
        """Commit what the edit makes of the files as they are; False if that is nothing."""
        with self._clone() as clone:
            for number in tries(self.url, self.pause):
                if number:
                    clone.fetch()
                files = edit(clone)
                if not files:
                    return False
                if clone.push(clone.commit(message, files)):
                    return True
        raise AssertionError("unreachable")

    @contextmanager
    def _clone(self) -> Iterator[_Clone]:
        with tempfile.TemporaryDirectory(prefix="dogctl-charts-") as folder:
            clone = _Clone(self, Path(folder))
            clone.fetch()
            yield clone


class _Clone:
    """A bare and shallow clone of the branch; contents come when they are asked for."""

    def __init__(self, pages: Pages, folder: Path) -> None:
        self._pages = pages
        self._folder = folder
        self._tip: str | None = None
        self._git("init", "--quiet", "--bare", ".")
        # A promisor is asked for what is missing; one that cannot leave anything out sends all.
        for name, value in {
            "remote.origin.url": pages.remote,
            "remote.origin.promisor": "true",
            "remote.origin.partialclonefilter": "blob:none",
        }.items():
            self._git("config", name, value)

    def fetch(self) -> None:
        """Take the branch as it is now; there may be none yet."""
        ref = f"refs/heads/{self._pages.branch}"
        listed = self._git("ls-remote", "origin", ref).split()
        if not listed:
            self._tip = None
            return
        words = ("--quiet", "--depth=1", "--no-tags", "--filter=blob:none", "origin")
        self._git("fetch", *words, f"+{ref}:refs/heads/tip")
        self._tip = self._git("rev-parse", "refs/heads/tip").decode().strip()

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        if self._tip is None:
            return False
        return bool(self._git("ls-tree", "--full-tree", self._tip, "--", self._path(name)))

    def names(self) -> list[str]:
        """The files beside the index."""
        if self._tip is None:
            return []
        place = f"{self._pages.folder}/" if self._pages.folder else ""
        words = ("ls-tree", "--full-tree", "--name-only", "-z", self._tip)
        listed = self._git(*words, *((place,) if place else ())).decode()
        return [each.removeprefix(place) for each in listed.split("\0") if each]

    def since(self) -> dict[str, datetime]:
        """When each file beside the index came there, at the latest, as far as commits tell."""
        if self._tip is None:
            return {}
        ref = f"refs/heads/{self._pages.branch}"
        words = ("--quiet", f"--depth={DEPTH}", "--no-tags", "--filter=blob:none", "origin")
        self._git("fetch", *words, ref)
        place = f"{self._pages.folder}/" if self._pages.folder else ""
        # The first of those commits has all that came before it, too.
        shown = ("--format=@%ct", "--name-only", "--no-renames", "--diff-filter=A", "-z")
        said = self._git("log", "--root", "-m", "--first-parent", *shown, self._tip).decode()
        found: dict[str, datetime] = {}
        moment = datetime.now(UTC)
        for each in filter(None, re.split(r"[\0\n]", said)):
            if each.startswith("@"):
                moment = datetime.fromtimestamp(int(each[1:]), UTC)
            elif each.startswith(place):
                found.setdefault(each.removeprefix(place), moment)
        return found

    def read(self, name: str) -> bytes | None:
        """A file's content; None if there is none."""
        if not self.has(name):
            return None
        return self._git("cat-file", "blob", f"{self._tip}:{self._path(name)}")

    def index(self) -> str:
        """The index, or an empty one."""
        found = self.read(INDEX)
        return index.EMPTY if found is None else index.decoded(found)

    def commit(self, message: str, files: Mapping[str, bytes | None]) -> str:
        """A commit on top of the branch, of which only these files differ; None deletes one."""
        self._git("read-tree", *((self._tip,) if self._tip else ("--empty",)))
        lines = [self._index_line(name, content) for name, content in files.items()]
        self._git("update-index", "--index-info", stdin="".join(lines).encode())
        tree = self._git("write-tree", "--missing-ok").decode().strip()
        parents = ("-p", self._tip) if self._tip else ()
        return self._git("commit-tree", tree, *parents, "-m", message).decode().strip()

    def push(self, commit: str) -> bool:
        """Make it the branch, unless that has moved on. Raises ToolError: we may not."""
        ref = f"refs/heads/{self._pages.branch}"
        # The user's own hooks are about other repositories.
        done = self._run("push", "--porcelain", "--no-verify", "origin", f"{commit}:{ref}")
        if done.code == 0:
            return True
        said = done.stdout.decode(errors="replace") + done.stderr
        if _LATE.search(said):
            return False
        raise self._refused("push", said)

    def _index_line(self, name: str, content: bytes | None) -> str:
        """What `git update-index --index-info` reads; mode 0 removes a file."""
        if content is None:
            return f"0 {_NO_HASH}\t{self._path(name)}\n"
        blob = self._git("hash-object", "-w", "--stdin", stdin=content).decode().strip()
        return f"100644 {blob}\t{self._path(name)}\n"

    def _path(self, name: str) -> str:
        return f"{self._pages.folder}/{name}" if self._pages.folder else name

    def _git(self, *words: str, stdin: bytes = b"") -> bytes:
        done = self._run(*words, stdin=stdin)
        if done.code:
            raise self._refused(words[0], done.stderr)
        return done.stdout

    def _run(self, *words: str, stdin: bytes = b"") -> Completed:
        given = self._pages.environ.items()
        environ = {k: v for k, v in given if not k.startswith("GIT_") or k.startswith(_WAYS)}
        # Nobody is here to be asked for a password.
        environ |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", **self._login()}
        for who in ("AUTHOR", "COMMITTER"):
            environ |= {f"GIT_{who}_NAME": _WHO[0], f"GIT_{who}_EMAIL": _WHO[1]}
        return self._pages.runner.run(
            ["git", *words], cwd=self._folder, env=environ, stdin=stdin, timeout=TIMEOUT
        )

    def _login(self) -> dict[str, str]:
        """The token in git's configuration, by variables: no file and no argument shows it.

        https://git-scm.com/docs/git-config#ENVIRONMENT
        """
        token = self._pages.token
        if token is None:
            return {}
        basic = base64.b64encode(f"x-access-token:{token.reveal()}".encode()).decode()
        parts = urlsplit(self._pages.remote)
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{parts.scheme}://{parts.netloc}/.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
        }

    def _refused(self, verb: str, said: str) -> DogctlError:
        lines = tuple(line for line in said.strip().splitlines() if line)[-5:]
        if _NO_LOGIN.search(said):
            return DogctlError(
                "we may not do that in the chart repository",
                code=DENIED,
                where=self._pages.url,
                hint="set GITHUB_TOKEN to a token that may write contents, or let git log in",
                detail=lines,
            )
        if _DECLINED in said:
            return DogctlError(
                f"the chart repository does not take a push to {self._pages.branch}",
                code=DENIED,
                where=self._pages.url,
                hint="the branch is protected, or a hook declines it: let this account push there",
                detail=lines,
            )
        return ToolError(
            f"git {verb} failed for the chart repository",
            code=NO_REPOSITORY if verb in ("ls-remote", "fetch") else "git-failed",
            where=self._pages.url,
            hint="see that the address is right, and run the command again",
            detail=lines,
        )
