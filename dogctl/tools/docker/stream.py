"""What the engine says bit by bit, for as long as anybody wants to hear it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from dogctl.errors import Cancelled

POLL = 0.1


def until(stop: threading.Event, items: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The items as they come. Raises Cancelled soon after `stop`, however long there is none."""
    came: queue.SimpleQueue[dict[str, Any] | BaseException | None] = queue.SimpleQueue()

    def read() -> None:
        try:
            for item in items:
                came.put(item)
        except BaseException as error:  # noqa: BLE001  (raised by who waits for it)
            came.put(error)
        came.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        if stop.is_set():
            raise Cancelled
        try:
            item = came.get(timeout=POLL)
        except queue.Empty:
            continue
        if item is None:
            return
        if isinstance(item, BaseException):
            raise item
        yield item
