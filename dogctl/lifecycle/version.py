"""The version of what is shipped, derived from git; nobody edits one into files.

Valid SemVer 2.0 (https://semver.org) in the order of the commits:

    1.4.0                       HEAD has the tag v1.4.0 or 1.4.0
    1.4.1-dev.3.gabc1234        three commits after it
    1.5.0-rc.1.dev.2.gabc1234   two commits after the tag v1.5.0-rc.1
    0.0.0-dev.12.gabc1234       twelve commits and no tag
    0.0.0-dev.0.gabc1234        no tag in a shallow clone, where nobody can count
    0.0.0-dev.0.nogit           no git, or no commit yet
    ...dirty.d1a2b3c4           and files that differ from HEAD
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import total_ordering
from pathlib import Path

from dogctl.tools.git import Checkout, Git
from dogctl.tools.runner import LOCAL, Runner

NO_GIT = "0.0.0-dev.0.nogit"
_NUMBER = r"(0|[1-9]\d*)"
_IDENTIFIER = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_TAG = re.compile(
    rf"v?{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?", re.ASCII
)


@total_ordering
@dataclass(frozen=True)
class Tag:
    """A git tag that is a version; ordered as SemVer orders them."""

    name: str
    core: tuple[int, int, int]
    prerelease: tuple[str, ...]

    @property
    def precedence(self) -> tuple[object, ...]:
        # A release comes after its pre-releases; numbers come before words.
        parts = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in self.prerelease)
        return (self.core, not self.prerelease, parts)

    def __lt__(self, other: Tag) -> bool:
        return self.precedence < other.precedence


def project_version(root: Path, runner: Runner = LOCAL, *, untracked: bool = True) -> str:
    """The version of what is in a project's folder at this moment.

    `untracked`: whether files that git does not know make it dirty. Raises ToolError if there is a
    repository that git cannot read.
    """
    git = Git(root, runner)
    return checkout_version(git, git.checkout(untracked=untracked))


def checkout_version(git: Git, checkout: Checkout | None) -> str:
    """The version of what git has checked out. Raises ToolError."""
    if checkout is None:
        return NO_GIT
    tag = newest_tag(checkout.tags)
    countable = tag is not None or not checkout.shallow
    commits = git.commits_since(tag.name if tag else None) if countable else 0
    return derive(checkout, tag, commits)


def is_release(version: str) -> bool:
    """Whether somebody has given the version, and not only the number of a commit."""
    return re.search(r"[.-]dev\d*\b", version) is None


def newest_tag(names: Iterable[str]) -> Tag | None:
    """The highest version among tag names; those that are none are passed over."""
    matches = ((name, _TAG.fullmatch(name)) for name in names)
    tags = (
        Tag(name, (int(m[1]), int(m[2]), int(m[3])), tuple(m[4].split(".")) if m[4] else ())
        for name, m in matches
        if m
    )
    return max(tags, default=None)


def derive(checkout: Checkout, tag: Tag | None, commits: int) -> str:
    """The version of a checkout that is `commits` after its newest tag."""
    clean = checkout.changes is None
    core = tag.core if tag else (0, 0, 0)
    prerelease = tag.prerelease if tag else ()
    if tag is None or commits or not clean:
        if tag and not prerelease:
            core = (core[0], core[1], core[2] + 1)
        prerelease = (*prerelease, "dev", str(commits), f"g{checkout.commit[:7]}")
    if checkout.changes is not None:
        # The letter keeps a hash of digits alone from being a number with a leading zero.
        prerelease = (*prerelease, "dirty", f"d{checkout.changes[:7]}")
    return ".".join(map(str, core)) + ("-" + ".".join(prerelease) if prerelease else "")
