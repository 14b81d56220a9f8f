"""`python -m webapp`: check the settings, make the database ready, serve."""

from __future__ import annotations

import os
import signal
import sys

from webapp.database import Database, DatabaseError, DatabaseUnavailable
from webapp.dburl import missing_folder
from webapp.logs import Log
from webapp.settings import Settings, SettingsError, read_settings
from webapp.store import prepare_within

FAILED = 1
USAGE = 2


def main() -> int:
    """Run the app; the exit code is 0 after an orderly stop, 1 for a failure, 2 for bad settings."""
    try:
        settings = read_settings(os.environ)
        if problem := missing_folder(settings.database):
            raise SettingsError([problem])
    except SettingsError as error:
        for problem in error.problems:
            _say(problem)
        return USAGE
    for number in (signal.SIGTERM, signal.SIGINT):
        # Until the server has its own handlers; process 1 of a container ignores what has none.
        signal.signal(number, lambda *_: sys.exit(0))
    from webapp.server import ListenError, check_address, serve

    log = Log(settings.secrets())
    try:
        check_address(settings)
        make_ready(settings, log)
        return serve(settings, log)
    except (ListenError, DatabaseError, OSError) as error:
        _say(str(error))
        return FAILED


def make_ready(settings: Settings, log: Log) -> None:
    """Prepare the database before the first worker serves.

    When it stays away the app starts all the same: it answers its probes, says why it is not
    ready, and prepares the database as soon as it is there. Raises DatabaseError.
    """

    def tell(reason: str) -> None:
        log.event("warning", "waiting_for_database", reason=reason)

    try:
        prepare_within(Database(settings.database), settings.database_wait, tell)
    except DatabaseUnavailable as error:
        log.event("error", "database_away", reason=error.reason, error=str(error))


def _say(problem: str) -> None:
    sys.stderr.write(f"webapp: {problem}\n")


if __name__ == "__main__":
    sys.exit(main())
