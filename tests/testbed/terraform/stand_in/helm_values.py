"""Values of single settings, `{name = "image.tag", value = "1"}`, as a document.

https://helm.sh/docs/intro/using_helm/#the-format-and-limitations-of---set
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from tests.testbed.terraform.stand_in.driver import Refused

WORDS = {"true": True, "false": False, "null": None}
# A dot that is not escaped.
DOT = re.compile(r"(?<!\\)\.")
NUMBER = re.compile(r"-?(0|[1-9]\d*)")


def from_settings(settings: Iterable[Mapping[str, Any]]) -> str:
    """One document. Raises Refused for the names of single elements of lists."""
    document: dict[str, Any] = {}
    for setting in settings:
        if re.search(r"\[\d+\]", setting["name"]):
            raise Refused(f"{setting['name']}: elements of lists are not in this stand-in")
        *groups, last = (part.replace("\\.", ".") for part in DOT.split(setting["name"]))
        place = document
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = value_of(setting)
    return json.dumps(document)


def value_of(setting: Mapping[str, Any]) -> Any:
    """The value: text that looks like something else is that, unless a setting says it is text."""
    text = setting["value"]
    if not isinstance(text, str) or setting.get("type") in ("string", "literal"):
        return text
    if text.startswith("{") and text.endswith("}"):
        return [typed(each) for each in text[1:-1].split(",") if each]
    return typed(text)


def typed(text: str) -> Any:
    """`true`, `null` and numbers; all else is text."""
    if text in WORDS:
        return WORDS[text]
    return int(text) if NUMBER.fullmatch(text) else text
