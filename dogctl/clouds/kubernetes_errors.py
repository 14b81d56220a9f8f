"""Why a cluster did not do it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dogctl.errors import ConfigError, DogctlError

if TYPE_CHECKING:
    import httpx2

UNREACHABLE = "cluster-unreachable"
UNAUTHORIZED = "cluster-not-logged-in"
FORBIDDEN = "cluster-forbidden"
NOT_FOUND = "not-found"
CONFLICT = "conflict"
INVALID = "invalid-object"
TOO_MANY = "cluster-rate-limit"
FAILED = "cluster-failed"
LOST = "connection-lost"
NO_KIND = "no-such-kind"
WRONG_CERTIFICATE = "cluster-wrong-certificate"

_CODES = {
    401: UNAUTHORIZED,
    403: FORBIDDEN,
    404: NOT_FOUND,
    409: CONFLICT,
    422: INVALID,
    429: TOO_MANY,
}
_HINTS = {
    UNAUTHORIZED: "log in to the cluster again; for Google Cloud, gcloud auth application-default"
    " login, or set GCP_CREDENTIALS",
    FORBIDDEN: "let the cluster's administrator grant that, or log in as somebody who may",
    CONFLICT: "run the command again",
    TOO_MANY: "run the command again in a minute",
    FAILED: "run the command again; dogctl status tells what works",
}


class AwayError(DogctlError):
    """A cluster that does not answer now, and may do so in a moment; its code tells what is known."""


@contextmanager
def unreachable(server: str) -> Iterator[None]:
    """Raises a cluster that cannot be reached as DogctlError."""
    import httpx2

    try:
        yield
    except (httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
        raise unusable(server, error) from None
    except httpx2.HTTPError as error:
        if untrusted(error):
            raise DogctlError(
                f"this is not the cluster that the kubeconfig is for: {error}",
                code=WRONG_CERTIFICATE,
                where=server,
                hint="if the cluster was made anew, get its kubeconfig again",
            ) from error
        raise AwayError(
            f"the cluster cannot be reached: {_reason(error)}",
            code=UNREACHABLE,
            where=server,
            hint="check that the cluster runs, and the network or VPN to it",
        ) from error


def untrusted(error: BaseException | None) -> bool:
    """Whether the server could not prove that it is the one."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def unusable(context: str, error: Exception) -> ConfigError:
    """A kubeconfig that leads nowhere."""
    return ConfigError(
        f"the kubeconfig cannot be used: {error}",
        code="broken-kubeconfig",
        where=context,
        hint="correct the kubeconfig",
    )


def login_failed(
    message: str, command: str, hint: str | None = None, detail: tuple[str, ...] = ()
) -> DogctlError:
    """A plugin of the kubeconfig that gives no credentials."""
    return DogctlError(
        f"the login of the kubeconfig fails: {message}",
        code=UNAUTHORIZED,
        where=command,
        hint=hint or _HINTS[UNAUTHORIZED],
        detail=detail,
    )


def refused(answer: httpx2.Response) -> DogctlError:
    """An answer that is an error, in the cluster's own words.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
    """
    code = _CODES.get(answer.status_code, FAILED)
    return DogctlError(
        f"the cluster refuses: {_message(answer)}",
        code=code,
        where=str(answer.request.url.copy_with(query=None)),
        hint=_HINTS.get(code),
        data={"status": answer.status_code},
    )


def failed(message: str, server: str) -> DogctlError:
    """What went wrong where there is no answer to quote."""
    return DogctlError(
        f"the cluster failed: {message}", code=FAILED, where=server, hint=_HINTS[FAILED]
    )


def lost(message: str, server: str) -> DogctlError:
    """A connection that was lost in the middle: nobody knows what was done."""
    return DogctlError(
        f"the connection to the container was lost{message and f': {message}'}",
        code=LOST,
        where=server,
        hint="look whether it is done, and run the command again",
    )


def no_kind(version: str, kind: str) -> DogctlError:
    """A kind of objects that this cluster does not have."""
    return DogctlError(
        f"the cluster knows no {kind} of {version}",
        code=NO_KIND,
        where=f"{version} {kind}",
        hint="install what brings it, such as an operator, or switch it off in the chart's values",
    )


def _message(answer: httpx2.Response) -> str:
    try:
        status: Any = answer.json()
    except ValueError:
        return f"{answer.status_code} {answer.reason_phrase}"
    message = status.get("message") if isinstance(status, dict) else None
    return str(message or f"{answer.status_code} {answer.reason_phrase}")


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
