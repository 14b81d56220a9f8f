"""What a Dockerfile says before it is built."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dogctl.tools.dockerfile import read_dockerfile


def images(text: str, **args: str) -> tuple[str, ...]:
    return read_dockerfile(text, args).images


@pytest.mark.parametrize(
    ("text", "found"),
    {
        "FROM python:3.13": ("python:3.13",),
        "from  python:3.13  as  base": ("python:3.13",),
        "FROM --platform=$BUILDPLATFORM golang AS go\nFROM scratch": ("golang",),
        "FROM a AS one\nFROM One\nCOPY --from=one / /": ("a",),
        "FROM a\nFROM b\nFROM a": ("a", "b"),
        "FROM a\nCOPY --link --from=nginx:1 /x /y": ("a", "nginx:1"),
        "FROM a AS b\nCOPY --from=0 /x /y\nCOPY --from=b /x /y": ("a",),
        "FROM a\nRUN --mount=type=bind,from=tools:2,target=/t make": ("a", "tools:2"),
        "FROM a\nRUN uvx --from=git+https://x.example/y tool ,from=z": ("a",),
        "FROM a\nCOPY --from=$GONE x --from=b": ("a",),
        "ARG BASE=python:3.13\nFROM ${BASE}": ("python:3.13",),
        'ARG TAG="3.13"\nARG BASE=python:$TAG\nFROM $BASE-alpine': ("python:3.13-alpine",),
        "ARG V\nFROM python:${V:-3}${V:+-slim}": ("python:3",),
        "# syntax=docker/dockerfile:1\n# FROM no\nFROM \\\n # so far\n  a": ("a",),
        "FROM a\nRUN <<EOF\nFROM no\nEOF\nFROM b": ("a", "b"),
        "FROM a\nRUN <<-'END' python\nfrom no import x\n\tEND\nFROM b": ("a", "b"),
        "FROM a@sha256:12": ("a@sha256:12",),
        "": (),
        "FROM": (),
        "FROM a\nRUN <<EOF": ("a",),
        "RUN echo \\": (),
    }.items(),
)
def test_its_base_images(text: str, found: tuple[str, ...]) -> None:
    assert images(text) == found


def test_arguments_choose_the_base() -> None:
    text = "ARG BASE=python\nARG TAG=3.13\nFROM $BASE:$TAG\nARG BASE=other\nFROM $BASE:2"
    assert images(text) == ("python:3.13", "python:2")
    assert images(text, BASE="pypy", FOREIGN="x") == ("pypy:3.13", "pypy:2")


def test_the_arguments_it_knows() -> None:
    text = "ARG A\nFROM x\nARG B=1 C=2\narg D\nRUN echo ARG E\n#ARG F"
    assert read_dockerfile(text, {}).arguments == {"A", "B", "C", "D"}


@given(st.text("FROMARGC aen\n$={}<-\\'\"#:,/1", max_size=60))
def test_nothing_is_too_strange_to_be_read(text: str) -> None:
    read_dockerfile(text, {})
