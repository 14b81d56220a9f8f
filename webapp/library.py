"""The pictures in the database: stored by content, listed per collection, picked at random."""

from __future__ import annotations

import random
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from webapp.database import Connection, Database, DatabaseError, DatabaseUnavailable
from webapp.pictures import Facts, clean_name, measure, picture_id

BUNDLED_FOLDER = Path(__file__).parent / "collections"
CACHED_BYTES = 16_000_000
RETRY_SECONDS = 0.5
_COLUMNS = "id, name, type, width, height, frames, size, source"


@dataclass(frozen=True)
class Picture:
    """A stored picture without its content; `size` is bytes, `source` is `bundled` or `added`."""

    id: str
    name: str
    type: str
    width: int
    height: int
    frames: int
    size: int
    source: str

    @property
    def url(self) -> str:
        """Where the app serves it."""
        return f"/image/{self.id}"


class Blob(NamedTuple):
    """A picture's content and its content type."""

    content: bytes
    type: str


class _Catalogue(NamedTuple):
    """The pictures as they were at a version; replaced as a whole, for threads to read."""

    version: int
    pictures: list[Picture]


class Bundled(NamedTuple):
    """A picture that comes with the app."""

    collection: str
    id: str
    name: str
    content: bytes


def bundled_pictures(folder: Path = BUNDLED_FOLDER) -> list[Bundled]:
    """The pictures of `collections/COLLECTION/NAME.EXT`; a file's name is the picture's."""
    return [
        Bundled(file.parent.name, picture_id(content), _title(file.stem), content)
        for file in sorted(folder.glob("*/*.*"))
        if file.suffix in {".gif", ".png", ".jpg", ".webp"}
        for content in [file.read_bytes()]
    ]


def is_seeded(connection: Connection, bundled: list[Bundled]) -> bool:
    """Whether each bundled picture is known to the database, shown or removed."""
    rows = connection.execute("SELECT collection, id FROM dogapp_pictures").rows
    return {(item.collection, item.id) for item in bundled} <= {(row[0], row[1]) for row in rows}


def seed(connection: Connection, bundled: list[Bundled]) -> None:
    """Store the bundled pictures that are missing.

    One that was removed stays removed; one drawn anew takes the place of the old one of its name.
    Only under `schema.exclusive`. Raises DatabaseError or DatabaseUnavailable.
    """
    rows = connection.execute("SELECT collection, id, name, removed FROM dogapp_pictures").rows
    known = {(row[0], row[1]) for row in rows}
    removed = {(row[0], row[2]) for row in rows if row[3]}
    for item in bundled:
        if (item.collection, item.id) in known:
            continue
        connection.execute(
            "DELETE FROM dogapp_pictures"
            " WHERE collection = %s AND name = %s AND source = 'bundled' AND removed = 0",
            (item.collection, item.name),
        )
        _insert(
            connection,
            item.collection,
            _described(item.id, item.name, measure(item.content), len(item.content), "bundled"),
            item.content,
            removed=(item.collection, item.name) in removed,
        )
    _changed(connection)


