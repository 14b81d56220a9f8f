"""Repositories of charts in buckets: moto's S3, the test bed's Cloud Storage, fake-gcs-server's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from google.cloud.storage import Blob

from dogctl.chartrepos import index
from dogctl.config.load import load
from dogctl.errors import DogctlError
from dogctl.execution import execute, look
from dogctl.lifecycle.charts.repository import address_of
from dogctl.lifecycle.cleanup.charts import Charts
from dogctl.lifecycle.cleanup.guards import Guard
from dogctl.lifecycle.cleanup.parts import Cleanup
from dogctl.lifecycle.cleanup.references import References
from dogctl.lifecycle.cleanup.retention import Policy
from tests.dogctl.chartrepos import stores
from tests.dogctl.chartrepos.charts import helm, package, published_at_once, pulled, web
from tests.dogctl.chartrepos.stores import FOLDER, NAME, Store, at_amazon
from tests.dogctl.infra_project import Silent
from tests.testbed.aws import Aws, aws
from tests.testbed.google.fake_gcs import BUILD
from tests.testbed.registries.faults import FaultyProxy, Passing
from tests.testbed.registries.serving import served

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", params=["helm", "helm4"])
def either_helm(request: pytest.FixtureRequest) -> str:
    return helm(request.param)


@pytest.fixture(scope="module")
def amazon() -> Iterator[Aws]:
    with aws() as found:
        yield found


@pytest.fixture(scope="module", params=["s3", "gcs", "fake-gcs-server"])
def place(request: pytest.FixtureRequest) -> Callable[[], AbstractContextManager[Store]]:
    """Of a module, as its parts are: those are found outside of a test's sandbox."""
    match request.param:
        case "s3":
            found: Aws = request.getfixturevalue("amazon")
            return lambda: nullcontext(at_amazon(found))
        case "gcs":
            return stores.at_google
        case _:
            return partial(stores.at_fake_gcs, BUILD.program())


