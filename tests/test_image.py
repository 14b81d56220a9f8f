"""What the image is made of, as far as that can be said without building it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

LOCK = REPOSITORY / "requirements" / "image.txt"


def test_the_image_holds_a_part_of_what_dogctl_needs() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    image = set(project["dependency-groups"]["image"])
    assert image <= set(project["project"]["dependencies"])


@pytest.mark.parametrize("lock", sorted((REPOSITORY / "requirements").glob("*.txt")), ids=str)
def test_locks_name_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert text.count("--hash=sha256:") > 20


@pytest.mark.real
def test_every_package_has_a_wheel_for_alpine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Alpine base itself cannot be had everywhere; whether it would do, the lock tells."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "PYTHONPATH"):
        monkeypatch.delenv(name)
    uv = Path(sys.executable).with_name("uv")
    platform = ["--python-platform", "x86_64-unknown-linux-musl", "--python-version", "3.13"]
    target = ["--target", tmp_path, "--dry-run", "--only-binary", ":all:", "--require-hashes"]
    done = subprocess.run(
        [uv, "pip", "install", *platform, *target, "--requirement", LOCK],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
