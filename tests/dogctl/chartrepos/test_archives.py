"""Archives of charts, addresses of repositories, and what is decided about both."""

from __future__ import annotations

import io
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dogctl.chartrepos import base
from dogctl.chartrepos.base import (
    adopted,
    archive_key,
    chart_file,
    checked,
    is_published,
    normalised,
    same_chart,
    tries,
)
from dogctl.chartrepos.index import Entry
from dogctl.config import parse
from dogctl.errors import ConfigError, DogctlError
from dogctl.lifecycle.charts.address import Address, Kind, parse_address
from dogctl.lifecycle.charts.packing import package_of, save
from dogctl.lifecycle.charts.repository import newest
from dogctl.tools.helm_charts import Signing, lint_argv, package_argv
from tests.dogctl.chartrepos.charts import package


def archive(*members: tarfile.TarInfo) -> bytes:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as made:
        for member in members:
            made.addfile(member, io.BytesIO(b"x" * member.size))
    return tar.getvalue()


def test_the_same_files_make_the_same_archive() -> None:
    early, late = (package("dogs", "1.0.0", when=when).archive for when in (1, 1_700_000_000))
    assert early != late
    assert same_chart(early, late)
    assert normalised(early) == normalised(late) == package("dogs", "1.0.0").archive
    assert not same_chart(early, package("dogs", "1.0.0", "another").archive)
    assert b"name: dogs" in chart_file(late)


def test_an_archive_leads_nowhere_else() -> None:
    link = tarfile.TarInfo("dogs/Chart.yaml")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    for odd in (archive(link), archive(tarfile.TarInfo("../up")), archive(), b"no archive"):
        with pytest.raises(DogctlError) as error:
            package_of(odd)
        assert error.value.code == "bad-chart-archive"


def test_an_archive_that_is_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "LARGEST", 1 << 20)
    large = tarfile.TarInfo("dogs/Chart.yaml")
    large.size = 2 << 20
    # What is said of a file, and not in it, counts too.
    said = tarfile.TarInfo("dogs/Chart.yaml")
    said.pax_headers = {"comment": "x" * (2 << 20)}
    for odd in (archive(large), archive(said)):
        with pytest.raises(DogctlError, match="more than 1 MB"):
            package_of(odd)


def test_who_writes_the_same_file_at_once_writes_it_whole(tmp_path: Path) -> None:
    path, content = tmp_path / "charts" / "dogs-1.0.0.tgz", b"x" * 500_000
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: save(path, content), range(64)))
    assert path.read_bytes() == content
    folder = tmp_path / "folder.tgz"
    folder.mkdir()
    with pytest.raises(OSError, match=r"[Dd]irectory"):
        save(folder, content)
    assert sorted(each.name for each in tmp_path.rglob("*.*")) == [path.name, folder.name]


def test_an_archive_lies_beside_the_index() -> None:
    def key(url: str) -> str:
        return archive_key(Entry("dogs", "1.0.0", urls=(url,)))

    assert key("https://elsewhere.example/a/dogs-1.0.0.tgz") == "dogs-1.0.0.tgz"
    assert key("./old/dogs-1.0.0+b.tgz") == "old/dogs-1.0.0+b.tgz"
    assert key("s3://dogs/old/dogs-1.0.0%2Bb.tgz") == "dogs-1.0.0+b.tgz"
    made = package("dogs", "1.0.0+b").entry()["urls"]
    assert made == ["dogs-1.0.0%2Bb.tgz"]
    assert key(made[0]) == "dogs-1.0.0+b.tgz"
    assert archive_key(Entry("dogs", "1.0.0")) == "dogs-1.0.0.tgz"
    for odd in (
        "../dogs.tgz",
        "/etc/passwd",
        "a/../../b",
        "https://x/",
        "-x.tgz",
        "%2e%2e/dogs.tgz",
    ):
        with pytest.raises(DogctlError):
            key(odd)


