"""`dogctl cleanup local` on a real engine: what is dead and ours goes, and nothing else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dogctl.config.load import load
from dogctl.lifecycle.cleanup.local import LocalCleanup, LocalFindings, SweptImages
from dogctl.lifecycle.cleanup.retention import Policy, keep_latest
from dogctl.lifecycle.compose_engine import project_name
from dogctl.lifecycle.smoke_runs import LABEL
from dogctl.plan import execute
from dogctl.tools.build_context import KEY_LABEL
from tests.dogctl.recording import Recorder
from tests.dogctl.test_smoke import SmokeProject
from tests.eventually import eventually
from tests.testbed.engine import Engine, engine

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
EMPTY = "FROM scratch\nLABEL one={}\n"


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine]:
    with engine() as here:
        yield here
