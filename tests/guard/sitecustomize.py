"""Python imports this at its start where tests/guard is on its path: the guard for children."""

import os
from pathlib import Path

from guard import Guard

Guard(Path(os.environ["GUARDED_HOME"]), Path(__file__).resolve().parents[2]).active = True
