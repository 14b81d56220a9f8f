"""Commands in containers."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

from dogctl.clouds.kubernetes_errors import failed, lost, refused
from dogctl.clouds.kubernetes_login import Session
from dogctl.errors import DogctlError


@dataclass(frozen=True)
class Ran:
    """A command that ended in a container."""

    code: int
    stdout: bytes
    stderr: bytes


def run(
    session: Session,
    path: str,
    container: str,
    command: Sequence[str],
    stdin: bytes | BinaryIO | None,
    stdout: BinaryIO | None,
) -> Ran:
    """As Kubernetes.run has it, in the pod whose commands are at this path."""
    from httpx2.websockets import HTTPXWSException, WebSocketUpgradeError
    from lightkube import Client
    from lightkube.core.exceptions import ApiError

    *_, namespace, _, pod, _ = path.split("/")
    server = session.config.cluster.server
    # In pieces, as the server takes no large message; and always with an end, or who reads it waits.
    given = io.BytesIO(stdin or b"") if isinstance(stdin, bytes | None) else stdin
    with Client(config=session.config, proxy=session.proxy) as client:
        try:
            done = client.exec(
                pod,
                namespace=namespace,
                container=container,
                command=command,
                stdin=given,
                stdout=stdout or True,
                stderr=True,
                decode=None,
            )
        except ApiError as error:
            raise failed(str(error), server) from None
        except WebSocketUpgradeError as error:
            raise _refusal(session, path, container, command, error.response.status_code) from None
        except HTTPXWSException as error:
            raise lost(str(error), server) from error
    return Ran(done.exit_code, cast(bytes, done.stdout or b""), cast(bytes, done.stderr))


def _refusal(
    session: Session, path: str, container: str, command: Sequence[str], status: int
) -> DogctlError:
    """Why there is no connection to the container; what was said then has not been read."""
    params = {"container": container, "command": list(command), "stdout": "true"}
    answer = session.http.get(path, params=params)
    if answer.status_code == status:
        return refused(answer)
    return failed(f"no connection to the container ({status})", str(answer.request.url.host))
