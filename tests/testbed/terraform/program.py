"""Terraform itself: this machine's, or else compiled from its Go module."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.testbed.cluster.builds import Build

MODULE = "github.com/hashicorp/terraform"
BUILD = Build("terraform", "terraform", MODULE, MODULE, {f"{MODULE}/version.dev": "no"})


def terraform() -> Path:
    """The program, compiled if there is none on the PATH and this is the first time.

    Raises MissingPackages.
    """
    found = shutil.which("terraform")
    return Path(found) if found else BUILD.program()
