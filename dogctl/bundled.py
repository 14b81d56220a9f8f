"""The Dog GIF app that comes with dogctl."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def root() -> Path:
    """Its project folder: inside an installed dogctl, or the repository of an editable one."""
    installed = _PACKAGE / "bundled"
    return installed if installed.is_dir() else _PACKAGE.parent
