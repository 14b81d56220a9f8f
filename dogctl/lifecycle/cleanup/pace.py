"""How many requests are under way at a host: more while it answers, half once it asks to wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

# More than that makes a registry that reads all its tags for each delete only slower.
FIRST, MOST = 4, 8
# So many answers in a row, and one more may be under way.
PROVEN = 20
_WAKE = 0.2
# A registry is left alone for so many seconds if it asks for it, and told of from so many on.
LONGEST = 900.0
LONG = 10.0

Sleep = Callable[[float], None]


class Pace:
    """One for whoever asks a host; any thread may use it.

    Args:
        sleep: waits some seconds, and may raise to give up.
        say: hears of long waits.
    """

    def __init__(self, sleep: Sleep, say: Callable[[str], None] = lambda _: None) -> None:
        self._sleep = sleep
        self._say = say
        self._turn = threading.Condition()
        self._active = 0
        self._answered = 0
        self._resume = 0.0
        self.allowed = FIRST

    def pause(self, seconds: float) -> None:
        """The host asks for a rest: nobody asks it anything meanwhile, and fewer do afterwards."""
        with self._turn:
            now = monotonic()
            if now >= self._resume:  # else the others of the same crowd have been told so
                self.allowed = max(1, self.allowed // 2)
                if seconds >= LONG:
                    self._say(f"the registry wants to be left alone for {seconds:.0f} s")
            self._resume = max(self._resume, now + seconds)
            self._answered = 0
        self._sleep(seconds)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until one more request may be under way."""
        while not self._taken():
            self._sleep(min(_WAKE, max(0.01, self._resume - monotonic())))
        try:
            yield
        finally:
            with self._turn:
                self._active -= 1
                self._answered += 1
                if self._answered >= PROVEN and self.allowed < MOST:
                    self.allowed, self._answered = self.allowed + 1, 0
                self._turn.notify()

    def _taken(self) -> bool:
        with self._turn:
            if monotonic() < self._resume:
                return False
            if self._active >= self.allowed and not self._turn.wait_for(self._is_free, _WAKE):
                return False
            self._active += 1
            return True

    def _is_free(self) -> bool:
        return self._active < self.allowed
