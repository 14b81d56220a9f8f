"""Whether the app answers, and whether it can listen where it is to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dogctl.errors import ConfigError, DogctlError
from dogctl.tools.processes import free_port, listener, port_is_free

if TYPE_CHECKING:
    from dogctl.config.model import Settings

HOST = "127.0.0.1"
HEALTHY = "healthy"
POLL = 0.1
REASON_BYTES = 200


@dataclass(frozen=True)
class Health:
    """One look at the health path."""

    ok: bool
    reason: str


def check_health(url: str, timeout: float = 2.0) -> Health:
    """Ask a local URL once; `timeout` in seconds. As for Kubernetes, 200 to 399 is healthy."""
    import requests

    with requests.Session() as session:
        session.trust_env = False  # a proxy has no business on 127.0.0.1
        try:
            with session.get(url, timeout=timeout, stream=True, allow_redirects=False) as response:
                status = response.status_code
                if 200 <= status < 400:
                    return Health(True, HEALTHY)
                body = response.raw.read(REASON_BYTES, decode_content=True)
        except requests.Timeout:
            return Health(False, f"no answer within {timeout:g} s")
        except requests.ConnectionError:
            return Health(False, "does not accept connections")
        except (requests.RequestException, OSError) as error:
            return Health(False, f"no valid answer: {error}")
    reason = " ".join(body.decode(errors="replace").split())
    return Health(False, f"answers {status}" + (f": {reason}" if reason else ""))


def unhealthy(settings: Settings, url: str, health: Health, lines: tuple[str, ...]) -> DogctlError:
    """The error of an app that runs and does not get healthy."""
    return DogctlError(
        f"{settings.name} runs, but was not healthy within"
        f" {settings.start_timeout:g} s: {health.reason}",
        code="app-unhealthy",
        where=url,
        hint="dogctl logs shows more; dogctl down stops it",
        detail=lines,
    )


def require_free(port: int) -> None:
    """Raise DogctlError, with a free port, if a server could not listen there."""
    try:
        free = port_is_free(port, HOST)
    except PermissionError:
        raise ConfigError(
            f"port {port} needs the rights of root",
            code="port-denied",
            where=f"{HOST}:{port}",
            hint=f"dogctl up --port {free_port()}",
        ) from None
    if not free:
        raise port_taken(port, f"dogctl up --port {free_port()}")


def port_taken(port: int, hint: str) -> DogctlError:
    """The error of a port on which somebody else listens."""
    owner = listener(port)
    return DogctlError(
        f"port {port} is taken" + (f" by {owner}" if owner else ""),
        code="port-taken",
        where=f"{HOST}:{port}",
        hint=hint,
    )
