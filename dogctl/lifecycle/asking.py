"""Several questions at once: where one is not answered, its own place says so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from time import monotonic
from typing import Any

from dogctl.errors import DogctlError


class Asking:
    """Questions under way, by name.

    Each has a thread, which does not keep the process: who stops waiting goes.
    """

    def __init__(self) -> None:
        self._answers: dict[str, Future[Any]] = {}
        self.seconds: dict[str, float] = {}

    def ask(self, name: str, question: Callable[[], Any], *needs: str) -> None:
        """Ask, once those in `needs` have been answered, or not."""
        future = self._answers[name] = Future()
        before = [self._answers[need] for need in needs]

        def run() -> None:
            for each in before:
                each.exception()
            began = monotonic()
            try:
                future.set_result(question())
            except BaseException as error:  # noqa: BLE001  (it is raised where it is waited for)
                future.set_exception(error)
            self.seconds[name] = monotonic() - began

        threading.Thread(target=run, daemon=True).start()

    def __getitem__(self, name: str) -> Any:
        """The answer, once it is there. Raises what the question raised."""
        return self._answers[name].result()

    def error(self, name: str) -> DogctlError | None:
        """The expected error that came in place of the answer. Raises any other."""
        error = self._answers[name].exception()
        if error is not None and not isinstance(error, DogctlError):
            raise error
        return error

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
