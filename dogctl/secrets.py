"""Secrets that do not print, and the redactor every output passes."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

MASK = "***"
# One or two characters are in every text, and no secret.
SHORTEST = 3
# A short secret is masked as a word of its own, or "root" would be masked in "rooted".
SHORTEST_INSIDE_WORDS = 6
_SECRET_NAME = re.compile(r"passw|secret|token|credential|private|api_?key|_keys?$", re.IGNORECASE)


def names_a_secret(name: str) -> bool:
    """Whether a variable or parameter of that name holds a secret, as far as names tell."""
    return _SECRET_NAME.search(name) is not None


@dataclass(frozen=True)
class Secret:
    """A value that shows itself only when asked by `reveal`."""

    _value: str

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__


# Hears of a secret before it is used, to keep it out of all outputs.
Remember = Callable[[Secret], None]


class Redactor:
    """Replaces known secrets, in the forms in which they turn up in outputs, by `***`."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._patterns: dict[str, re.Pattern[str]] = {}
        self.add(*secrets)

    def add(self, *secrets: Secret) -> None:
        for secret in secrets:
            for value in _values(secret.reveal()):
                for form in _texts(value):
                    self._patterns[form] = _pattern(form)
                for form in _base64(value.encode()):
                    self._patterns[form] = _wrapped_pattern(form)

    def __call__(self, text: str) -> str:
        spans = sorted(
            found.span() for pattern in self._patterns.values() for found in pattern.finditer(text)
        )
        parts, end = [], 0
        for start, stop in spans:
            if stop <= end:
                continue
            # Secrets that overlap become one mask, so that no rest of the later one stays.
            parts += [text[end:start], MASK] if start >= end else []
            end = stop
        return "".join([*parts, text[end:]])

    def data(self, value: Any) -> Any:
        """A JSON value with every text in it masked."""
        match value:
            case str():
                return self(value)
            case dict():
                return {self(str(key)): self.data(item) for key, item in value.items()}
            case list() | tuple():
                return [self.data(item) for item in value]
        return value


def _values(value: str) -> Iterator[str]:
    """A secret and the secrets inside it: the lines of a key, the password in a URL."""
    yield value
    lines = value.splitlines()
    if len(lines) > 1:
        yield from (line.strip() for line in lines)
    if "://" in value:
        yield from url_secrets(value)


def url_secrets(url: str) -> Iterator[str]:
    """The password of a URL, encoded and not, and the secrets among its parameters."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    if parts.password:
        yield from (parts.password, unquote(parts.password))
    yield from (value for name, value in parse_qsl(parts.query) if names_a_secret(name))


def _texts(value: str) -> set[str]:
    """The value as shells, URLs, JSON, Python, HTML and hex dumps write it."""
    quoted = {quote(value), quote(value, safe=""), quote_plus(value), quote(value, safe="!'()*")}
    lowered = {re.sub(r"%[0-9A-F]{2}", lambda m: m[0].lower(), form) for form in quoted}
    jsons = {json.dumps(value, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    nested = {json.dumps(form, ensure_ascii=False)[1:-1] for form in jsons}
    slashed = {form.replace("/", "\\/") for form in jsons}
    others = {repr(value)[1:-1], shlex.quote(value).strip("'"), html.escape(value)}
    forms = {value, value.encode().hex()} | quoted | lowered | jsons | nested | slashed | others
    return {form for form in forms if len(form) >= SHORTEST}


def _pattern(form: str) -> re.Pattern[str]:
    text = re.escape(form)
    return re.compile(text if len(form) >= SHORTEST_INSIDE_WORDS else rf"(?<!\w){text}(?!\w)")


def _base64(raw: bytes) -> set[str]:
    """Base64 of the bytes at each of the three offsets they can have inside a longer text."""
    forms = set()
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + raw).decode()
        # The characters at both ends mix with the neighbouring bytes.
        start = (offset * 8 + 5) // 6
        end = (offset + len(raw)) * 8 // 6
        core = text[start:end]
        forms |= {core, core.replace("+", "-").replace("/", "_")}
    return {form for form in forms if len(form) >= SHORTEST_INSIDE_WORDS}


def _wrapped_pattern(form: str) -> re.Pattern[str]:
    """Base64 is often wrapped, at 64 or 76 characters."""
    if len(form) < 16:
        return re.compile(re.escape(form))
    return re.compile(r"(?:\r?\n)?".join(map(re.escape, form)))
