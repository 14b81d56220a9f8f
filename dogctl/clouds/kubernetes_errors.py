"""Why a cluster did not do it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dogctl.errors import DogctlError

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
NO_KIND = "no-such-kind"

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


@contextmanager
def unreachable(server: str) -> Iterator[None]:
    """Raises a cluster that cannot be reached as DogctlError."""
    import httpx2
    from lightkube.core.exceptions import ConfigError

    try:
        yield
    except httpx2.HTTPError as error:
        raise DogctlError(
            f"the cluster cannot be reached: {_reason(error)}",
            code=UNREACHABLE,
            where=server,
            hint="check that the cluster runs, and the network or VPN to it",
        ) from error
    except ConfigError as error:
        raise DogctlError(
            f"the login of the kubeconfig fails: {error}",
            code=UNAUTHORIZED,
            where=server,
            hint=_HINTS[UNAUTHORIZED],
        ) from error


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
