"""`python trim.py SITE`: takes out of the installed packages what the app's image cannot use.

The build fails where a package no longer has what is named here, and where what is left misses a
library, so that a new version of one never breaks the image or makes it grow unnoticed.
"""

from __future__ import annotations

import ctypes
import shutil
import sys
from pathlib import Path

UNUSED = (
    # Of Pillow the app only opens GIF, PNG, JPEG and WebP.
    "PIL/_avif.*",
    "PIL/_imagingcms.*",
    "PIL/_imagingft.*",
    "PIL/_imagingmath.*",
    "PIL/_imagingmorph.*",
    "PIL/_imagingtk.*",
    # For type checkers, for shells, for the packages' own tests.
    "**/*.pyi",
    "bin",
    "certifi/tests",
)


def main(site: Path) -> None:
    """Trim the packages, and see that all that is left of them can be loaded."""
    trim(site)
    for module in modules(site):
        ctypes.CDLL(str(module))


def trim(site: Path) -> None:
    """Delete what is unused. Raises LookupError where that is not where it was."""
    for pattern in UNUSED:
        found = list(site.glob(pattern))
        if not found:
            raise LookupError(f"there is no {pattern} in {site}")
        for path in found:
            remove(path)
    libraries = set(site.glob("*.libs/*"))
    unused = libraries - linked(modules(site), libraries)
    if not unused:
        raise LookupError(f"every library in {site}/*.libs is used, or they are elsewhere")
    for path in unused:
        remove(path)


def remove(path: Path) -> None:
    """Delete a file or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def modules(site: Path) -> list[Path]:
    """The extension modules; libraries that wheels brought along are not among them."""
    return [path for path in site.rglob("*.so") if path.parent.suffix != ".libs"]


def linked(files: list[Path], libraries: set[Path]) -> set[Path]:
    """The libraries that these files need, directly or not.

    Wheels give each a name with a hash, which occurs in whatever is linked with it.
    """
    found: set[Path] = set()
    while files:
        content = files.pop().read_bytes()
        new = {path for path in libraries - found if path.name.encode() in content}
        found |= new
        files += new
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
