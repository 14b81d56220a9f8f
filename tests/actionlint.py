"""`python -m tests.actionlint`: what actionlint says of the workflows, without shellcheck and pyflakes.

It is compiled from its Go module once. Where that is not possible (no network yet) this says so,
and fails only where CI=true.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.testbed.cluster.builds import Build
from tests.testbed.debian import MissingPackages

MODULE = "github.com/rhysd/actionlint"
BUILD = Build("actionlint", "actionlint", f"{MODULE}/cmd/actionlint", MODULE)
# There is no script in the workflows for them: a test sees to that.
WITHOUT = ("-shellcheck=", "-pyflakes=")


def main() -> int:
    """Its exit code."""
    try:
        program = BUILD.program()
    except MissingPackages as missing:
        print(f"not here: actionlint: {missing}", file=sys.stderr)
        return int(os.environ.get("CI") == "true")
    workflows = sorted(Path(".github/workflows").glob("*.yml"))
    return subprocess.run([program, *WITHOUT, *workflows], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
