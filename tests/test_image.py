"""What the image is made of, as far as that can be said without building it."""

from __future__ import annotations

import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY

LOCK = REPOSITORY / "requirements" / "image.txt"
MOST_BYTES = 60_000_000


@pytest.fixture
def trim() -> dict[str, Any]:
    return runpy.run_path(str(REPOSITORY / "requirements" / "trim.py"))


def test_the_image_holds_a_part_of_what_dogctl_needs() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    image = set(project["dependency-groups"]["image"])
    assert image <= set(project["project"]["dependencies"])


@pytest.mark.parametrize("lock", sorted((REPOSITORY / "requirements").glob("*.txt")), ids=str)
def test_locks_name_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert text.count("--hash=sha256:") > 20


@pytest.mark.parametrize("word", ["# syntax", "apk", "apt", "curl"])
def test_any_python_base_will_do(word: str) -> None:
    assert word not in (REPOSITORY / "Dockerfile").read_text()


def test_libraries_stay_that_something_left_is_linked_with(
    trim: dict[str, Any], tmp_path: Path
) -> None:
    contents = {
        "module.so": "... libdirect-1.so.2 ...",
        "libdirect-1.so.2": "libdirect-1.so.2 libindirect-3.so",
        "libindirect-3.so": "libdirect-1.so.2",
        "libloner-4.so": "libloner-4.so libdirect-1.so.2",
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    module, *libraries = (tmp_path / name for name in contents)
    assert trim["linked"]([module], set(libraries)) == set(libraries[:2])


def test_trimming_fails_where_nothing_is_as_expected(trim: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(LookupError, match=r"there is no PIL/_avif"):
        trim["trim"](tmp_path)


@pytest.mark.real
@pytest.mark.parametrize("libc", ["gnu", "musl"])
def test_packages_for_either_c_library_are_small(
    trim: dict[str, Any], libc: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Alpine base itself cannot be had everywhere; whether it would do, its wheels tell."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "PYTHONPATH"):
        monkeypatch.delenv(name)
    uv = Path(sys.executable).with_name("uv")
    platform = ["--python-platform", f"x86_64-unknown-linux-{libc}", "--python-version", "3.13"]
    target = ["--target", tmp_path, "--only-binary", ":all:", "--require-hashes"]
    done = subprocess.run(
        [uv, "pip", "install", *platform, *target, "--requirement", LOCK],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    trim["trim"](tmp_path)
    kept = [tmp_path, REPOSITORY / "webapp", REPOSITORY / "templates"]
    files = [path for folder in kept for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
