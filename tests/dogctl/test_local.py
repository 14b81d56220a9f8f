"""The files of the local stack, and the engine that is asked for it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dogctl.config.load import load
from dogctl.errors import DogctlError, ToolError
from dogctl.lifecycle.engines import engines
from dogctl.lifecycle.local import Paths, locked, write
from dogctl.tools.docker import Docker


def test_a_full_disk_is_told_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    file = tmp_path / "app.json"
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(DogctlError) as raised:
        write(file, "{}")
    assert raised.value.where == str(file)
    assert raised.value.hint == "make room there and run the command again"


def test_an_engine_that_does_not_answer_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def connect() -> Docker:
        asked.append(1)
        raise ToolError("no answer", code="engine-unreachable")

    monkeypatch.setattr(Docker, "connect", connect)
    (tmp_path / "pyproject.toml").write_text("[tool.dogctl]\n")
    (tmp_path / "compose.yaml").touch()
    _, compose = engines(load(folder=tmp_path))
    assert compose is not None
    assert (compose.runs(), compose.data(), len(asked)) == (False, None, 1)


def test_who_waits_for_another_is_told_so_once(tmp_path: Path) -> None:
    paths, told = Paths(tmp_path / ".dogctl"), list[str]()
    with locked(paths, tell=told.append):
        assert told == []
        with (
            pytest.raises(DogctlError, match="another dogctl"),
            locked(paths, patience=0.2, tell=told.append),
        ):
            pass
    assert told == ["waiting for another dogctl that works here"]


def test_a_docker_configuration_that_cannot_be_read_is_no_missing_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    for text in ('{"auths": {"ghcr.io": {"auth": "canary"}}}', "[]"):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(ToolError) as raised:
            Docker.connect()
        assert raised.value.code == "docker-config-unreadable"
        assert "canary" not in repr(vars(raised.value))
