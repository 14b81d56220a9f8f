"""Several questions at once: where one is not answered, its own place says so.

Each has a thread, which does not keep the process: who stops waiting goes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from dogctl.errors import DogctlError
from dogctl.plan import settle

Item = TypeVar("Item")
Answer = TypeVar("Answer")

AT_ONCE = 8
NOT_ANSWERED = "not-answered"


def ask_each(
    ask: Callable[[Item], Answer], items: Iterable[Item], at_once: int = AT_ONCE
) -> list[Answer]:
    """What is answered about each, in their order. Raises the first error."""
    asked: list[tuple[Future[Answer], Item]] = [(Future(), item) for item in items]
    rest, lock = iter(asked), threading.Lock()

    def work() -> None:
        while True:
            with lock:
                future, item = next(rest, (None, None))
            if future is None:
                return
            settle(future, partial(ask, item))  # type: ignore[arg-type]

    for _ in range(min(at_once, len(asked))):
        threading.Thread(target=work, daemon=True).start()
    return [future.result() for future, _ in asked]


def together(*questions: Callable[[], Any]) -> list[Any]:
    """The answers to different questions, in their order. Raises the first error."""
    return ask_each(lambda ask: ask(), questions)


def within(seconds: float, ask: Callable[[], Answer]) -> Answer:
    """The answer, if it comes in time. Raises DogctlError with the code `not-answered`."""
    future: Future[Answer] = Future()
    threading.Thread(target=settle, args=(future, ask), daemon=True).start()
    if not wait([future], seconds).done:
        raise not_answered(seconds)
    return future.result()


def not_answered(seconds: float) -> DogctlError:
    return DogctlError(
        f"not answered within {seconds:g} s",
        code=NOT_ANSWERED,
        hint="check that the cluster runs, and the network or VPN to it",
    )


class Asking:
    """Questions under way, by name.

    Args:
        seconds: for all of them together; one that is not answered by then is an error.
    """

    def __init__(self, seconds: float) -> None:
        self._answers: dict[str, Future[Any]] = {}
        self._patience = seconds
        self._deadline = monotonic() + seconds
        self.seconds: dict[str, float] = {}

    def ask(self, name: str, question: Callable[[], Any], *needs: str) -> None:
        """Ask, once those in `needs` have been answered, or not."""
        future = self._answers[name] = Future()
        before = [self._answers[need] for need in needs]

        def run() -> None:
            wait(before)
            began = monotonic()
            settle(future, question)
            self.seconds[name] = monotonic() - began

        threading.Thread(target=run, daemon=True).start()

    def __getitem__(self, name: str) -> Any:
        """The answer, once it is there. Raises what the question raised."""
        if error := self._late(name):
            raise error
        return self._answers[name].result()

    def error(self, name: str) -> DogctlError | None:
        """The expected error that came in place of the answer. Raises any other."""
        error = self._late(name) or self._answers[name].exception()
        if error is not None and not isinstance(error, DogctlError):
            raise error
        return error

    def _late(self, name: str) -> DogctlError | None:
        future = self._answers[name]
        wait([future], max(self._deadline - monotonic(), 0))
        return None if future.done() else not_answered(self._patience)

    def get(self, name: str, default: Any) -> Any:
        """The answer, or the default where there is an error in its place."""
        return default if self.error(name) else self[name]

    def errors(self, names: Iterable[str]) -> list[DogctlError]:
        """Those of some questions, in their order."""
        return [error for error in map(self.error, names) if error]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the questions so far."""
        return tuple(self._answers)
