"""What the containers of a stack say, in words."""

from __future__ import annotations

import pytest

from dogctl.lifecycle.stack_state import describe_end
from dogctl.tools.docker import Container


@pytest.mark.parametrize(
    ("state", "code", "health", "restarts", "words"),
    [
        ("exited", 3, None, 0, "the service app ended with 3"),
        ("restarting", 3, None, 2, "the service app ended with 3, 3 times"),
        ("running", 3, None, 2, "the service app ended with 3, 2 times"),
        ("running", 0, None, 2, "the service app has ended 2 times"),
        ("running", 0, "unhealthy", 0, "the service app is unhealthy: its check says nothing"),
    ],
)
def test_the_end_of_a_container(
    state: str, code: int, health: str | None, restarts: int, words: str
) -> None:
    container = Container(
        id="0",
        service="app",
        state=state,
        exit_code=code,
        restarts=restarts,
        health=health,
        probe="",
        image="",
        image_name="",
        started=None,
        ports={},
        user="",
        read_only=True,
        labels={},
    )
    assert describe_end(container) == words
