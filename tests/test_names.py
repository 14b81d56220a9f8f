"""Tests have the same names in every process, or those who share the work do not agree on it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.real


def names(seed: int) -> list[str]:
    """Of all tests, where texts are hashed in another way."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "--quiet", "tests"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=False,
    )
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_every_worker_calls_a_test_by_the_same_name() -> None:
    first = names(1)
    time.sleep(1)  # nor does the time of day count
    assert len(first) > 1000
    assert names(2) == first
    assert names(3) == first
