"""A repository of charts in a branch, on a real git server."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dogctl.chartrepos.pages import Pages
from dogctl.errors import DogctlError
from dogctl.secrets import Secret
from tests.dogctl.chartrepos.charts import helm, package, published_at_once, pulled, web
from tests.testbed.git_http import NAME, GitServer, git_server

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", params=["helm", "helm4"])
def either_helm(request: pytest.FixtureRequest) -> str:
    return helm(request.param)


@pytest.fixture
def server() -> Iterator[GitServer]:
    with git_server() as found:
        yield found


@pytest.fixture
def pages(server: GitServer) -> Pages:
    return Pages("https://team.github.io/charts", server.url, pause=lambda _: None)


def versions(pages: Pages, name: str | None = None) -> list[str]:
    return [each.version for each in pages.listing(name).versions]


def test_helm_gets_what_was_published(
    pages: Pages, server: GitServer, either_helm: str, tmp_path: Path
) -> None:
    first, second = package("dogs", "1.0.0"), package("dogs", "1.10.0")
    assert pages.publish(first)
    assert pages.publish(second)
    assert versions(pages) == ["1.10.0", "1.0.0"]
    server.checkout(tmp_path / "site")
    with web(tmp_path / "site") as url:
        assert pulled(either_helm, tmp_path / "new", url, "dogs") == second.archive
        assert (
            pulled(either_helm, tmp_path / "old", url, "dogs", "--version=1.0.0") == first.archive
        )


def test_what_is_in_the_branch_stays(pages: Pages, server: GitServer) -> None:
    assert versions(pages) == []
    pages.publish(package("dogs", "1.0.0"))
    before = server.git("ls-tree", "gh-pages")
    assert not pages.publish(package("dogs", "1.0.0"))
    assert not pages.publish(package("dogs", "1.0.0", when=1_700_000_000))
    with pytest.raises(DogctlError, match="published already") as error:
        pages.publish(package("dogs", "1.0.0", "another"))
    assert error.value.code == "version-taken"
    assert server.git("ls-tree", "gh-pages") == before
    assert server.git("rev-list", "--count", "gh-pages") == "1\n"
    pages.publish(package("dogs", "1.1.0"))
    assert before.splitlines()[0] in server.git("ls-tree", "gh-pages").splitlines()
    assert server.git("rev-list", "--count", "gh-pages") == "2\n"


def test_a_folder_of_another_branch(pages: Pages, server: GitServer) -> None:
    elsewhere = replace(pages, branch="site", folder="charts/stable")
    new = replace(package("dogs", "1.0.0"), provenance=b"signed")
    elsewhere.publish(new)
    (entry,) = elsewhere.listing().versions
    assert elsewhere.find("dogs", "1.0.0") == entry
    assert elsewhere.find("dogs", "1.0") is None
    assert elsewhere.pull(entry) == new.archive
    assert elsewhere.provenance(entry) == b"signed"
    assert server.git("ls-tree", "-r", "--name-only", "site").splitlines() == [
        f"charts/stable/{name}" for name in ("dogs-1.0.0.tgz", "dogs-1.0.0.tgz.prov", "index.yaml")
    ]


def test_four_publishers_at_once_lose_nothing(pages: Pages) -> None:
    patient = replace(pages, pause=Pages.pause)
    published_at_once(
        [patient] * 4, lambda number, turn: package(f"dogs{number % 2}", f"{number}.{turn}.0"), 3
    )
    found = {(each.name, each.version) for each in pages.listing().versions}
    assert found == {(f"dogs{n % 2}", f"{n}.{turn}.0") for n in range(4) for turn in range(3)}


def test_a_server_that_leaves_nothing_out(pages: Pages, server: GitServer) -> None:
    server.git("config", "uploadpack.allowFilter", "false")
    for version in ("1.0.0", "1.1.0"):
        pages.publish(package("dogs", version))
    assert versions(pages) == ["1.1.0", "1.0.0"]


def test_removed_first_and_deleted_then(pages: Pages, server: GitServer) -> None:
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        pages.publish(package("dogs", version))
    known = pages.listing("dogs").versions
    assert pages.delete_archives(known) == ()
    gone = pages.remove("dogs", {"1.0.0", "1.1.0"})
    assert pages.remove("dogs", {"1.0.0"}) == ()
    assert versions(pages) == ["1.2.0"]
    assert len(pages.delete_archives(known)) == 2
    assert pages.delete_archives(gone) == gone
    files = server.git("ls-tree", "--name-only", "gh-pages").split()
    assert files == ["dogs-1.2.0.tgz", "index.yaml"]


def test_the_token_lets_us_push_and_is_in_no_message(pages: Pages, server: GitServer) -> None:
    server.token = "canary-token-1"
    with pytest.raises(DogctlError) as error:
        pages.publish(package("dogs", "1.0.0"))
    assert error.value.code == "chart-repository-denied"
    wrong = replace(pages, token=Secret("canary-token-2"))
    with pytest.raises(DogctlError) as error:
        wrong.publish(package("dogs", "1.0.0"))
    assert "canary" not in repr((error.value, error.value.detail))
    assert replace(pages, token=Secret("canary-token-1")).publish(package("dogs", "1.0.0"))


def test_gits_own_ways_to_log_in_are_taken(pages: Pages, server: GitServer, tmp_path: Path) -> None:
    server.token = "canary-token-3"
    ask = tmp_path / "ask"
    ask.write_text(
        '#!/bin/sh\ncase "$1" in User*) echo x-access-token ;; *) echo $CANARY ;; esac\n'
    )
    ask.chmod(0o755)
    ways = {"GIT_ASKPASS": str(ask), "CANARY": server.token, "GIT_DIR": "/nowhere"}
    shown = {"GIT_TRACE_CURL": "1", "GIT_TRACE_REDACT": "0", "GIT_CURL_VERBOSE": "1"}
    asking = replace(pages, environ={**os.environ, **ways, **shown})
    assert asking.publish(package("dogs", "1.0.0"))
    server.token = "another"
    with pytest.raises(DogctlError) as error:
        asking.publish(package("dogs", "1.1.0"))
    assert error.value.code == "chart-repository-denied"
    assert "canary" not in repr((error.value, error.value.detail))


def test_a_push_that_is_declined_is_no_late_one(pages: Pages, server: GitServer) -> None:
    hook = server.folder / NAME / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'GH006: Protected branch, locked' >&2; exit 1\n")
    hook.chmod(0o755)
    pauses: list[float] = []
    with pytest.raises(DogctlError) as error:
        replace(pages, pause=pauses.append).publish(package("dogs", "1.0.0"))
    assert (error.value.code, pauses) == ("chart-repository-denied", [])
    assert "GH006" in str(error.value.detail)
    assert "protected" in str(error.value.hint)


def test_no_such_repository(pages: Pages, server: GitServer) -> None:
    with pytest.raises(DogctlError) as error:
        replace(pages, remote=f"{server.url}x").listing()
    assert error.value.code == "no-chart-repository"


def test_an_archive_that_was_changed_is_refused(pages: Pages) -> None:
    pages.publish(package("dogs", "1.0.0"))
    (entry,) = pages.listing().versions
    with pytest.raises(DogctlError) as error:
        pages.pull(replace(entry, digest="0" * 64))
    assert error.value.code == "chart-corrupt"


def dated(server: GitServer, pages: Pages, days: float) -> None:
    """Let the last commit be some days old."""
    when = str(int(time.time() - days * 86400))
    environ = {
        f"GIT_{who}_{what}": "dog" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    environ |= {"GIT_AUTHOR_DATE": f"@{when} +0000", "GIT_COMMITTER_DATE": f"@{when} +0000"}
    tree, *parents = server.git("log", "-1", "--format=%T %P", pages.branch).split()
    words = [
        "git",
        "commit-tree",
        tree,
        *(word for each in parents for word in ("-p", each)),
        "-m",
        "x",
    ]
    made = subprocess.run(
        words,
        cwd=server.folder / NAME,
        env={**os.environ, **environ},
        capture_output=True,
        check=True,
        text=True,
    )
    server.git("update-ref", f"refs/heads/{pages.branch}", made.stdout.strip())


@pytest.mark.parametrize("folder", ["", "charts/stable"])
def test_archives_are_as_old_as_their_commits(pages: Pages, server: GitServer, folder: str) -> None:
    there = replace(pages, folder=folder)
    assert there.archives("dogs") == ()
    for version, days in (("1.0.0", 30), ("1.1.0", 20), ("1.2.0", 10)):
        there.publish(package("dogs", version))
        dated(server, there, days)
    there.publish(package("cats", "1.0.0"))
    there.remove("dogs", {"1.0.0"})
    now = datetime.now(UTC)
    found = {
        each.key: round((now - each.since).total_seconds() / 86400)
        for each in there.archives("dogs")
        if each.since
    }
    assert found == {"dogs-1.0.0.tgz": 30, "dogs-1.1.0.tgz": 20, "dogs-1.2.0.tgz": 10}


def test_what_is_older_than_the_commits_that_are_looked_at_is_as_old_as_the_first(
    pages: Pages, server: GitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dogctl.chartrepos.pages.DEPTH", 2)
    for version, days in (("1.0.0", 30), ("1.1.0", 20), ("1.2.0", 10)):
        pages.publish(package("dogs", version))
        dated(server, pages, days)
    now = datetime.now(UTC)
    ages = [(now - each.since).days for each in pages.archives("dogs") if each.since]
    assert sorted(ages) == [10, 20, 20]


def test_pages_of_github_are_kept_for_ten_minutes(pages: Pages) -> None:
    assert pages.cache == 0
    assert replace(pages, remote="https://github.com/team/charts.git").cache == 600
