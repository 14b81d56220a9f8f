"""Which pod a forwarded connection goes to, when one fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dogctl.clouds import streams
from dogctl.errors import DogctlError
from dogctl.lifecycle.app_pods import NONE_READY, AppPods
from dogctl.lifecycle.port_forward import Forward

OPENED = object()


class OnePod:
    """An app whose only pod is ready."""

    cluster = SimpleNamespace(kubernetes=None, namespace="dogs")

    def port(self, _: object) -> int:
        return 5000

    def one(self, *, not_these: Iterable[str] = ()) -> dict[str, Any]:
        if "dogs-0" in not_these:
            raise DogctlError("no pod is ready", code=NONE_READY)
        return {"metadata": {"name": "dogs-0"}}


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The codes of the connections to come that fail."""
    codes: list[str] = []

    @contextmanager
    def port(*_: object) -> Iterator[object]:
        if codes:
            raise DogctlError("it fails", code=codes.pop(0))
        yield OPENED

    monkeypatch.setattr(streams, "port", port)
    monkeypatch.setattr("dogctl.lifecycle.port_forward.POLL", 0.01)
    monkeypatch.setattr("dogctl.lifecycle.port_forward.PATIENCE", 1.0)
    return codes


def connected() -> object:
    with Forward(cast(AppPods, OnePod()), print) as forward, ExitStack() as stack:
        return forward._connect(stack)


def test_the_only_pod_has_another_chance(fails: list[str]) -> None:
    fails += ["connection-lost", "connection-lost"]
    assert connected() is OPENED


def test_a_refusal_is_not_asked_for_again(fails: list[str]) -> None:
    fails += ["cluster-forbidden"]
    with pytest.raises(DogctlError, match="it fails"):
        connected()
