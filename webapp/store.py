"""The database made ready: schema and bundled pictures, before anything else uses it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from webapp.database import Connection, Database, DatabaseUnavailable
from webapp.dburl import DatabaseUrl
from webapp.dialects import GONE, file_identity
from webapp.library import BUNDLED_FOLDER, bundled_pictures, is_seeded, seed
from webapp.schema import exclusive, is_current, migrate


def prepare(database: Database, folder: Path = BUNDLED_FOLDER) -> None:
    """Create or migrate the schema and store the bundled pictures; nothing when that is done.

    Any number of processes may do so at once. Raises DatabaseError or DatabaseUnavailable.
    """
    bundled = bundled_pictures(folder)
    with closing(database.connect()) as connection:
        if is_current(connection) and is_seeded(connection, bundled):
            return
        with exclusive(connection):
            migrate(connection)
            if not is_seeded(connection, bundled):
                seed(connection, bundled)


def prepare_within(database: Database, seconds: float, tell: Callable[[str], None]) -> None:
    """`prepare`, again and again for that many seconds while the database is away.

    `tell` is called with the reason of each failure but the last, which is raised.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return prepare(database)
        except DatabaseUnavailable as error:
            if time.monotonic() + 0.5 > deadline:
                raise
            tell(str(error))
            time.sleep(0.5)


class ReadyDatabase(Database):
    """A database that is made ready by its first connection, if it was away before."""

    def __init__(self, url: DatabaseUrl, pool_size: int) -> None:
        super().__init__(url, pool_size)
        self._preparing = threading.Lock()
        self._ready = False

    def connect(self) -> Connection:
        """A connection to a prepared database. Raises DatabaseError or DatabaseUnavailable."""
        if not self._ready:
            with self._preparing:
                if not self._ready:
                    prepare(Database(self.url))
                    self._ready = True
        if self.url.engine == "sqlite" and not file_identity(self.url.name):
            raise DatabaseUnavailable(GONE)  # a new, empty one would begin the count again
        return super().connect()
