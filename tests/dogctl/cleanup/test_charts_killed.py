"""`dogctl chart publish` and `dogctl cleanup charts`, killed at every write and run again."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from dogctl.chartrepos.pages import Pages
from tests.dogctl.chartrepos.charts import helm, package, pulled, web
from tests.dogctl.cleanup.chart_stores import FOLDER, UNUSED, Kennel, Store, store
from tests.dogctl.conftest import Project
from tests.testbed.registries.registry import binary

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
PATIENCE = 60.0
WRITES = "PUT|POST|PATCH|DELETE"
# Not what git asks with a POST.
CHANGES = r"(?!.*git-upload-pack).*"
# What was left by a run that was killed is somebody else's for a day.
TWO_DAYS_LATER = """
import datetime, runpy, sys
from dogctl.lifecycle.cleanup import charts, images

class Later(datetime.datetime):
    @classmethod
    def now(cls, zone=None):
        return super().now(zone) + datetime.timedelta(days=2)

charts.datetime = images.datetime = Later
sys.argv[0] = "dogctl"
runpy.run_module("dogctl", run_name="__main__", alter_sys=True)
"""


@pytest.fixture(scope="module", autouse=True)
def unpacked() -> None:
    """Before the sandbox of the first test."""
    binary()


@pytest.fixture(scope="module", params=["helm", "helm4"])
def either_helm(request: pytest.FixtureRequest) -> str:
    return helm(request.param)


@pytest.fixture(params=["s3", "pages", "oci"])
def charts(request: pytest.FixtureRequest) -> Iterator[Store]:
    with store(request.param) as found:
        yield found


@pytest.fixture
def kennel(charts: Store, new_project: Callable[[], Project]) -> Kennel:
    return Kennel(new_project(), charts)


def run(kennel: Kennel, argv: Sequence[str], writes: int | None = None) -> int | None:
    """Its exit code; None if it was killed when it was about to write after so many writes."""
    environ = kennel.project.environ(**kennel.store.environ)
    with (
        kennel.store.proxy.hold(
            method=WRITES, path=CHANGES, spared=10_000 if writes is None else writes
        ) as came,
        subprocess.Popen(
            argv,
            cwd=kennel.project.root,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        ends = time.monotonic() + PATIENCE
        while not came.wait(0.02) and process.poll() is None and time.monotonic() < ends:
            pass
        if process.poll() is None:
            process.kill()
            process.wait()
            return None
        return process.returncode


def test_publish_is_repaired_by_the_next(kennel: Kennel, charts: Store, tmp_path: Path) -> None:
    for writes in range(30):
        version = f"1.{writes}.0"
        made = package("dogs", version)
        (tmp_path / "dogs.tgz").write_bytes(made.archive)
        argv = kennel.project.argv("chart", "publish", str(tmp_path / "dogs.tgz"))
        killed = run(kennel, argv, writes)
        assert run(kennel, argv) == 0
        entry = charts.repository.find("dogs", version)
        assert entry is not None
        assert charts.repository.pull(entry) == made.archive
        assert version in charts.versions()
        if killed is not None:
            assert killed == 0
            break
    else:
        pytest.fail("it never came to its end")
    assert charts.versions() == {f"1.{number}.0" for number in range(writes + 1)}
    assert charts.archives() == {f"dogs-1.{number}.0.tgz" for number in range(writes + 1)}


def test_cleanup_is_completed_by_the_next(kennel: Kennel, charts: Store) -> None:
    words = ("cleanup", "charts", "--keep", "2", "--yes", *UNUSED)
    argv = [sys.executable, "-c", TWO_DAYS_LATER, *words]
    wanted = {f"1.{number}.0" for number in (4, 5)}
    for writes in range(30):
        for number in range(6):
            if f"1.{number}.0" not in charts.versions():
                charts.publish("dogs", f"1.{number}.0", 50 - number)
        killed = run(kennel, argv, writes)
        assert run(kennel, argv) == 0
        assert charts.versions() == wanted
        assert charts.archives() == {f"dogs-{version}.tgz" for version in wanted}
        if killed is not None:
            assert killed == 0
            return
    pytest.fail("it never came to its end")


def test_helm_gets_what_stays(
    either_helm: str, kennel: Kennel, charts: Store, tmp_path: Path
) -> None:
    for number in range(4):
        charts.publish("dogs", f"1.{number}.0", 50 - number)
    done = kennel.cleanup("--keep", "2", "--yes", *UNUSED)
    assert done.code == 0, done.err
    if charts.url.startswith("oci://"):
        words = (f"{charts.url}/dogs", "--plain-http")
        for version in ("1.2.0", "1.3.0"):
            got = pulled(either_helm, tmp_path / version, *words, f"--version={version}")
            assert got == package("dogs", version).archive
        with pytest.raises(subprocess.CalledProcessError):
            pulled(either_helm, tmp_path / "old", *words, "--version=1.1.0")
        return
    site = tmp_path / "site"
    with web(shown(charts, site)) as url:
        for version in ("1.2.0", "1.3.0"):
            got = pulled(either_helm, tmp_path / version, url, "dogs", f"--version={version}")
            assert got == package("dogs", version).archive
        with pytest.raises(subprocess.CalledProcessError):
            pulled(either_helm, tmp_path / "old", url, "dogs", "--version=1.1.0")


def shown(charts: Store, site: Path) -> Path:
    """The files as a web server has them."""
    site.mkdir()
    repository = charts.repository
    if isinstance(repository, Pages):
        with repository._clone() as clone:
            for name in clone.names():
                (site / name).write_bytes(clone.read(name) or b"")
        return site
    objects = repository.objects  # type: ignore[attr-defined]
    for key, *_ in objects.listing(f"{FOLDER}/"):
        (site / re.sub(rf"^{FOLDER}/", "", key)).write_bytes(objects.read(key)[0])
    return site
