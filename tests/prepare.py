"""`python -m tests.prepare`: installs what `make test` needs from Debian's packages.

Where that is not possible (no root, another system) it says so and goes on: the tests that need
a missing part then skip and say how to get it, or fail where CI=true.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.testbed.cluster.conformance import conformance
from tests.testbed.cluster.parts import parts
from tests.testbed.debian import MissingPackages, ensure
from tests.testbed.engine import engine_here
from tests.testbed.engine import prepare as prepare_engine
from tests.testbed.google.fake_gcs import BUILD as FAKE_GCS
from tests.testbed.terraform.plugins import parts as terraform

PARTS = {
    "a browser": ("chromium", "fonts-dejavu-core"),
    "a MySQL-compatible server": ("mariadb-server",),
    "a PostgreSQL server": ("postgresql",),
    "a load generator": ("wrk",),
    "a signer of charts": ("gnupg",),
}


def main() -> None:
    with ThreadPoolExecutor() as pool:
        # Minutes of compiling at a low priority, while the network and the disk do the rest.
        cluster = pool.submit(prepare, "a Kubernetes cluster", parts)
        for what, packages in PARTS.items():
            prepare(f"{what} ({', '.join(packages)})", partial(ensure, *packages))
        prepare("a Docker engine", engine)
        prepare("Terraform and stand-ins of its providers", terraform)
        cluster.result()
        prepare("a Cloud Storage", FAKE_GCS.program)
        prepare("the schemas of Kubernetes", conformance)


def prepare(what: str, make: Callable[[], object]) -> None:
    """Make it, or say why it cannot be had."""
    print(f"preparing {what}", file=sys.stderr, flush=True)
    try:
        make()
    except MissingPackages as missing:
        print(f"  not here: {what}: {missing}", file=sys.stderr)


def engine() -> None:
    """Make a private engine where there is no other."""
    if not engine_here():
        prepare_engine()


if __name__ == "__main__":
    main()
