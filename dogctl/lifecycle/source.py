"""The source of what is built: which commit of what repository."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dogctl import own_version
from dogctl.lifecycle.version import checkout_version
from dogctl.tools.git import Git
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

SHORT = 7
# git's short form of an SSH address: git@host:team/app.git
_SCP = re.compile(r"(?:[^/@:]+@)?([^/@:]+\.[^/@:]+):(?!/)(.+)")


@dataclass(frozen=True)
class Source:
    """What git says of a project.

    Args:
        version: see dogctl.lifecycle.version.
        commit: the full hash of HEAD; None where there is no commit.
        clean: whether the files are those of the commit.
        time: when it was committed, in seconds since 1970.
        branch: the branch, if one is checked out.
        url: where the repository is, for browsers.
    """

    version: str
    commit: str | None = None
    clean: bool = False
    time: int | None = None
    branch: str | None = None
    url: str | None = None

    @property
    def short(self) -> str | None:
        """The short hash, if the files are exactly those of the commit."""
        return self.commit[:SHORT] if self.commit and self.clean else None

    @property
    def revision(self) -> str | None:
        """The commit; with a mark if the files differ from it, as git describe has it."""
        return self.commit and (self.commit if self.clean else f"{self.commit}-dirty")

    @property
    def created(self) -> str | None:
        """The time of the commit in ISO 8601."""
        if self.time is None:
            return None
        return datetime.fromtimestamp(self.time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_source(project: Project, runner: Runner = LOCAL) -> Source:
    """Ask git. Raises ToolError if there is a repository that it cannot read."""
    if project.bundled:
        return Source(own_version())
    git = Git(project.root, runner)
    # What is built may lie outside the project's own folder.
    checkout = git.checkout(also=((project.root / project.settings.build_context).resolve(),))
    version = checkout_version(git, checkout)
    if checkout is None:
        return Source(version)
    return Source(
        version=version,
        commit=checkout.commit,
        clean=checkout.changes is None,
        time=git.commit_time(),
        branch=git.branch(),
        url=public_url(git.origin() or ""),
    )


def public_url(remote: str) -> str | None:
    """A git remote as an address for browsers, without user and password.

    None for a folder of this machine, which is nobody else's business.
    """
    if "://" not in remote:
        short = _SCP.fullmatch(remote)
        remote = f"ssh://{short[1]}/{short[2]}" if short else ""
    try:
        parts = urlsplit(remote)
        port = f":{parts.port}" if parts.port and parts.scheme in ("http", "https") else ""
    except ValueError:
        return None
    if parts.scheme not in ("http", "https", "ssh", "git") or not parts.hostname:
        return None
    scheme = "http" if parts.scheme == "http" else "https"
    return f"{scheme}://{parts.hostname}{port}{parts.path.removesuffix('/').removesuffix('.git')}"
