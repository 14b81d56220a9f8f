"""Questions to a cluster over HTTP: asked again where that may help, as whoever may ask."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from dogctl.clouds.kubeconfig import Kubeconfig
from dogctl.clouds.kubernetes_errors import UNAUTHORIZED as NOT_LOGGED_IN
from dogctl.clouds.kubernetes_errors import UNREACHABLE, refused, unreachable
from dogctl.clouds.kubernetes_login import Session, log_in
from dogctl.errors import DogctlError
from dogctl.secrets import Remember

if TYPE_CHECKING:
    import httpx2

Answer = TypeVar("Answer")

TIMEOUT = 15.0
TRIES = 4
# In seconds: one that has been silent for so long is not asked again.
PATIENCE = 12.0
# In seconds, in an answer that has no end.
LONGEST_SILENCE = 60.0
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 10.0
UNAUTHORIZED = 401
NOT_FOUND = 404
TOO_MANY = 429
# What is worth another try.
PASSING = frozenset({TOO_MANY, 500, 502, 503, 504})

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"


class SilentError(Exception):
    """Nothing has come for long in an answer that has no end."""


class Connection:
    """One cluster's API. Every method may be called from several threads and raises DogctlError.

    The arguments are those of Kubernetes.
    """

    def __init__(
        self,
        read: Callable[[], Kubeconfig],
        *,
        pause: Callable[[float], object] = time.sleep,
        renew: Callable[[], None] = lambda: None,
        explain: Callable[[], None] = lambda: None,
        remember: Remember = lambda _: None,
    ) -> None:
        self.read = read
        self._pause = pause
        self._renew = renew
        self._explain = explain
        self._remember = remember
        self._lock = threading.Lock()
        self._session: Session | None = None
        # Others may be in the middle of a question when one is replaced, so all are closed at last.
        self._clients: list[httpx2.Client] = []
        weakref.finalize(self, _close, self._clients)

    @property
    def server(self) -> str:
        """The address."""
        return str(self.read()["clusters"][0]["cluster"]["server"])

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        how: str = JSON,
        none: bool = False,
    ) -> Any:
        """The answer, after some tries where the cause may pass; None for a 404 if `none`.

        What would do something twice is not sent again once it may have been heard.
        """
        once = method == "POST" or how == JSON_PATCH
        deadline = time.monotonic() + PATIENCE
        for left in reversed(range(TRIES)):
            pause = FIRST_PAUSE * 2 ** (TRIES - left - 1)
            try:
                answer = self.once(method, path, params=params, content=content, how=how)
            except DogctlError as error:
                if error.code != UNREACHABLE:
                    raise
                if once or not left or time.monotonic() > deadline:
                    self._explain()
                    raise
                self._pause(pause)
                continue
            heard = once and answer.status_code != TOO_MANY
            if answer.status_code in PASSING and left and not heard:
                self._pause(_asked_pause(answer) or pause)
                continue
            if none and answer.status_code == NOT_FOUND:
                return None
            if answer.is_error:
                raise refused(answer)
            return answer
        raise AssertionError("the last try answers or raises")

    def once(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        how: str = JSON,
        timeout: float = TIMEOUT,
    ) -> httpx2.Response:
        """Whatever it answers; asked again only with another token, where ours has expired."""

        def ask(session: Session) -> httpx2.Response:
            return session.http.request(
                method,
                path,
                params=params,
                content=content,
                headers={"Content-Type": how},
                timeout=timeout,
            )

        session = self.session()
        with unreachable(self.server):
            answer = ask(session)
            if answer.status_code == UNAUTHORIZED:
                answer = ask(self._another(session))
            return answer

    @contextmanager
    def stream(self, path: str, params: Mapping[str, str]) -> Iterator[httpx2.Response]:
        """An answer that goes on for as long as it takes.

        Raises SilentError if nothing comes for long: then nobody knows whether the other side is
        still there.
        """
        import httpx2

        # What a GET would be told first: that the token has expired, or what is wrong.
        timeout = httpx2.Timeout(TIMEOUT, read=LONGEST_SILENCE)
        with self.explained(), _silence():
            session = self.session()
            for last in (False, True):
                with session.http.stream("GET", path, params=params, timeout=timeout) as answer:
                    if answer.status_code == UNAUTHORIZED and not last:
                        session = self._another(session)
                        continue
                    if answer.is_error:
                        answer.read()
                        raise refused(answer)
                    yield answer
                    return

    def authorized(self, ask: Callable[[Session], Answer]) -> Answer:
        """What it answers, asked again with another token where ours has expired."""
        session = self.session()
        try:
            return ask(session)
        except DogctlError as error:
            if error.code != NOT_LOGGED_IN:
                raise
        return ask(self._another(session))

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Raises a cluster that cannot be reached as DogctlError, with the cause if it is known."""
        try:
            with unreachable(self.server):
                yield
        except DogctlError as error:
            if error.code == UNREACHABLE:
                self._explain()
            raise

    def session(self) -> Session:
        """One for all threads, since to connect with TLS takes longer than to ask."""
        with self._lock:
            if self._session is None:
                self._session = log_in(self.read(), remember=self._remember)
                self._clients.append(self._session.http)
            return self._session

    def _another(self, old: Session) -> Session:
        """A session in the place of one whose token has expired; several threads may notice."""
        with self._lock:
            if self._session is old:
                self._renew()
                self._session = None
        return self.session()


@contextmanager
def _silence() -> Iterator[None]:
    import httpx2

    try:
        yield
    except httpx2.ReadTimeout:
        raise SilentError from None


def _close(clients: list[httpx2.Client]) -> None:
    for client in clients:
        client.close()


def _asked_pause(answer: httpx2.Response) -> float | None:
    asked = answer.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_PAUSE) if asked.isdigit() else None
