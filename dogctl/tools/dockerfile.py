"""What a Dockerfile says before it is built: its base images and the arguments it knows.

https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile

EMPTY = "scratch"
_HEREDOC = re.compile(r"<<-?([\"']?)([A-Za-z_]\w*)\1")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?([-+])([^}]*))?\})")


@dataclass(frozen=True)
class Dockerfile:
    """What was read.

    Args:
        arguments: the names that ARG declares anywhere.
        images: the images it builds upon or copies from, with their variables filled in.
    """

    arguments: frozenset[str]
    images: tuple[str, ...]


def read_dockerfile(text: str, args: Mapping[str, str]) -> Dockerfile:
    """Read a Dockerfile as it would be built with these arguments.

    Never raises: what is no Dockerfile is for the builder to refuse, which does it better.
    """
    declared: set[str] = set()
    values: dict[str, str] = {}  # of the ARGs before the first FROM, the only ones FROM may use
    stages: set[str] = set()
    images: list[str] = []
    for word, rest in _instructions(text):
        if word == "ARG":
            for name, _, default in (each.partition("=") for each in rest.split()):
                declared.add(name)
                if not images and not stages:
                    values[name] = args.get(name, _expand(default.strip("\"'"), values))
        elif word == "FROM":
            words = [each for each in _expand(rest, values).split() if not each.startswith("--")]
            images += _foreign(words[:1], stages)
            stages.add(words[2].lower() if len(words) > 2 else str(len(stages)))
        elif word in ("COPY", "RUN"):
            found = _sources(_expand(rest, values))
            images += _foreign((each for each in found if not each.isdigit()), stages)
    return Dockerfile(frozenset(declared), tuple(dict.fromkeys(images)))


def _foreign(names: Iterable[str], stages: set[str]) -> list[str]:
    return [each for each in names if each != EMPTY and each.lower() not in stages]


def _sources(rest: str) -> Iterator[str]:
    """What COPY --from=x and RUN --mount=from=x name; after the flags it is the program's business."""
    for flag in takewhile(lambda word: word.startswith("--"), rest.split()):
        for part in flag.removeprefix("--").removeprefix("mount=").split(","):
            name, _, value = part.partition("=")
            if name == "from" and value:
                yield value


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    """Instructions and what follows them, each on one line, without comments and heredocs."""
    lines = (line for line in text.splitlines() if line.strip() and not _is_comment(line))
    for line in lines:
        while line.rstrip().endswith("\\"):
            line = line.rstrip()[:-1] + next(lines, "")
        word, _, rest = line.strip().partition(" ")
        yield word.upper(), rest.strip()
        for mark in _HEREDOC.finditer(rest) if word.upper() in ("RUN", "COPY", "ADD") else ():
            while next(lines, mark[2]).strip() != mark[2]:
                pass


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _expand(text: str, values: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        given = values.get(found[1] or found[2], "")
        if found[3] == "-":
            return given or found[4]
        return found[4] if found[3] == "+" and given else "" if found[3] else given

    return _VARIABLE.sub(value, text)
