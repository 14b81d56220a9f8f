"""Anchors of YAML, to which other lines of an index may refer.

https://yaml.org/spec/1.2.2/#692-node-anchors
"""

from __future__ import annotations

import re

_LIKELY = re.compile(r"[\n:,?\[{-] *(&[^ \r\n]+)")


def find_anchor(text: str) -> str | None:
    """An anchor in some YAML, or what may be one where that cannot be read; else None."""
    import yaml

    found = _LIKELY.search(text)
    if found is None:  # to read all of it takes long
        return None
    try:
        events = list(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.YAMLError:
        return found[1]
    nodes = (each for each in events if not isinstance(each, yaml.AliasEvent))
    names = (getattr(each, "anchor", None) for each in nodes)
    return next((f"&{name}" for name in names if name), None)