@pytest.fixture
def store(
    place: Callable[[], AbstractContextManager[Store]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    with place() as found:
        for name, value in found.environ.items():
            monkeypatch.setenv(name, value)
        yield found


def test_helm_gets_what_was_published(store: Store, either_helm: str, tmp_path: Path) -> None:
    first, second = package("dogs", "1.0.0"), package("dogs", "1.10.0+build.5")
    assert store.repository().publish(first)
    assert store.repository().publish(second)
    for name, content in store.content().items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with web(tmp_path / "site") as host:
        url = f"{host}/{FOLDER}"
        assert pulled(either_helm, tmp_path / "new", url, "dogs") == second.archive
        assert (
            pulled(either_helm, tmp_path / "old", url, "dogs", "--version=1.0.0") == first.archive
        )


def test_helm_gets_it_from_s3_itself(amazon: Aws, either_helm: str, tmp_path: Path) -> None:
    store = at_amazon(amazon)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in store.environ.items():
            patch.setenv(name, value)
        new = package("dogs", "1.0.0")
        store.repository().publish(new)
    for name in store.content():  # Helm has no login
        amazon.client("s3").put_object_acl(Bucket=NAME, Key=name, ACL="public-read")
    found = f"{amazon.url}/{NAME}/{FOLDER}"
    assert pulled(either_helm, tmp_path / "pull", found, "dogs") == new.archive


def test_published_versions_never_change(store: Store) -> None:
    repository = store.repository()
    assert repository.listing().versions == ()
    signed = replace(package("dogs", "1.0.0"), provenance=b"signed")
    assert repository.publish(signed)
    before = store.content()
    assert not repository.publish(package("dogs", "1.0.0"))
    assert not repository.publish(package("dogs", "1.0.0", when=1_700_000_000))
    with pytest.raises(DogctlError) as error:
        repository.publish(package("dogs", "1.0.0", "another"))
    assert error.value.code == "version-taken"
    assert store.content() == before
    (entry,) = repository.listing("dogs").versions
    assert repository.find("dogs", "1.0.0") == entry
    assert repository.find("dogs", "1.0") is None
    assert repository.pull(entry) == signed.archive
    assert repository.provenance(entry) == b"signed"


@pytest.mark.parametrize("place", ["gcs", "fake-gcs-server"], indirect=True)
def test_one_of_several_writers_is_let_through(store: Store) -> None:
    writers = [store.repository().objects for _ in range(6)]

    def write(mark: str | None, contents: str) -> list[bool]:
        start = Barrier(len(writers))

        def one(number: int) -> bool:
            start.wait(60)
            return writers[number].write("dogs", contents[number].encode(), mark, "", "")

        with ThreadPoolExecutor(len(writers)) as pool:
            return list(pool.map(one, range(len(writers))))

    mark = None
    for contents in ("abcdef", "ghijkl"):
        let = write(mark, contents)
        assert sum(let) == 1
        assert not any(write(mark, "xxxxxx"))
        found = writers[0].read("dogs")
        assert found is not None
        assert found[0].decode() == contents[let.index(True)]
        mark = found[1]


@pytest.mark.parametrize("place", ["gcs", "fake-gcs-server"], indirect=True)
def test_content_and_mark_are_of_one_write(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """At Google they are asked for one by one; of the two, only our own refuses by condition."""
    objects, another = store.repository().objects, store.repository().objects
    assert objects.write("dogs", b"old", None, "", "")
    old = objects.read("dogs")
    assert old is not None
    late = [old[1]]
    download = Blob.download_as_bytes

    def written_before(blob: Blob, **more: Any) -> Any:
        if late:
            assert another.write("dogs", b"new", late.pop(), "", "")
        return download(blob, **more)

    monkeypatch.setattr(Blob, "download_as_bytes", written_before)
    found = objects.read("dogs")
    assert found is not None
    assert found[0] == b"new"
    assert objects.write("dogs", b"newer", found[1], "", "")


def test_four_publishers_at_once_lose_nothing(store: Store) -> None:
    published_at_once(
        [store.repository() for _ in range(4)],
        lambda number, turn: package(f"dogs{number % 2}", f"{number}.{turn}.0"),
        5,
    )
    found = {(each.name, each.version) for each in store.repository().listing().versions}
    assert found == {(f"dogs{n % 2}", f"{n}.{turn}.0") for n in range(4) for turn in range(5)}


def cleaner(store: Store, folder: Path) -> Callable[[str], None]:
    """The cleanup of the versions that an expression matches, as a command does it."""
    (folder / "pyproject.toml").write_text(
        f'[tool.dogctl]\nname = "kennel"\nchart-repository = "{store.scheme}://{NAME}/{FOLDER}"\n'
    )
    project = load(folder=folder)

    def clean(versions: str) -> None:
        policy = Policy(older_than=timedelta(0), only=(re.compile(versions),))
        address = address_of(project)
        charts = Charts(project, policy, frozenset(Guard), address=address, chart="dogs")
        cleanup = Cleanup([charts], lambda _: References(None, "dogs"), "no environment")
        looked = cleanup.looked(look(cleanup.looking())[1])
        report = execute(cleanup.deleting(looked), Silent())
        if report.error:
            raise report.error

    return clean


@pytest.mark.timeout(600)
def test_two_publishers_and_a_cleanup_lose_nothing(store: Store, tmp_path: Path) -> None:
    """Each with a connection of its own; a thousand versions come and go, or 120."""
    old = [f"0.{number}.0" for number in range(store.turns)]
    text = index.EMPTY
    for version in old:
        made = replace(package("dogs", version), created="2020-01-01T00:00:00Z")
        text = index.add(text, made.entry())
    repositories = [store.repository() for _ in range(3)]
    assert repositories[0].objects.write(f"{FOLDER}/index.yaml", text.encode(), None, "", "")

    def publish(number: int) -> None:
        for turn in range(store.turns):
            assert repositories[number].publish(package("dogs", f"{number}.{turn}.0"))

    def clean() -> None:
        each = cleaner(store, tmp_path)
        for tens in sorted({version.split(".")[1][:-1] for version in old}):
            each(rf"0\.{tens}\d\.0")

    with ThreadPoolExecutor(3) as pool:
        for each in [pool.submit(clean), pool.submit(publish, 1), pool.submit(publish, 2)]:
            each.result()
    found = [each.version for each in store.repository().listing("dogs").versions]
    assert sorted(found) == sorted(f"{n}.{turn}.0" for n in (1, 2) for turn in range(store.turns))


class Killed(BaseException):
    """The end, at some point."""


class Ends:
    """Objects that end before they write the index."""

    def __init__(self, objects: Any) -> None:
        self._objects = objects

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    def write(self, key: str, *words: Any) -> bool:
        if key.endswith("index.yaml"):
            raise Killed
        written: bool = self._objects.write(key, *words)
        return written


def test_the_next_publisher_repairs_what_was_uploaded_only(store: Store) -> None:
    repository = store.repository()
    killed = replace(repository, objects=Ends(repository.objects))
    left = package("dogs", "1.0.0", when=1_700_000_000)
    with pytest.raises(Killed):
        killed.publish(left)
    assert repository.listing().versions == ()
    with pytest.raises(DogctlError) as error:
        repository.publish(package("dogs", "1.0.0", "another"))
    assert error.value.code == "version-taken"
    assert repository.publish(package("dogs", "1.0.0"))
    (entry,) = repository.listing().versions
    assert repository.pull(entry) == left.archive


class Late:
    """Objects that one write is refused at, because another has not ended, or whose answer is lost."""

    def __init__(self, objects: Any, key: str, *, lost: bool) -> None:
        self._objects = objects
        self._key = key
        self._lost = lost

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    def write(self, key: str, *words: Any) -> bool:
        if key != self._key:
            return bool(self._objects.write(key, *words))
        self._key = ""
        if self._lost:
            self._objects.write(key, *words)
        return False


def test_one_who_is_uploading_at_this_moment_is_waited_for(store: Store) -> None:
    repository, new = store.repository(), package("dogs", "1.0.0")
    objects = Late(repository.objects, f"{FOLDER}/dogs-1.0.0.tgz", lost=False)
    assert replace(repository, objects=objects).publish(new)
    (entry,) = repository.listing().versions
    assert repository.pull(entry) == new.archive


def test_what_was_removed_is_told_though_the_answer_is_lost(store: Store) -> None:
    repository = store.repository()
    for version in ("1.0.0", "2.0.0"):
        repository.publish(package("dogs", version))
    objects = Late(repository.objects, f"{FOLDER}/index.yaml", lost=True)
    gone = replace(repository, objects=objects).remove("dogs", {"1.0.0"})
    assert [each.version for each in gone] == ["1.0.0"]


def test_a_signature_is_not_left_out_in_silence(store: Store) -> None:
    repository = store.repository()
    left = package("dogs", "1.0.0", when=1_700_000_000)
    signed = replace(package("dogs", "1.0.0"), provenance=b"signed")
    key = f"{FOLDER}/dogs-1.0.0.tgz"
    assert repository.objects.write(key, left.archive, None, "", "")
    with pytest.raises(DogctlError) as error:
        repository.publish(signed)
    assert error.value.code == "chart-not-signed"
    assert repository.listing().versions == ()
    assert repository.objects.write(f"{key}.prov", b"another's", None, "", "")
    assert repository.publish(signed)
    (entry,) = repository.listing().versions
    assert (repository.pull(entry), repository.provenance(entry)) == (left.archive, b"another's")


class Deaf(Passing):
    """Passes everything on but the conditions, as stores do that are older than those."""

    faults = FaultyProxy()

    def send_on(self, *words: Any, **more: Any) -> None:
        for name in ("If-Match", "If-None-Match"):
            del self.headers[name]
        super().send_on(*words, **more)


def test_a_store_without_conditions_is_refused(
    amazon: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = at_amazon(amazon)

    class Handler(Deaf):
        upstream = amazon.url.removeprefix("http://")

    with served(Handler, nullcontext) as host:
        for name, value in {**store.environ, "AWS_ENDPOINT_URL": f"http://{host}"}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(DogctlError) as error:
            store.repository().publish(package("dogs", "1.0.0"))
    assert error.value.code == "no-conditional-writes"
    assert set(store.content()) == {f"{FOLDER}/dogs-1.0.0.tgz"}


def test_removed_first_and_deleted_then(store: Store) -> None:
    repository = store.repository("")
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        repository.publish(package("dogs", version))
    known = repository.listing("dogs").versions
    assert repository.delete_archives(known) == ()
    gone = repository.remove("dogs", {"1.0.0", "1.1.0"})
    assert repository.remove("dogs", {"1.0.0"}) == ()
    assert len(repository.delete_archives(known)) == 2
    assert repository.delete_archives(gone) == gone
    assert set(store.content()) == {"dogs-1.2.0.tgz", "index.yaml"}


def test_no_such_bucket(store: Store) -> None:
    with pytest.raises(DogctlError) as error:
        store.repository(bucket="elsewhere-charts").listing()
    assert error.value.message == "there is no such bucket"
    assert error.value.hint is not None
    assert "bucket" in error.value.hint


def test_archives_are_listed_whether_they_are_named_or_not(store: Store) -> None:
    repository = store.repository()
    for name, version in (("dogs", "1.0.0"), ("dogs", "1.1.0"), ("cats", "1.0.0")):
        repository.publish(replace(package(name, version), provenance=b"signed"))
    repository.remove("dogs", {"1.0.0"})
    found = repository.archives("dogs")
    assert [each.key for each in found] == ["dogs-1.0.0.tgz", "dogs-1.1.0.tgz"]
    for each in found:
        assert each.size == len(store.content()[f"{FOLDER}/{each.key}"])
        assert each.since is not None
        assert abs(datetime.now(UTC) - each.since) < timedelta(minutes=5)


class Cleaned(Ends):
    """Objects of which a cleanup deletes an archive just before the index names it."""

    def write(self, key: str, *words: Any) -> bool:
        if key.endswith("index.yaml"):
            self._objects.delete([f"{FOLDER}/dogs-1.0.0.tgz"])
        written: bool = self._objects.write(key, *words)
        return written


def test_an_archive_that_is_cleaned_up_while_it_is_published_is_put_back(store: Store) -> None:
    repository = store.repository()
    new = package("dogs", "1.0.0")
    with pytest.raises(Killed):
        replace(repository, objects=Ends(repository.objects)).publish(new)
    assert replace(repository, objects=Cleaned(repository.objects)).publish(new)
    (entry,) = repository.listing().versions
    assert repository.pull(entry) == new.archive
