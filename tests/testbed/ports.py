"""Ports that neither another test nor an outgoing connection takes before their test does."""

from __future__ import annotations

import os
import random

from dogctl.tools.processes import port_is_free

# Below those that a system hands out when nobody names one (Linux: from 32768).
FIRST = 10_000
SHARE = 4_500


def _own_ports() -> list[int]:
    """The share of this worker of pytest-xdist, begun where another run hardly begins."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 5
    first = FIRST + worker * SHARE
    start = random.randrange(SHARE)
    ports = [*range(first, first + SHARE)]
    return ports[start:] + ports[:start]


_ports = iter(_own_ports())


def free_port() -> int:
    """A port of 127.0.0.1 that is free and was never handed out before."""
    return next(port for port in _ports if port_is_free(port))
