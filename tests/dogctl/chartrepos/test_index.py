"""Editing an index leaves all else as it is, whatever that is."""

from __future__ import annotations

from collections.abc import Mapping
from time import process_time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dogctl.chartrepos import index
from dogctl.chartrepos.versions import is_prerelease, is_strict, precedence
from dogctl.errors import DogctlError

NOW = "2026-11-21T10:00:00Z"
# As Helm writes it, but for what only others know.
HELM = """\
apiVersion: v1
entries:
  dogs:
  - apiVersion: v2
    created: "2024-05-06T07:08:09.123456789+02:00"
    description: |
      version: 9.9.9 is not the version

      - nor is this an entry
    digest: aaaa
    name: dogs
    unknown: [1, {two: 3}]
    urls:
    - https://elsewhere.example/dogs-1.10.tgz
    version: 1.10
  # kept
  - created: "2023-05-06T07:08:09Z"
    digest: 'bbbb'
    name: dogs
    urls: ["dogs-1.2.5.tgz"]
    version: "1.2.5"
  kennel:
  - name: kennel
    version: 0.1.0
generated: "2024-05-06T07:08:09Z"
serverInfo:
  contextPath: /charts
"""
WORDS = st.text("abcdefgh:#-'\"{}[]|>&*!%@ \n\\é0189.", max_size=30)
VALUES = st.recursive(
    WORDS | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,6}", fullmatch=True)
VERSIONS = st.from_regex(r"[0-3]\.(0|1|10)\.[0-2](-(rc|dev)\.[0-9]{1,2})?(\+b)?", fullmatch=True)
FIELDS = st.from_regex(r"x[a-zA-Z]{1,6}", fullmatch=True)


def entry(name: str, version: str, digest: str = "cccc", **more: Any) -> dict[str, Any]:
    urls = [f"{name}-{version}.tgz"]
    return {
        **more,
        "name": name,
        "version": version,
        "digest": digest,
        "urls": urls,
        "created": NOW,
    }


@st.composite
def indexes(draw: st.DrawFn) -> str:
    """Indexes as YAML libraries write them, in several styles."""
    charts: dict[str, Any] = {}
    for name in draw(st.lists(NAMES, unique=True, max_size=4)):
        versions = draw(st.lists(VERSIONS, unique=True, min_size=1, max_size=4))
        charts[name] = [
            {**entry(name, v, "old"), **draw(st.dictionaries(FIELDS, VALUES, max_size=3))}
            for v in versions
        ]
    whole = {"apiVersion": "v1", "entries": charts, "generated": "2020-01-01T00:00:00Z"}
    if draw(st.booleans()):
        whole["annotations"] = {"a": "b"}
    text: str = yaml.dump(
        whole,
        indent=draw(st.sampled_from([2, 4])),
        width=draw(st.sampled_from([40, 1000])),
        sort_keys=draw(st.booleans()),
        allow_unicode=draw(st.booleans()),
    )
    if draw(st.booleans()):  # as Go's yaml.v3 indents lists
        text = yaml.dump(whole, Dumper=Indented, width=1000)
    return text.rstrip("\n") if draw(st.booleans()) else text


