"""What a stranger does first: a fresh clone and the README's command; an install of the package.

These two are meant to reach the package registry, which no other test may.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.conftest import REPOSITORY
from tests.testbed.ports import free_port

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """As on a new machine, with a way to the registry."""
    proxies = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy")
    for name in (*proxies, "PYTHONPATH"):
        monkeypatch.delenv(name)
    without_venv = [p for p in os.environ["PATH"].split(":") if not p.endswith(".venv/bin")]
    return {**os.environ, "PATH": ":".join(without_venv), "FLASK_PORT": str(free_port())}


def test_make_up_in_a_fresh_clone_ends_in_a_page(tmp_path: Path, environ: dict[str, str]) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", REPOSITORY, clone], check=True)

    def run(*argv: str) -> str:
        done = subprocess.run(argv, cwd=clone, env=environ, check=True, capture_output=True)
        return done.stdout.decode()

    out = run("make", "up")
    url = f"http://127.0.0.1:{environ['FLASK_PORT']}"
    try:
        assert url in out
        numbers = [visitor(requests.get(url, timeout=10).text) for _ in range(2)]
        assert numbers == [1, 2]
        status = json.loads(run(".venv/bin/dogctl", "status", "--json"))
        assert status["data"]["local"]["state"] == "up"
    finally:
        run("make", "down")
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


def test_uv_tool_install(tmp_path: Path, environ: dict[str, str]) -> None:
    uv = Path(sys.executable).with_name("uv")
    environ |= {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    install = [uv, "tool", "install", "--quiet", "--python", sys.executable, REPOSITORY]
    subprocess.run(install, env=environ, check=True, cwd=tmp_path)
    dogctl = tmp_path / "bin" / "dogctl"
    url = f"http://127.0.0.1:{environ['FLASK_PORT']}"
    try:
        subprocess.run([dogctl, "up"], env=environ, check=True, cwd=tmp_path)
        assert visitor(requests.get(url, timeout=10).text) == 1
    finally:
        subprocess.run([dogctl, "down"], env=environ, check=True, cwd=tmp_path)


def visitor(page: str) -> int:
    found = re.search(r'data-count="(\d+)"', page)
    assert found, page
    return int(found[1])
