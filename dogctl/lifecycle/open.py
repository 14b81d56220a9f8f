"""`dogctl open`: the app in the browser."""

from __future__ import annotations

import os
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dogctl.answer import Answer, Text
from dogctl.errors import DogctlError
from dogctl.lifecycle.engine import State, not_running
from dogctl.lifecycle.engines import current

if TYPE_CHECKING:
    from dogctl.config.model import Project


def open_app(project: Project) -> Answer:
    """Open the running app; where there is no browser, the address is the answer.

    Raises DogctlError if the app does not run.
    """
    local = current(project).look()
    if local.state is State.DOWN:
        raise not_running(project)
    if local.url is None:
        raise DogctlError(
            f"{project.settings.name} has no address: {local.health}",
            code="no-address",
            hint="dogctl status",
        )
    return browse(local.url)


def browse(url: str) -> Answer:
    """Show a page in the browser."""
    with _stdout_to_stderr():
        opened = webbrowser.open(url)
    text = f"Opened {url}" if opened else f"No browser found here. The address is {url}"
    return Answer({"url": url, "opened": opened}, (Text(text),))


@contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """What a browser in the terminal says is not our answer."""
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
