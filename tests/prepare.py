"""`python -m tests.prepare`: installs what `make test` needs from Debian's packages.

Where that is not possible (no root, another system) it says so and goes on: the tests that need
a missing part then skip and say how to get it, or fail where CI=true.
"""

from __future__ import annotations

import sys

from tests.testbed.debian import MissingPackages, ensure
from tests.testbed.engine import engine_here, prepare

PARTS = {
    "a browser": ("chromium", "fonts-dejavu-core"),
    "a MySQL-compatible server": ("mariadb-server",),
    "a PostgreSQL server": ("postgresql",),
    "a load generator": ("wrk",),
}


def main() -> None:
    for what, packages in PARTS.items():
        print(f"preparing {what} ({', '.join(packages)})", file=sys.stderr, flush=True)
        try:
            ensure(*packages)
        except MissingPackages as missing:
            print(f"  not here: {missing}", file=sys.stderr)
    print("preparing a Docker engine", file=sys.stderr, flush=True)
    try:
        if not engine_here():
            prepare()
    except MissingPackages as missing:
        print(f"  not here: {missing}", file=sys.stderr)


if __name__ == "__main__":
    main()
