"""The index.yaml of a chart repository, edited as text.

What is not edited stays byte for byte: Helm's own merge gives new `created` times to old entries,
and who reads YAML and writes it again loses what it does not know and makes 1.1 of the version
1.10. It is also 50 times slower. So only the lines of one chart are looked at, and an index whose
lines are not as Helm and its kin write them is refused rather than guessed at.
https://helm.sh/docs/topics/chart_repository/#the-index-file
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from dogctl.chartrepos.anchors import find_anchor
from dogctl.chartrepos.versions import precedence
from dogctl.errors import DogctlError

EMPTY = "apiVersion: v1\nentries: {}\n"
TAKEN = "version-taken"
BAD_INDEX = "bad-index"

# Of a text before which there is a line end, so that every line begins with one: a search for
# these is ten times as fast as one for `^`.
_TOP = re.compile(r"\n(?=[^ \r\n#])")
_TOP_KEY = re.compile(r"\n([A-Za-z][A-Za-z0-9]*):(?=\s|$)")
_NOTHING = re.compile(r"(?:\{\})?[ ]*(?:#.*)?\r?")
_CHART = re.compile(r"""(["']?)([A-Za-z0-9][A-Za-z0-9._-]*)\1:[ ]*(\[\])?[ ]*\r?""")
_FIRST = re.compile(r"\n( *)(?=[^ \r\n#])")
_DASH = re.compile(r"""\n *- +(?=["']?[A-Za-z])""")
_PLAIN = re.compile(r"[A-Za-z0-9_./+][A-Za-z0-9_./+:@~%=,()-]*(?: [A-Za-z0-9_./+=,()-]+)*")
_QUOTED = re.compile(r'"([^"\\\n]*)"')


@dataclass(frozen=True)
class Entry:
    """One version of a chart, as the index has it.

    Args:
        urls: where its archive is; relative ones begin where the index is.
        digest: the SHA-256 of the archive.
        created: when it was published, in ISO 8601.
        dependencies: the charts that it is made of: their names, and their versions or the ranges
            of those.
    """

    name: str
    version: str
    created: str | None = None
    digest: str | None = None
    urls: tuple[str, ...] = ()
    app_version: str | None = None
    dependencies: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class _Item:
    """The lines of an entry; `text` has them as the mapping that they are, without the dash."""

    start: int
    end: int
    indent: int
    text: str


@dataclass(frozen=True)
class _Chart:
    """The lines of a chart: the whole, and where its entries begin."""

    name: str
    start: int
    body: int
    end: int


@dataclass(frozen=True)
class _Index:
    """An index with a line end before it: where in it the lines of `entries` are.

    `tops` are the lines that are not indented, by their keys; `indent` is that of charts' names.
    """

    text: str
    tops: Mapping[str, tuple[int, int]]
    body: int
    end: int
    indent: int
    charts: tuple[_Chart, ...]

    def chart(self, name: str) -> _Chart | None:
        return next((each for each in self.charts if each.name == name), None)

    def edited(self, changes: Iterable[tuple[int, int, str]], moment: str | None) -> str:
        """The index with some spans replaced, and the time of that in it."""
        if moment is not None:
            start, end = self.tops.get("generated", (_end(self.text),) * 2)
            changes = [*changes, (start, end, f'\ngenerated: "{moment}"')]
        parts, at = [], 0
        for start, end, text in sorted(changes):
            parts += [self.text[at:start], text]
            at = end
        return "".join((*parts, self.text[at:]))[1:]


def decoded(content: bytes) -> str:
    """The text of an index. Raises DogctlError: it is none."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise _odd("it is no UTF-8") from None


def entries(index: str, name: str | None = None) -> tuple[Entry, ...]:
    """All versions in the order of the index, or those of one chart. Raises DogctlError.

    Only among all of them it is told what they are made of: that takes as long as all the rest.
    """
    known, whole = _parsed(index), name is None
    charts = [each for each in known.charts if whole or name == each.name]
    return tuple(_entry(each.name, item, whole) for each in charts for item in _items(known, each))


def add(index: str, entry: Mapping[str, Any]) -> str:
    """The index with one more version, before those that are lower.

    `entry` is the chart's metadata with `name`, `version`, `digest`, `urls` and `created`, which
    is the new `generated` too. The same version with the same digest changes nothing.

    Raises DogctlError: the version has another digest already, or the index is not understood.
    """
    name, version = str(entry["name"]), str(entry["version"])
    known = _parsed(index)
    chart = known.chart(name)
    items = _items(known, chart) if chart else []
    versions = [_version(name, item) for item in items]
    if version in versions:
        if _field(items[versions.index(version)], "digest") == entry["digest"]:
            return index
        raise taken(name, version)
    text = _rendered(entry, items[0].indent if items else known.indent or 2)
    if chart is None:
        change = _new_chart(known, name, text)
    elif not items:  # its head may say []
        head = known.text[chart.start : chart.body].partition(":")[0]
        change = (chart.start, chart.body, f"{head}:{text}")
    else:
        both = zip(items, versions, strict=True)
        at = next((i.start for i, v in both if precedence(v) < precedence(version)), chart.end)
        change = (at, at, text)
    return known.edited([change], str(entry["created"]))


def remove(index: str, name: str, versions: Collection[str], generated: str | None = None) -> str:
    """The index without some versions of a chart; a chart without any goes too.

    `generated` is the time of the change, in ISO 8601. Raises DogctlError.
    """
    known = _parsed(index)
    chart = known.chart(name)
    items = _items(known, chart) if chart else []
    gone = [item for item in items if _version(name, item) in versions]
    if chart is None or not gone:
        return index
    if len(gone) < len(items):
        changes = [(item.start, item.end, "") for item in gone]
    elif len(known.charts) > 1:
        changes = [(chart.start, chart.end, "")]
    else:
        changes = [(known.tops["entries"][0], known.end, "\nentries: {}")]
    for start, end, _ in changes:
        # What stays may refer to it.
        if anchor := find_anchor(known.text[start:end]):
            raise _odd(anchor)
    return known.edited(changes, generated)


def taken(name: str, version: str) -> DogctlError:
    """A version that is published already, and is something else."""
    return DogctlError(
        f"{name} {version} is published already, and is another chart",
        code=TAKEN,
        where=f"{name}-{version}.tgz",
        hint="publish this one as a new version: a published one never changes",
    )


def _parsed(index: str) -> _Index:
    """Where the charts are. Raises DogctlError: the index is not as Helm writes it."""
    text = f"\n{index}"
    tops: dict[str, tuple[int, int]] = {}
    starts = [found.start() for found in _TOP.finditer(text)]
    for start, end in zip(starts, [*starts, _end(text)][1:], strict=True):
        found = _TOP_KEY.match(text, start)
        if found is None or found[1] in tops:
            raise _odd(_line(text, start))
        tops[found[1]] = (start, end)
    if "entries" not in tops:
        raise _odd("it has no entries")
    start, end = tops["entries"]
    body = _line_end(text, start, end)
    value = text[start:body].partition(":")[2].strip(" ")
    first = _FIRST.search(text, body, end)
    indent = len(first[1]) if first else 0
    if not _NOTHING.fullmatch(value) or (first and (value.startswith("{") or not indent)):
        raise _odd(_line(text, start))
    charts = tuple(_charts(text, body, end, indent)) if first else ()
    return _Index(text, tops, body, end, indent, charts)


def _charts(text: str, start: int, end: int, indent: int) -> Iterator[_Chart]:
    heads = []
    for at in _outdented(text, start, end, indent):
        # Entries may be indented like the name above them.
        if not text.startswith((f"\n{' ' * indent}- "), at):
            heads.append(at)
    if not heads or (first := _FIRST.search(text, start, end)) is None or first.start() < heads[0]:
        raise _odd(_line(text, start))
    seen = set()
    for head, after in zip(heads, [*heads[1:], end], strict=True):
        body = _line_end(text, head, end)
        found = _CHART.fullmatch(text[head + 1 + indent : body])
        if found is None or found[2] in seen or (found[3] and _FIRST.search(text, body, after)):
            raise _odd(_line(text, head))
        seen.add(found[2])
        yield _Chart(found[2], head, body, after)


def _items(index: _Index, chart: _Chart) -> list[_Item]:
    """The entries of a chart. Raises DogctlError."""
    text = index.text
    first = _FIRST.search(text, chart.body, chart.end)
    if first is None:
        return []
    indent = len(first[1])
    heads = list(_outdented(text, chart.body, chart.end, indent))
    items = []
    for head, end in zip(heads, [*heads[1:], chart.end], strict=True):
        dash = _DASH.match(text, head)
        if dash is None:
            raise _odd(_line(text, head))
        width = dash.end() - head - 1
        items.append(_Item(head, end, indent, f"\n{' ' * width}{text[dash.end() : end]}"))
    return items


def _outdented(text: str, start: int, end: int, indent: int) -> Iterator[int]:
    """The lines that are indented just as far. Raises DogctlError: some are so less, or by tabs."""
    for found in re.compile(rf"\n( {{0,{indent}}})(?=[^ \r\n#])").finditer(text, start, end):
        if len(found[1]) < indent or text[found.end()] == "\t":
            raise _odd(_line(text, found.start()))
        yield found.start()


def _entry(name: str, item: _Item, whole: bool) -> Entry:
    return Entry(
        name,
        _version(name, item),
        _field(item, "created"),
        _field(item, "digest"),
        _list(item, "urls"),
        _field(item, "appVersion"),
        _dependencies(item) if whole else (),
    )


def _version(name: str, item: _Item) -> str:
    version = _field(item, "version")
    if not version:
        raise _odd(f"an entry of {name} has no version")
    begins, _ = _patterns("version", _width(item))
    # A second one may be part of a text over several lines.
    if len(begins.findall(item.text)) > 1:
        raise _odd(f"an entry of {name} has two versions")
    return version


@cache
def _patterns(key: str, width: int) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """How a key begins, and how the next one does."""
    return (
        re.compile(rf"""\n {{{width}}}(["']?){key}\1:(?=\s|$)"""),
        re.compile(rf"\n {{0,{width}}}(?![ \r\n-])"),
    )


def _width(item: _Item) -> int:
    """How far its keys are indented."""
    return len(item.text) - len(item.text.lstrip()) - 1


def _chunk(item: _Item, key: str) -> str | None:
    """A key of an entry with all lines of its value, None if there is no such key."""
    text = item.text
    begins, ends = _patterns(key, _width(item))
    found = begins.search(text)
    if found is None:
        return None
    end = ends.search(text, found.end())
    return text[found.start() : end.start() if end else len(text)]


def _field(item: _Item, key: str) -> str | None:
    """The value of a key as it is written: 1.10 is no number."""
    chunk = _chunk(item, key)
    if chunk is None:
        return None
    value = chunk.partition(":")[2].strip()
    if _PLAIN.fullmatch(value):
        return value
    if quoted := _QUOTED.fullmatch(value):
        return quoted[1]
    found = _read(chunk, key)
    if not isinstance(found, str):
        raise _odd(_line(chunk, 0))
    return found


def _list(item: _Item, key: str) -> tuple[str, ...]:
    chunk = _chunk(item, key)
    if chunk is None:
        return ()
    lines = [line.strip() for line in chunk.strip().split("\n")[1:]]
    if lines and all(line[:2] == "- " and _PLAIN.fullmatch(line[2:]) for line in lines):
        return tuple(line[2:] for line in lines)
    found = _read(chunk, key)
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _dependencies(item: _Item) -> tuple[tuple[str, str], ...]:
    chunk = _chunk(item, "dependencies")
    found = _read(chunk, "dependencies") if chunk else None
    listed = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    return tuple((str(each.get("name")), str(each.get("version") or "")) for each in listed)


def _read(chunk: str, key: str) -> Any:
    import yaml

    try:
        return yaml.load(chunk, Loader=yaml.CBaseLoader)[key]  # noqa: S506  (it makes text only)
    except (yaml.YAMLError, KeyError, TypeError):
        raise _odd(_line(chunk, 0)) from None


def _rendered(entry: Mapping[str, Any], indent: int) -> str:
    """As lines of the index, each with a line end before it."""
    import yaml

    text: str = yaml.dump(
        dict(sorted(entry.items())),
        Dumper=yaml.CSafeDumper,
        default_flow_style=False,
        allow_unicode=True,
        width=10_000_000,
    )
    first, *others = text.removesuffix("\n").split("\n")
    inner = (f"\n{' ' * (indent + 2)}{line}" if line else "\n" for line in others)
    return f"\n{' ' * indent}- {first}{''.join(inner)}"


def _new_chart(index: _Index, name: str, text: str) -> tuple[int, int, str]:
    """Charts are in the order of their names."""
    # A name of digits alone would be a number.
    shown = name if re.search(r"[A-Za-z]", name) else f'"{name}"'
    head = f"\n{' ' * (index.indent or 2)}{shown}:"
    if not index.charts:
        return (index.tops["entries"][0], index.body, f"\nentries:{head}{text}")
    at = next((each.start for each in index.charts if each.name > name), index.end)
    return (at, at, head + text)


def _end(text: str) -> int:
    """Where lines may be added at the end."""
    return len(text) - text.endswith("\n")


def _line_end(text: str, start: int, end: int) -> int:
    found = text.find("\n", start + 1, end)
    return end if found < 0 else found


def _line(text: str, start: int) -> str:
    return text[start : _line_end(text, start, len(text))].strip()[:80]


def _odd(what: str) -> DogctlError:
    return DogctlError(
        f"the index of the chart repository is not as Helm writes it: {what}",
        code=BAD_INDEX,
        where="index.yaml",
        hint="helm repo index writes one that is; nothing was changed",
    )
