"""Charts in a real registry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from dogctl.chartrepos.oci import OciCharts
from dogctl.errors import ConfigError, DogctlError
from dogctl.registries.base import Login
from dogctl.registries.oci_content import OciContent
from dogctl.secrets import Secret
from tests.dogctl.chartrepos.charts import helm, package, published_at_once, pulled
from tests.testbed.registries.content import Uploader
from tests.testbed.registries.faults import faulty
from tests.testbed.registries.registry import (
    PASSWORD,
    USERNAME,
    RunningRegistry,
    binary,
    registry,
)

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", autouse=True)
def unpacked() -> None:
    """Before the sandbox of the first test."""
    binary()


@pytest.fixture(scope="module", params=["helm", "helm4"])
def either_helm(request: pytest.FixtureRequest) -> str:
    return helm(request.param)


@pytest.fixture
def running() -> Iterator[RunningRegistry]:
    with registry() as found:
        yield found


@pytest.fixture
def charts(running: RunningRegistry) -> OciCharts:
    return repository(running)


def repository(running: RunningRegistry, path: str = "team/charts") -> OciCharts:
    return OciCharts(f"oci://{running.host}/{path}", OciContent(running.host), path)


def test_helm_gets_what_was_published(charts: OciCharts, either_helm: str, tmp_path: Path) -> None:
    new = package("dogs", "1.10.0+build.5")
    assert charts.publish(new)
    words = (f"{charts.url}/dogs", "--version=1.10.0+build.5", "--plain-http")
    assert pulled(either_helm, tmp_path / "pull", *words) == new.archive


def test_published_versions_never_change(charts: OciCharts) -> None:
    signed = replace(package("dogs", "1.0.0+b"), provenance=b"signed")
    assert charts.listing("dogs").versions == ()
    assert charts.publish(signed)
    assert not charts.publish(signed)
    assert not charts.publish(package("dogs", "1.0.0+b", when=1_700_000_000))
    with pytest.raises(DogctlError) as error:
        charts.publish(package("dogs", "1.0.0+b", "another"))
    assert error.value.code == "version-taken"
    (entry,) = charts.listing("dogs").versions
    assert (entry.version, entry.digest) == ("1.0.0+b", signed.digest)
    assert entry.created == signed.created
    assert charts.find("dogs", "1.0.0+b") == entry
    assert charts.find("dogs", "1.0") is None
    assert charts.pull(entry) == signed.archive
    assert charts.provenance(entry) == b"signed"


def test_all_charts_are_listed_where_the_registry_tells(
    charts: OciCharts, running: RunningRegistry
) -> None:
    for name, version in (("dogs", "1.0.0"), ("dogs", "1.2.0"), ("cats", "0.1.0")):
        charts.publish(package(name, version))
    Uploader(running, "team/charts/dogs").image("latest", "no chart")
    Uploader(running, "team/other").image("1.0.0", "no chart")
    found = charts.listing()
    assert not found.complete
    names = [(each.name, each.version) for each in found.versions]
    assert names == [("cats", "0.1.0"), ("dogs", "1.2.0"), ("dogs", "1.0.0")]
    assert charts.listing("dogs").complete


def test_four_publishers_at_once_lose_nothing(running: RunningRegistry) -> None:
    published_at_once(
        [repository(running) for _ in range(4)],
        lambda number, turn: package("dogs", f"{number}.{turn}.0"),
        5,
    )
    found = {each.version for each in repository(running).listing("dogs").versions}
    assert found == {f"{number}.{turn}.0" for number in range(4) for turn in range(5)}


def test_what_only_a_login_shows_is_not_written_over(
    charts: OciCharts, running: RunningRegistry
) -> None:
    first = package("dogs", "1.0.0")
    charts.publish(first)
    with faulty(running.host) as proxy:
        behind = OciCharts(charts.url, OciContent(proxy.host), charts.path)
        for other, taken in ((package("dogs", "1.0.0", "another"), True), (first, False)):
            proxy.fail(1, method="GET", path=".*/manifests/1.0.0", status=404)
            with pytest.raises(DogctlError) if taken else nullcontext():
                assert not behind.publish(other)
    (entry,) = charts.listing("dogs").versions
    assert charts.pull(entry) == first.archive


def test_a_login_is_needed() -> None:
    with registry(password=PASSWORD) as locked:
        url, login = f"oci://{locked.host}/team", Login(USERNAME, Secret(PASSWORD))
        with pytest.raises(DogctlError) as error:
            OciCharts(url, OciContent(locked.host), "team").publish(package("dogs", "1.0.0"))
        assert error.value.code == "registry-not-logged-in"
        mine = OciCharts(url, OciContent(locked.host, lambda: login), "team")
        assert mine.publish(package("dogs", "1.0.0"))
        with pytest.raises(ConfigError) as refused:
            OciCharts(url, OciContent(locked.host), "team").listing()
        assert refused.value.code == "chart-name-needed"