def test_what_was_left_behind_is_gone_on_with() -> None:
    left, ours = package("dogs", "1.0.0", when=1), package("dogs", "1.0.0")
    assert adopted(ours, None) is ours
    assert adopted(ours, left.archive).digest == left.digest
    with pytest.raises(DogctlError, match="published already"):
        adopted(package("dogs", "1.0.0", "another"), left.archive)


def test_an_archive_that_is_gone_is_told() -> None:
    entry = Entry("dogs", "1.0.0", digest="sha256:" + package("dogs", "1.0.0").digest)
    assert checked(entry, package("dogs", "1.0.0").archive)
    for odd in (None, b"other"):
        with pytest.raises(DogctlError) as error:
            checked(entry, odd)
        assert error.value.code == "chart-corrupt"
    text = "entries:\n  dogs:\n  - version: 1.0.0\n"
    with pytest.raises(DogctlError, match="published already"):
        is_published(text, package("dogs", "1.0.0"), lambda _: None)


def test_others_are_waited_for_but_not_for_ever() -> None:
    waits: list[float] = []
    with pytest.raises(DogctlError) as error:
        list(tries("s3://a", waits.append))
    assert error.value.code == "chart-repository-busy"
    assert min(waits) > 0
    assert max(waits) <= 3


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("s3://dogs/a/b", Address(Kind.S3, "s3://dogs/a/b", "dogs", "a/b")),
        ("gs://dogs/", Address(Kind.GCS, "gs://dogs", "dogs")),
        ("oci://h:5000/team", Address(Kind.OCI, "oci://h:5000/team", "h:5000", "team")),
        (
            "https://team.github.io/charts",
            Address(
                Kind.PAGES, "https://team.github.io/charts", "https://github.com/team/charts.git"
            ),
        ),
        (
            "https://team.github.io",
            Address(
                Kind.PAGES, "https://team.github.io", "https://github.com/team/team.github.io.git"
            ),
        ),
        (
            "git+ssh://git@host/a.git#site:x/y",
            Address(
                Kind.PAGES,
                "git+ssh://git@host/a.git#site:x/y",
                "ssh://git@host/a.git",
                "x/y",
                "site",
            ),
        ),
    ],
    ids=["s3", "gs", "oci", "pages", "user", "git"],
)
def test_a_url_says_which_kind_it_is(url: str, address: Address) -> None:
    assert parse_address(parse.chart_repository(url), "here") == address


@pytest.mark.parametrize(
    "url", ["https://charts.example.com", "s3://dogs/../x", "git+https://h/a.git#-f", "oci:///x"]
)
def test_other_urls_are_none(url: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_address(url, "--repository")
    assert error.value.where == "--repository"


@pytest.mark.parametrize(
    "text", ["git+https://me:secret@h/a.git", "--upload-pack=x", "s3://a b", "git+ssh://-o/x", 5]
)
def test_a_setting_holds_no_password_and_no_option(text: object) -> None:
    with pytest.raises(ValueError, match="without a password"):
        parse.chart_repository(text)


def test_the_newest_release_is_chosen() -> None:
    def entries(*versions: str) -> list[Entry]:
        return [Entry("dogs", version) for version in versions]

    def chosen(*versions: str) -> str | None:
        found = newest(entries(*versions))
        return found and found.version

    assert chosen("1.10.0", "2.0.0-rc.1", "1.9.0") == "1.10.0"
    assert chosen("1.0.0-dev.2", "1.0.0-dev.10") == "1.0.0-dev.10"
    assert chosen() is None


def test_what_helm_is_told() -> None:
    folder, to = Path("charts/dogs"), Path("made")
    assert lint_argv(folder, strict=True) == ["helm", "lint", "--strict", "--", "charts/dogs"]
    signing = Signing("dog", Path("ring"), Path("phrase"))
    assert package_argv(folder, "1.0.0", "2", to, signing) == [
        *("helm", "package", "--version=1.0.0", "--app-version=2", "--destination=made", "--sign"),
        *("--key=dog", "--keyring=ring", "--passphrase-file=phrase", "--", "charts/dogs"),
    ]
