"""Guards and fixtures of all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.guard.guard import Guard
from tests.testbed.cluster.addresses import BALANCERS
from tests.testbed.debian import MissingPackages

REPOSITORY = Path(__file__).resolve().parent.parent
REAL_HOME = Path.home()
GUARD = Guard(REAL_HOME, REPOSITORY)
# The same examples in every run, however slow the machine: a failure is never a matter of luck.
hypothesis.settings.register_profile(
    "dogctl",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("dogctl")


@pytest.fixture(autouse=True)
def sandbox(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A home of its own, no settings from outside, and no way to the outside world."""
    home = tmp_path_factory.mktemp("home")
    # A run in the background ignores ^C, and so would every program that a test starts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in list(os.environ):
        if name.startswith(("XDG_", "DB_", "FLASK_", "DOCKER_", "AWS_", "DOGCTL_", "GITHUB_")):
            monkeypatch.delenv(name)
    # The last two would hide what happens on the machines of users.
    unwanted = ("DATABASE_URL", "SECRET_KEYS", "FAULTS", "COLLECTION")
    for name in (*unwanted, "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    # For programs that tests start: what asks a proxy gets nowhere.
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", f"127.0.0.1,localhost,{BALANCERS}")
    # Where this machine has an engine, only the tests that ask for it use it.
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home}/no-engine")
    monkeypatch.setenv("GUARDED_HOME", str(REAL_HOME))
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY / "tests" / "guard"))
    GUARD.active = True
    try:
        yield home
    finally:
        GUARD.active = False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A missing part skips a test and says how to get it; where CI=true it fails the test."""
    report = yield
    missing = call.excinfo is not None and call.excinfo.errisinstance(MissingPackages)
    if missing and call.excinfo is not None and os.environ.get("CI") != "true":
        path, line, _ = item.location
        report.outcome = "skipped"
        report.longrepr = (path, line or 0, f"Skipped: {call.excinfo.value}")
    return report
