"""Versions from real git repositories."""

from __future__ import annotations

import os
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from dogctl.lifecycle.version import is_release, newest_tag, project_version


class Repository:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "--quiet")

    def git(self, *words: str) -> str:
        identity = {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", "Rex"), ("EMAIL", "rex@example.com"))
        }
        done = subprocess.run(
            ["git", *words],
            cwd=self.root,
            env={**os.environ, **identity},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, tag: str | None = None) -> str:
        self.git("commit", "--quiet", "--allow-empty", "--message", "work")
        if tag:
            self.git("tag", tag)
        return self.git("rev-parse", "--short=7", "HEAD")

    @property
    def version(self) -> str:
        return project_version(self.root)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_a_tag_is_the_version(repository: Repository) -> None:
    repository.commit("v1.4.0")
    assert repository.version == "1.4.0"


def test_commits_after_a_tag_lead_to_the_next_patch(repository: Repository) -> None:
    repository.commit("1.4.0")
    repository.commit()
    commit = repository.commit()
    assert repository.version == f"1.4.1-dev.2.g{commit}"


def test_commits_after_a_prerelease_stay_before_the_release(repository: Repository) -> None:
    repository.commit("v2.0.0-rc.1")
    commit = repository.commit()
    assert repository.version == f"2.0.0-rc.1.dev.1.g{commit}"


def test_the_highest_tag_counts_and_other_tags_do_not(repository: Repository) -> None:
    repository.commit("v1.10.0")
    repository.git("tag", "v1.9.0")
    repository.git("tag", "latest")
    repository.git("tag", "v1.11")
    assert repository.version == "1.10.0"


def test_no_tag_counts_all_commits(repository: Repository) -> None:
    repository.commit()
    commit = repository.commit()
    assert repository.version == f"0.0.0-dev.2.g{commit}"


def test_changes_are_named_by_their_content(repository: Repository) -> None:
    commit = repository.commit("v1.4.0")
    file = repository.root / "file"
    file.write_text("one")
    one = repository.version
    assert one.startswith(f"1.4.1-dev.0.g{commit}.dirty.d")
    assert repository.version == one
    file.write_text("two")
    assert repository.version != one
    file.unlink()
    assert repository.version == "1.4.0"


def test_a_shallow_clone_has_a_defined_version(repository: Repository, tmp_path: Path) -> None:
    repository.commit("v1.4.0")
    commit = repository.commit()
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", "--depth=1", repository.root.as_uri(), str(clone))
    assert project_version(clone) == f"0.0.0-dev.0.g{commit}"


def test_without_git_there_is_a_version_too(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert repository.version == "0.0.0-dev.0.nogit"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert project_version(tmp_path) == "0.0.0-dev.0.nogit"


def test_versions_are_in_order() -> None:
    """The example of semver.org, and ours."""
    ordered = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0-rc.1.dev.3.gabc1234",
        "1.0.0-rc.2",
        "1.0.0",
        "1.0.1-dev.9.gabc1234",
        "1.0.1-dev.10.g0001234",
        "1.0.1",
    ]
    for lower, higher in pairwise(ordered):
        newest = newest_tag([higher, lower])
        assert newest is not None
        assert newest.name == higher


@pytest.mark.parametrize(
    ("version", "released"),
    [
        ("1.4.0", True),
        ("1.5.0-rc.1", True),
        ("1.5.0-devices.1", True),
        ("1.4.1-dev.3.gabc1234", False),
        ("1.5.0-rc.1.dev.2.gabc1234", False),
        ("1.4.1-dev.0.gabc1234.dirty.d1a2b3c4", False),
        ("0.0.1.dev80+gabc1234", False),
    ],
)
def test_who_has_given_a_version(version: str, released: bool) -> None:
    assert is_release(version) is released
