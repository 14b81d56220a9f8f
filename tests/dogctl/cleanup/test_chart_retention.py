"""Which versions of a chart stay and which go: by hand, and in random worlds."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dogctl.chartrepos.base import Archive, archive_key
from dogctl.chartrepos.index import Entry
from dogctl.errors import DogctlError
from dogctl.lifecycle.cleanup.chart_retention import ChartFindings, decide_charts
from dogctl.lifecycle.cleanup.chart_uses import dependents, versions_in_use
from dogctl.lifecycle.cleanup.guards import Guard
from dogctl.lifecycle.cleanup.retention import Policy, keep_latest
from dogctl.registries.inventory import Kind
from tests.dogctl.cleanup.worlds import NOW, POLICIES

pytestmark = pytest.mark.timeout(900)
WORLDS = 5000 if os.environ.get("CI") == "true" else 300
VERSIONS = ("0.9.0", "1.0.0-rc.1", "1.0.0", "1.0.0+b", "1.2.0", "1.10.0", "2.0.0", "latest")
SPECS = (*VERSIONS, "3.0.0", "=1.2.0", "v1.2.0", "^1.0.0", ">= 1.0.0 < 2", "")


@dataclass(frozen=True)
class World:
    """An index, the files beside it, and what is asked for."""

    entries: tuple[Entry, ...]
    archives: tuple[Archive, ...]
    asked: Mapping[str, str]
    policy: Policy

    def found(self, now: datetime = NOW) -> ChartFindings:
        asked = {**dependents(self.entries, "dogs"), **self.asked}
        return decide_charts("dogs", self.entries, self.archives, asked, self.policy, now)

    def after(self, versions: Collection[str], files: Collection[str]) -> World:
        """With some versions out of the index, and some files deleted."""
        left = (x for x in self.entries if x.name != "dogs" or x.version not in versions)
        files_left = (each for each in self.archives if each.key not in files)
        return replace(self, entries=tuple(left), archives=tuple(files_left))


def entry(name: str, version: str, hours: float | None, *parts: tuple[str, str]) -> Entry:
    created = None if hours is None else (NOW - timedelta(hours=hours)).isoformat()
    file = f"{name}-{version}.tgz"
    return Entry(name, version, created, None, (file,), dependencies=parts)


def archive(key: str, hours: float | None) -> Archive:
    return Archive(key, None if hours is None else NOW - timedelta(hours=hours), 100)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Archives are as old as their entries; some have none any more, and some lack theirs."""
    hours = st.sampled_from([None, 1, 23, 25, 100, 800, 3000])
    own = draw(st.dictionaries(st.sampled_from(VERSIONS), hours))
    parts = st.tuples(st.sampled_from(["dogs", "other"]), st.sampled_from(SPECS))
    others = draw(st.lists(st.lists(parts, max_size=2), max_size=2))
    entries = [entry("dogs", version, age) for version, age in own.items()]
    entries += [
        entry("kennel", f"1.{n}.0", 3000, *dependencies) for n, dependencies in enumerate(others)
    ]
    left = draw(st.dictionaries(st.sampled_from(VERSIONS), hours))
    lost = draw(st.sets(st.sampled_from(VERSIONS), max_size=1))
    files = {f"dogs-{v}.tgz": age for v, age in {**left, **own}.items() if v not in lost}
    files |= {"dogs-more-1.0.0.tgz": 3000, "kennel-1.0.0.tgz": 3000}
    archives = tuple(archive(key, age) for key, age in files.items())
    asked = dict.fromkeys(draw(st.sets(st.sampled_from(SPECS), max_size=2)), "prod")
    return World(tuple(entries), archives, asked, draw(POLICIES))


def going(found: ChartFindings) -> tuple[set[str], set[str]]:
    """The versions and the files that go."""
    versions = {each.tags[0] for each in found.going if each.kind is Kind.CHART}
    files = {each.tags[0] for each in found.going if each.kind is Kind.ARCHIVE}
    return versions, files


@settings(max_examples=WORLDS)
@given(worlds())
def test_what_is_needed_never_goes_and_a_second_run_deletes_nothing(world: World) -> None:
    versions, files = going(world.found())
    own = {each.version for each in world.entries if each.name == "dogs"}
    others = [each for each in world.entries if each.name != "dogs"]
    asked = [*world.asked, *(v for each in others for n, v in each.dependencies if n == "dogs")]
    for spec in asked:
        exact = spec.lstrip("=v")
        if exact[:1].isdigit():
            assert exact not in versions
        elif spec:
            assert not versions
    assert not files & {archive_key(each) for each in world.entries}
    assert files <= {f"dogs-{version}.tgz" for version in VERSIONS if version != "latest"}
    for each in world.archives:
        if each.key in files:
            assert each.since is not None
            assert NOW - each.since >= world.policy.grace
    assert versions <= own
    left = world.after(versions, files | {f"dogs-{version}.tgz" for version in versions})
    assert going(left.found()) == (set(), set())


