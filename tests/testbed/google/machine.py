"""This process as a machine at Google, whose account its metadata server gives."""

from __future__ import annotations

import pytest

from tests.testbed.google.serving import Google

# google-auth reads these when it is imported, which any test before may have done.
HOST = "google.auth.compute_engine._metadata._GCE_METADATA_HOST"
UNASKED = "google.auth.compute_engine._metadata._NO_GCE_CHECK"


def be_a_machine(cloud: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the end of the test, google-auth finds the stand-in's metadata server."""
    monkeypatch.delenv("NO_GCE_CHECK", raising=False)
    for name, value in cloud.machine_environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(HOST, cloud.machine_environ["GCE_METADATA_HOST"])
    monkeypatch.setattr(UNASKED, False)
