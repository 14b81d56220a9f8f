"""`python -m tests.pythons`: the fast tests on every other supported Python of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENVS = ROOT / ".venv" / "pythons"


def found() -> dict[tuple[int, int], Path]:
    """Another Python of each supported minor version, by minor version."""
    pythons: dict[tuple[int, int], Path] = {}
    for path in candidates():
        minor = minor_version(path)
        if minor and minor >= OLDEST and minor != sys.version_info[:2]:
            pythons.setdefault(minor, path)
    return pythons


def candidates() -> Iterator[Path]:
    """What the PATH and pyenv have."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    yield from sorted(pyenv.glob("versions/3.*/bin/python3"))
    for minor in range(OLDEST[1], 20):
        if path := shutil.which(f"python3.{minor}"):
            yield Path(path)


def minor_version(python: Path) -> tuple[int, int] | None:
    """None if it does not run, like the shim of a version that is switched off."""
    asks = "import sys; print(*sys.version_info[:2])"
    done = subprocess.run([python, "-c", asks], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None
    major, minor = map(int, done.stdout.split())
    return major, minor


def test(minor: tuple[int, int], path: Path) -> bool:
    """Whether the fast tests pass in a virtual environment of that Python."""
    venv = VENVS / f"{minor[0]}.{minor[1]}"
    python = venv / "bin" / "python"
    if not python.exists():
        uv("venv", "--quiet", "--python", str(path), str(venv))
    uv("pip", "sync", "--quiet", "--python", str(python), "requirements/dev.txt")
    editable = ["--no-build-isolation", "--no-deps", "--editable", "."]
    uv("pip", "install", "--quiet", "--python", str(python), *editable)
    tests = [python, "-m", "pytest", "-q", "-n", "2", "-m", "not real"]
    return subprocess.run(tests, cwd=ROOT, check=False).returncode == 0


def uv(*words: str) -> None:
    subprocess.run([Path(sys.executable).with_name("uv"), *words], cwd=ROOT, check=True)


def main() -> None:
    pythons = found()
    names = ", ".join(f"{major}.{minor}" for major, minor in sorted(pythons)) or "none"
    print(f"other Pythons here: {names}", flush=True)
    failed = False
    for minor, path in sorted(pythons.items()):
        print(f"Python {minor[0]}.{minor[1]}", flush=True)
        failed |= not test(minor, path)
    sys.exit(failed)


if __name__ == "__main__":
    main()