@settings(max_examples=WORLDS)
@given(worlds(), st.data())
def test_an_interrupted_run_is_completed_by_the_next(world: World, data: st.DataObject) -> None:
    versions, files = going(world.found())
    all_files = files | {f"dogs-{version}.tgz" for version in versions}
    whole = world.after(versions, all_files)
    some = data.draw(st.sets(st.sampled_from(sorted(all_files)))) if all_files else set()
    # The index is one write: it was done, or it was not; archives go after it only.
    half = world.after(versions, some) if data.draw(st.booleans()) else world
    more_versions, more_files = going(half.found())
    more = {f"dogs-{version}.tgz" for version in more_versions}
    rest = half.after(more_versions, more_files | more)
    assert rest.entries == whole.entries
    # What has no name of a version is nobody's archive any more.
    assert {each.key for each in rest.archives} - {"dogs-latest.tgz"} == {
        each.key for each in whole.archives
    } - {"dogs-latest.tgz"}


def reasons(found: ChartFindings) -> dict[str, str | None]:
    return {each.item.tags[0]: each.reason if each.keep else None for each in found.decided}


def test_of_one_moment_the_highest_versions_stay() -> None:
    versions = ("1.9.0", "1.10.0-rc.1", "1.10.0", "1.2.0")
    entries = [entry("dogs", version, 100) for version in versions]
    found = decide_charts("dogs", entries, (), {}, keep_latest(2), NOW)
    assert {version for version, why in reasons(found).items() if why} == {"1.10.0", "1.10.0-rc.1"}


def test_an_index_that_names_little_is_not_believed() -> None:
    files = tuple(archive(f"dogs-1.{number}.0.tgz", 100) for number in range(4))
    for entries in ((), (entry("dogs", "1.0.0", 100),), (entry("other", "1.0.0", 100),)):
        found = decide_charts("dogs", entries, files, {}, keep_latest(1), NOW)
        assert "allow-most" in {str(each.guard) for each in found.objections}
    entries = tuple(entry("dogs", f"1.{number}.0", 100) for number in range(2))
    found = decide_charts("dogs", entries, files, {"1.0.0": "prod"}, keep_latest(2), NOW)
    assert (len(found.going), found.objections) == (2, ())


def test_what_may_have_been_missed_is_told() -> None:
    entries = tuple(entry("dogs", f"1.{number}.0", 100) for number in range(3))
    gaps = ("dev: nobody knows", "qa: nobody knows")
    found = decide_charts("dogs", entries, (), {"1.0.0": "x"}, keep_latest(1), NOW, gaps=gaps)
    (objection,) = found.objections
    assert (objection.guard, found.gaps) == (Guard.GAPS, gaps)
    assert objection.says.endswith(": dev: nobody knows; qa: nobody knows")
    # Where nothing would go, nothing is to be proven.
    assert not decide_charts("dogs", entries, (), {}, keep_latest(3), NOW, gaps=gaps).objections


def test_two_entries_of_one_version_go_together() -> None:
    entries = [entry("dogs", "1.0.0", 100), entry("dogs", "1.0.0", 30), entry("dogs", "2.0.0", 50)]
    found = decide_charts("dogs", entries, (), {}, keep_latest(1), NOW)
    assert reasons(found) == {"1.0.0": "one of the newest 1", "2.0.0": None}


def test_what_was_left_is_told_by_its_file() -> None:
    files = {"dogs-0.1.0.tgz": 100.0, "dogs-0.2.0.tgz": 1.0, "dogs-x.tgz": 100.0}
    archives = [archive(key, age) for key, age in files.items()]
    found = decide_charts("dogs", [], archives, {}, keep_latest(1), NOW)
    assert reasons(found) == {"dogs-0.1.0.tgz": None}


def test_an_archive_elsewhere_stops_it() -> None:
    entries = [replace(entry("dogs", "1.0.0", 100), urls=("../dogs.tgz",))]
    with pytest.raises(DogctlError):
        decide_charts("dogs", entries, (), {}, keep_latest(1), NOW)


@pytest.mark.parametrize(
    ("spec", "kept"),
    [
        ("1.0.0", {"1.0.0", "1.0.0+b"}),
        ("v1.2.0", {"1.2.0"}),
        ("= 1.2.0", {"1.2.0"}),
        ("1.2", {"1.0.0", "1.0.0+b", "1.2.0", "2.0.0-rc.1"}),
        ("*", {"1.0.0", "1.0.0+b", "1.2.0", "2.0.0-rc.1"}),
        ("", {"1.2.0", "2.0.0-rc.1"}),
        ("7.0.0", set()),
    ],
)
def test_what_a_version_means(spec: str, kept: set[str]) -> None:
    versions = ("1.0.0", "1.0.0+b", "1.2.0", "2.0.0-rc.1")
    assert set(versions_in_use({spec: "here"}, versions)) == kept