class Library:
    """The pictures of one collection, with the list and the recent contents kept in memory."""

    def __init__(self, database: Database, collection: str) -> None:
        self._database = database
        self._collection = collection
        self._catalogue: _Catalogue | None = None
        self._reading = threading.Lock()
        self._blobs: OrderedDict[str, Blob] = OrderedDict()
        self._lock = threading.Lock()

    def has_pictures(self) -> bool:
        """Whether `pick` will find a picture, whatever becomes of the database.

        Raises DatabaseUnavailable or DatabaseError when the list was never read and cannot be.
        """
        return bool((self._catalogue or self._read(self.version())).pictures)

    def read_when_possible(self) -> None:
        """Read the list for the first time; goes on trying while the database is away."""
        while True:
            try:
                self.has_pictures()
            except (DatabaseUnavailable, DatabaseError):
                time.sleep(RETRY_SECONDS)
            else:
                return

    def pick(self, version: int) -> Picture | None:
        """A random picture of the catalogue as it is at `version`; None when there is none.

        A list that cannot be renewed stays in use: who was counted is shown a picture. Raises
        DatabaseUnavailable or DatabaseError when there is no list yet.
        """
        catalogue = self._catalogue
        if catalogue is None or catalogue.version < version:
            try:
                catalogue = self._read(version)
            except (DatabaseUnavailable, DatabaseError):
                if catalogue is None:
                    raise
        return random.choice(catalogue.pictures) if catalogue.pictures else None  # noqa: S311

    def _read(self, version: int) -> _Catalogue:
        with self._reading:
            catalogue = self._catalogue
            if catalogue is None or catalogue.version < version:
                # Read after the version was: the list is of that version or of a newer one.
                catalogue = self._catalogue = _Catalogue(version, self.pictures())
                with self._lock:
                    self._blobs.clear()  # a removed picture is not served any more
            return catalogue

    def version(self) -> int:
        """The version of the catalogue, which every added or removed picture raises."""
        with self._database.connection() as connection:
            return int(connection.row("SELECT catalogue FROM dogapp_counter")[0])

    def pictures(self) -> list[Picture]:
        """All pictures that are shown, bundled ones first."""
        with self._database.connection() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM dogapp_pictures"  # noqa: S608
                " WHERE collection = %s AND removed = 0 ORDER BY source DESC, name, id",
                (self._collection,),
            ).rows
        return [Picture(*row) for row in rows]

    def blob(self, wanted: str) -> Blob | None:
        """The content of a picture of any collection; None when there is no such picture."""
        with self._lock:
            if blob := self._blobs.get(wanted):
                self._blobs.move_to_end(wanted)
                return blob
        with self._database.connection() as connection:
            rows = connection.execute(
                "SELECT content, type FROM dogapp_pictures WHERE id = %s AND removed = 0",
                (wanted,),
            ).rows
        if not rows:
            return None
        blob = Blob(bytes(rows[0][0]), rows[0][1])
        self._keep(wanted, blob)
        return blob

    def add(self, content: bytes, name: str, facts: Facts) -> Picture:
        """Store a picture; the same content once only, shown again if it had been removed."""
        picture = _described(picture_id(content), name, facts, len(content), "added")
        with self._database.connection() as connection, connection.transaction():
            _changed(connection)
            key = (self._collection, picture.id)
            rows = connection.execute(
                f"SELECT {_COLUMNS}, removed FROM dogapp_pictures"  # noqa: S608
                " WHERE collection = %s AND id = %s",
                key,
            ).rows
            if rows and not rows[0][-1]:
                return Picture(*rows[0][:-1])
            connection.execute("DELETE FROM dogapp_pictures WHERE collection = %s AND id = %s", key)
            _insert(connection, self._collection, picture, content, removed=False)
        return picture

    def remove(self, wanted: str) -> bool:
        """Stop showing a picture for good, restarts included; False when it is not shown."""
        with self._database.connection() as connection, connection.transaction():
            _changed(connection)
            return bool(
                connection.execute(
                    "UPDATE dogapp_pictures SET removed = 1"
                    " WHERE collection = %s AND id = %s AND removed = 0",
                    (self._collection, wanted),
                ).changed
            )

    def _keep(self, key: str, blob: Blob) -> None:
        with self._lock:
            self._blobs[key] = blob
            while sum(len(kept.content) for kept in self._blobs.values()) > CACHED_BYTES:
                self._blobs.popitem(last=False)


def _title(stem: str) -> str:
    return clean_name(stem.replace("-", " ").replace("_", " ").capitalize())


def _described(key: str, name: str, facts: Facts, size: int, source: str) -> Picture:
    return Picture(key, name, facts.type, facts.width, facts.height, facts.frames, size, source)


def _insert(
    connection: Connection, collection: str, picture: Picture, content: bytes, *, removed: bool
) -> None:
    connection.execute(
        f"INSERT INTO dogapp_pictures (collection, {_COLUMNS}, added, removed, content)"  # noqa: S608
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            collection,
            picture.id,
            picture.name,
            picture.type,
            picture.width,
            picture.height,
            picture.frames,
            picture.size,
            picture.source,
            int(time.time()),
            int(removed),
            content,
        ),
    )


def _changed(connection: Connection) -> None:
    connection.execute("UPDATE dogapp_counter SET catalogue = catalogue + 1 WHERE id = 1")
