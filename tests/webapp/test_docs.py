from __future__ import annotations

import re

import pytest

from tests.webapp.conftest import REPOSITORY
from webapp.app import WebApp
from webapp.settings import Settings

TEXT = (REPOSITORY / "docs" / "app.md").read_text()


def test_every_setting_is_documented_with_its_default() -> None:
    for name, default in Settings().public().items():
        if name == "DB_PASSWORD":
            continue
        rows = [line for line in TEXT.splitlines() if line.startswith("|") and f"`{name}`" in line]
        assert rows, name
        if default not in {"", "unset"}:
            assert f"| `{default}` |" in rows[0], name


def test_every_route_is_documented(app: WebApp) -> None:
    for rule in app.url_map.iter_rules():
        assert f"`{rule.rule}`" in TEXT


@pytest.mark.parametrize("name", re.findall(r"`(dogapp_\w+)`", TEXT))
def test_every_documented_metric_exists(app: WebApp, name: str) -> None:
    client = app.test_client()
    client.get("/")
    app.metrics.database_errors.labels("error").inc()

    assert f"{name}" in client.get("/metrics").text
