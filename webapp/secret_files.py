"""`python -m webapp.secret_files FOLDER NAME...`: makes the secrets of a new stack, once.

Each secret is a file of random text that the containers of the stack read; one that is there stays
as it is, since the database was made with it. So no secret has to stand in a compose file, in an
environment or in an argv.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

BYTES = 24
# The folder is a volume that only these containers mount, and they run as different users.
MODE = 0o444


def main(arguments: Sequence[str]) -> int:
    """Make what is missing. Raises OSError if the folder cannot be written."""
    folder, *names = arguments
    for name in names:
        _make(Path(folder) / name)
    return 0


def _make(path: Path) -> None:
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(secrets.token_urlsafe(BYTES))
    draft.chmod(MODE)
    try:
        os.link(draft, path)  # fails where another has made it meanwhile: that one counts
    except FileExistsError:
        pass
    finally:
        draft.unlink()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
