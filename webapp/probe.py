"""`python -m webapp.probe`: asks the app of this container whether it is ready; for HEALTHCHECK."""

from __future__ import annotations

import http.client
import os
import sys

SECONDS = 2.5


def main() -> int:
    """The exit code is 0 if the app is ready; otherwise its reason is on stdout."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(os.environ.get("FLASK_PORT") or 5000), timeout=SECONDS
    )
    try:
        connection.request("GET", "/ready")
        answer = connection.getresponse()
        sys.stdout.write(answer.read(500).decode(errors="replace"))
    except OSError as error:
        sys.stdout.write(f"no answer: {error}\n")
        return 1
    return 0 if answer.status == http.HTTPStatus.OK else 1


if __name__ == "__main__":
    sys.exit(main())
