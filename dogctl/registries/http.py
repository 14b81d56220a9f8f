"""HTTP to registries: what may be sent again is sent again, and every failure has a cause."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import BaseHTTPResponse, Retry
from urllib3.exceptions import MaxRetryError, ProtocolError, ProxyError, ResponseError

from dogctl import own_version
from dogctl.image import ImageRef
from dogctl.registries import refusals
from dogctl.registries.hosts import is_loopback
from dogctl.secrets import Redactor

TRIES = 6
# A registry that wants to be left alone for longer than this many seconds is not waited for,
# unless the caller says so.
LONGEST_WAIT = 120.0
CONNECT_SECONDS, READ_SECONDS = 10.0, 20.0
PASSING_STATUSES = (429, 500, 502, 503, 504)
EPOCH_SECONDS_FROM = 1_000_000_000  # no wait is 30 years long, so this is a moment
LONGEST_TEXT = 500
POOL = 32  # connections that are kept, for as many threads
CERTIFICATES = Path("/etc/docker/certs.d")

Pause = Callable[[float], None]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer asks to wait, if it does.

    `Retry-After` has seconds or a date (RFC 9110, 10.2.3); Docker Hub's `X-Retry-After` is a Unix
    time: https://docs.docker.com/reference/api/hub/latest/#rate-limiting
    """
    text = headers.get("Retry-After") or headers.get("X-Retry-After")
    if text is None:
        return None
    try:
        moment = (
            float(text) if text.strip().isdecimal() else parsedate_to_datetime(text).timestamp()
        )
    except ValueError:
        return None
    return max(moment - time.time() if moment > EPOCH_SECONDS_FROM else moment, 0.0)


class Patience(Retry):
    """Waits as long as it is told to, within reason, and otherwise twice as long each time."""

    pause: Pause = staticmethod(time.sleep)
    longest = LONGEST_WAIT

    @classmethod
    def build(cls, pause: Pause, longest: float) -> Self:
        """`pause` waits some seconds, at most the `longest`, and may raise to give up."""
        made = cls(
            total=TRIES - 1,
            connect=2,
            other=0,  # such as an untrusted certificate, which stays one
            allowed_methods=None,  # all requests of these drivers may be sent twice
            status_forcelist=PASSING_STATUSES,
            backoff_factor=0.5,
            backoff_jitter=0.5,
            raise_on_status=False,
        )
        made.pause, made.longest = pause, longest
        return made

    def new(self, **changes: Any) -> Self:
        made = super().new(**changes)
        made.pause, made.longest = self.pause, self.longest
        return made

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        return retry_after(response.headers)

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: Any = None,
        _stacktrace: Any = None,
    ) -> Self:
        wait = self.get_retry_after(response) if response is not None else None
        if wait is not None and wait > self.longest:
            raise MaxRetryError(_pool, url or "", ResponseError(f"wait {wait} s"))
        if isinstance(error, ProxyError) and isinstance(error.original_error, ConnectionError):
            # Cut off behind a proxy, which urllib3 takes for a proxy that cannot be reached.
            error = ProtocolError("Connection aborted.", error.original_error)
        return super().increment(method, url, response, error, _pool, _stacktrace)

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        wait = self.get_retry_after(response) if response is not None else None
        self.pause(max(wait or 0.0, self.get_backoff_time()))


class _Session(requests.Session):
    """Looks into the environment once for each host, which takes a quarter of every request."""

    def __init__(self) -> None:
        super().__init__()
        self._settled: dict[Any, Any] = {}

    def merge_environment_settings(self, url: Any, *given: Any) -> Any:
        """The proxies and authorities for a URL; those that are given come first."""
        key = (urlsplit(url)[:2], repr(given))
        if key not in self._settled:
            self._settled[key] = super().merge_environment_settings(url, *given)
        return {**self._settled[key]}


class Http:
    """Sends requests about images; raises DogctlError with a code of refusals.py.

    Args:
        ca: a file with the certificate authorities to trust; None: this machine's.
        pause: waits some seconds, and may raise to give up.
        longest_wait: for so many seconds a registry is left alone where it asks for it.
    """

    def __init__(
        self,
        *,
        ca: Path | None = None,
        pause: Pause = time.sleep,
        longest_wait: float = LONGEST_WAIT,
    ) -> None:
        self.redactor = Redactor()
        self._ca = ca
        self._pause = pause
        self._session = _Session()
        self._session.headers["User-Agent"] = f"dogctl/{own_version()}"
        adapter = HTTPAdapter(max_retries=Patience.build(pause, longest_wait), pool_maxsize=POOL)
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, adapter)

    def send(
        self, ref: ImageRef, method: str, url: str, *, auth: AuthBase | None = None, **options: Any
    ) -> requests.Response:
        """The answer, whatever its status; `options` are those of requests.

        Raises DogctlError if there is none, even after several tries.
        """
        for tries_left in reversed(range(TRIES)):
            try:
                return self._session.request(
                    method,
                    url,
                    # Without any, requests would look into ~/.netrc, which no engine does.
                    auth=auth or _anonymous,
                    verify=str(self._ca) if self._ca else _docker_ca(url),
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                    proxies=_proxies(url),
                    **options,
                )
            except requests.exceptions.ChunkedEncodingError as error:
                # Cut off in the body of the answer, which urllib3 leaves to its callers.
                if not tries_left:
                    raise refusals.failure(refusals.UNREACHABLE, ref, says=_says(error)) from error
                self._pause(1.0)
            except requests.RequestException as error:
                untrusted = isinstance(list(_chain(error))[-1], ssl.SSLCertVerificationError)
                code = refusals.UNTRUSTED if untrusted else refusals.UNREACHABLE
                raise refusals.failure(code, ref, says=_says(error)) from error
        raise AssertionError("unreachable")

    def complaints(self, response: requests.Response) -> tuple[str, ...]:
        """What an answer says about why it is none, without secrets, as far as it says so."""
        return tuple(self.redactor(text)[:LONGEST_TEXT] for text in _complaints(response))

    def refusal(
        self, ref: ImageRef, response: requests.Response, *, logged_in: bool
    ) -> refusals.Refusal:
        """What an answer says about why it is none."""
        return refusals.Refusal(
            ref,
            response.status_code,
            self.complaints(response),
            logged_in,
            retry_after(response.headers),
        )


def _anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _proxies(url: str) -> dict[str, str] | None:
    """None for those of the environment; a proxy has no business on this machine."""
    return {"http": "", "https": ""} if is_loopback(urlsplit(url).hostname or "") else None


def _docker_ca(url: str) -> str | bool:
    """What the engine trusts for this host.

    https://docs.docker.com/engine/security/certificates/
    """
    path = CERTIFICATES / urlsplit(url).netloc / "ca.crt"
    return str(path) if path.is_file() else True


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what led to it, the first cause last."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _says(error: BaseException) -> tuple[str, ...]:
    cause = list(_chain(error))[-1]
    return (f"{type(cause).__name__}: {cause}"[:LONGEST_TEXT],)


def _complaints(response: requests.Response) -> Iterator[str]:
    """The texts of distribution's `errors`, or of Docker Hub's `message` and `detail`."""
    try:
        body = response.json()
    except requests.exceptions.JSONDecodeError:
        return
    if not isinstance(body, dict):
        return
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            yield f"{error.get('code', '')}: {error.get('message', '')}"
    for name in ("message", "detail", "details"):
        if isinstance(body.get(name), str) and body[name]:
            yield body[name]