class Indented(yaml.SafeDumper):
    """Indents lists below the key that they belong to."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        del indentless
        super().increase_indent(flow, indentless=False)


def read(text: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)
    return found


@pytest.mark.real
@given(indexes(), NAMES, VERSIONS, st.dictionaries(FIELDS, VALUES, max_size=3))
def test_adding_changes_nothing_else(
    text: str, name: str, version: str, more: dict[str, Any]
) -> None:
    new = entry(name, version, **more)
    before = read(text)["entries"]
    if any(each["version"] == version for each in before.get(name, ())):
        with pytest.raises(DogctlError, match="published already"):
            index.add(text, new)
        return
    added = index.add(text, new)
    after = read(added)
    assert after["generated"] == NOW
    mine = [each for each in after["entries"][name] if each["version"] == version]
    assert mine == [yaml.load(yaml.dump(new), Loader=yaml.BaseLoader)]
    rest = {
        chart: [each for each in found if (chart, each["version"]) != (name, version)]
        for chart, found in after["entries"].items()
    }
    assert {chart: found for chart, found in rest.items() if found} == before
    # Every old line is there, in its order.
    lines = iter(added.split("\n"))
    for line in text.rstrip("\n").split("\n"):
        if not line.startswith(("generated:", "entries:")):
            assert line in lines
    assert index.add(added, new) == added
    if before:
        assert strip(index.remove(added, name, {version})) == strip(text)


def strip(text: str) -> str:
    return "\n".join(line for line in text.rstrip("\n").split("\n") if "generated" not in line)


@pytest.mark.real
@given(indexes(), st.data())
def test_removing_changes_nothing_else(text: str, data: st.DataObject) -> None:
    before = read(text)["entries"]
    name = data.draw(st.sampled_from([*before, "none"]))
    known = [each["version"] for each in before.get(name, ())]
    gone = set(data.draw(st.lists(st.sampled_from([*known, "7.7.7"]))))
    removed = index.remove(text, name, gone, NOW)
    if not gone & set(known):
        assert removed == text
        return
    after = read(removed)
    assert after["generated"] == NOW
    kept = [each for each in before[name] if each["version"] not in gone]
    expected = {**before, name: kept} if kept else {k: v for k, v in before.items() if k != name}
    assert after["entries"] == expected
    assert set(removed.split("\n")) - set(text.split("\n")) <= {
        f'generated: "{NOW}"',
        "entries: {}",
    }


@given(indexes())
def test_all_is_read(text: str) -> None:
    before = read(text)["entries"]
    found = [(each.name, each.version, each.created, each.urls) for each in index.entries(text)]
    assert found == [
        (name, each["version"], each["created"], tuple(each["urls"]))
        for name, versions in before.items()
        for each in versions
    ]


def test_entries_as_they_are_written() -> None:
    found = index.entries(HELM, "dogs")
    assert [each.version for each in found] == ["1.10", "1.2.5"]
    assert [each.digest for each in found] == ["aaaa", "bbbb"]
    assert found[0].created == "2024-05-06T07:08:09.123456789+02:00"
    assert found[0].urls == ("https://elsewhere.example/dogs-1.10.tgz",)
    assert found[1].urls == ("dogs-1.2.5.tgz",)
    assert index.entries(HELM, "cats") == ()
    assert len(index.entries(HELM)) == 3


def test_a_new_version_stands_before_lower_ones() -> None:
    added = index.add(HELM, entry("dogs", "1.3.0"))
    assert [each.version for each in index.entries(added, "dogs")] == ["1.10", "1.3.0", "1.2.5"]
    assert added.count('"2024-05-06T07:08:09.123456789+02:00"') == 1
    assert added.endswith("serverInfo:\n  contextPath: /charts\n")
    assert index.remove(added, "dogs", {"1.3.0"}, "2024-05-06T07:08:09Z") == HELM


def test_a_version_is_taken_once() -> None:
    assert index.add(HELM, entry("dogs", "1.10", "aaaa")) == HELM
    with pytest.raises(DogctlError) as error:
        index.add(HELM, entry("dogs", "1.10", "eeee"))
    assert error.value.code == index.TAKEN
    # No other spelling of it is it.
    assert len(index.entries(index.add(HELM, entry("dogs", "1.10.0")), "dogs")) == 3


def test_the_first_one_and_the_last() -> None:
    first = index.add(index.EMPTY, entry("dogs", "1.0.0"))
    assert [each.version for each in index.entries(first)] == ["1.0.0"]
    assert index.entries(index.remove(first, "dogs", {"1.0.0"}, NOW)) == ()
    for empty in ("apiVersion: v1\nentries:\n", "entries:\n  dogs: []\n", "entries:\n  dogs:"):
        assert len(index.entries(index.add(empty, entry("dogs", "1.0.0")))) == 1


def test_windows_wrote_it() -> None:
    added = index.add(HELM.replace("\n", "\r\n"), entry("dogs", "1.3.0"))
    assert [each.version for each in index.entries(added, "dogs")] == ["1.10", "1.3.0", "1.2.5"]
    assert HELM.partition("  # kept")[0].replace("\n", "\r\n") in added


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "{}",
        "<!DOCTYPE html>\n<html>\n",
        '{"entries": {}}',
        "apiVersion: v1\nentries: {dogs: []}\n",
        "entries:\n  dogs: [{version: 1.0.0}]\n",
        "entries:\n  dogs:\n  - {version: 1.0.0}\n",
        "entries:\n  dogs:\n  - name: dogs\n",
        "entries:\n  dogs:\n  - version: [1]\n",
        "entries:\n  dogs:\n  - &a\n    version: 1.0.0\n",
        "entries:\n  dogs:\n  - version: 1.0.0\n  dogs:\n  - version: 1.1.0\n",
        "entries:\n  dogs:\n    cats:\n",
        "entries:\n  - version: 1.0.0\n",
        "entries:\n\tdogs:\n",
        "entries:\n    dogs:\n    - version: 1.0.0\n  cats:\n    - version: 1.0.0\n",
        "entries:\n  dogs:\n    - version: 1.0.0\n   - version: 1.1.0\n",
        "entries:\n  dogs:\n  - version: 1.0.0\n    version: 2.0.0\n",
        'entries:\n  dogs:\n  - home: "a\n    version: 1.0.0\n    b"\n    version: 2.0.0\n',
        "entries: {}\nentries: {}\n",
        "entries: {}\n---\nentries: {}\n",
    ],
)
def test_what_is_not_understood_is_refused(odd: str) -> None:
    for edit in (
        lambda: index.add(odd, entry("dogs", "2.0.0")),
        lambda: index.entries(odd) or index.remove(odd, "dogs", {"1.0.0"}),
    ):
        with pytest.raises(DogctlError) as error:
            edit()
        assert error.value.code == index.BAD_INDEX


def test_what_others_may_refer_to_is_not_removed() -> None:
    versions = "  - home: *a\n    version: 1.0.0\n  - home: &a x\n    version: 2.0.0\n"
    text = f"entries:\n  dogs:\n{versions}  cats:\n  - version: 1.0.0\n"
    for gone in ({"2.0.0"}, {"1.0.0", "2.0.0"}):
        with pytest.raises(DogctlError, match="&a"):
            index.remove(text, "dogs", gone)
    assert "&a" in index.remove(text, "dogs", {"1.0.0"})
    quoted = text.replace("*a", "x").replace("&a x", '"R: &d"')
    assert [each.version for each in index.entries(index.remove(quoted, "dogs", {"2.0.0"}))] == [
        *("1.0.0", "1.0.0"),
    ]


def test_an_index_is_utf_8() -> None:
    assert index.decoded("ü".encode()) == "ü"
    with pytest.raises(DogctlError):
        index.decoded(b"\xff")


def test_the_order_of_versions() -> None:
    ordered = ["odd", "0.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-rc.2"]
    ordered += ["1.0.0-rc.10", "1.0.0", "v1.2", "1.10.0"]
    assert sorted([*ordered[5:], *ordered[:5]], key=precedence) == ordered
    assert is_strict("1.4.1-dev.3.gabc1234")
    assert not is_strict("1.4")
    assert not is_strict("1.04.0")
    assert is_prerelease("1.0.0-rc.1")
    assert not is_prerelease("1.0.0+build")


def test_ten_thousand_entries_are_edited_in_a_moment() -> None:
    lines = "".join(f"    x{n}: {'y' * 30}\n" for n in range(18))
    versions = "".join(
        f"  - created: x\n{lines}    digest: d{n}\n    urls:\n    - a.tgz\n    version: {n}.0.0\n"
        for n in reversed(range(10_000))
    )
    text = f"apiVersion: v1\nentries:\n  dogs:\n{versions}generated: x\n"
    assert len(text) > 7_500_000
    began = process_time()
    added = index.add(text, entry("dogs", "5000.1.0"))
    middle = process_time()
    removed = index.remove(added, "dogs", {"5000.1.0"})
    ended = process_time()
    assert strip(removed) == strip(text)
    # 0.2 s on a machine that has nothing else to do.
    assert middle - began < 0.4
    assert ended - middle < 0.4
