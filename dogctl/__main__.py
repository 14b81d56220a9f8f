"""`dogctl` and `python -m dogctl`."""

import os
import signal
import sys
from types import FrameType

from dogctl.output.streams import ReaderGoneError, prepare

INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit with its code."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        prepare()
        code = _run(sys.argv[1:])
    except KeyboardInterrupt:  # while modules were still being imported
        code = INTERRUPTED
    except ReaderGoneError:
        code = 0
    for number in (signal.SIGINT, signal.SIGTERM):
        # The answer has been given: the interpreter's end must not make it another one.
        signal.signal(number, signal.SIG_IGN)
    sys.exit(code)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run(arguments: list[str]) -> int:
    # Scripts and shell prompts ask for the version often; the parser takes most of the time.
    if arguments == ["--version"]:
        from dogctl.output.version import print_version

        print_version()
        return 0
    if "_DOGCTL_COMPLETE" in os.environ:
        from dogctl.cli.app import app

        app(prog_name="dogctl")
    from dogctl.cli.main import main as run

    return run(arguments)


if __name__ == "__main__":
    main()
