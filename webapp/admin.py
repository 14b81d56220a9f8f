"""`python -m webapp.admin gifs add|list|remove`: the pictures, whether the app runs or not.

stdout has one JSON object, always. The exit code is 0, 1 for what may work later (unreachable,
database away), or 2 for what is refused or asked wrongly.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

from webapp.database import DatabaseError, DatabaseUnavailable
from webapp.dburl import missing_folder
from webapp.library import Library, Picture
from webapp.pictures import PictureError, check, clean_name
from webapp.settings import Settings, SettingsError, read_settings
from webapp.store import ReadyDatabase

FAILED, REFUSED = 1, 2
POOL_SIZE = 1
HINTS = {
    "bad-settings": "Correct these environment variables.",
    "bad-url": "Give a URL, or - to read the picture from standard input.",
    "bad-usage": "See python -m webapp.admin gifs --help.",
    "damaged": "Save the picture anew with another program and try again.",
    "database-away": "Start the database, or correct DATABASE_URL, and try again.",
    "database-error": "Check that the database user may change tables.",
    "last-picture": "Add another picture first.",
    "private-address": "Download the file and give its bytes on standard input,"
    " or allow the network with FETCH_ALLOW_NETWORKS.",
    "too-large": "Make the picture smaller, or raise GIF_MAX_BYTES, GIF_MAX_PIXELS, GIF_MAX_FRAMES"
    " or GIF_MAX_TOTAL_PIXELS.",
    "unknown-id": "List the pictures with python -m webapp.admin gifs list.",
    "unreachable": "Check the address and try again.",
    "wrong-type": "Convert the picture to GIF, PNG, JPEG or WebP.",
}
FAILURES = frozenset({"database-away", "database-error", "unreachable"})


class AdminError(Exception):
    """An answer that is an error; `code` is one of HINTS."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise AdminError("bad-usage", message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and print its answer; returns the exit code."""
    try:
        answer, code = _run(arguments), 0
    except AdminError as error:
        code = FAILED if error.code in FAILURES else REFUSED
        answer = {"error": {"code": error.code, "message": str(error), "hint": HINTS[error.code]}}
    sys.stdout.write(json.dumps(answer) + "\n")
    return code


def _run(arguments: Sequence[str] | None) -> dict[str, object]:
    options = _parser().parse_args(arguments)
    try:
        settings = read_settings(os.environ)
        if problem := missing_folder(settings.database):
            raise SettingsError([problem])
    except SettingsError as error:
        raise AdminError("bad-settings", str(error)) from None
    database = ReadyDatabase(settings.database, POOL_SIZE)
    command: Callable[..., dict[str, object]] = options.command
    try:
        return command(options, settings, Library(database, settings.collection))
    except PictureError as error:
        raise AdminError(error.code, str(error)) from None
    except DatabaseUnavailable as error:
        raise AdminError("database-away", f"The {error.reason}.") from None
    except DatabaseError as error:
        raise AdminError("database-error", str(error)) from None
    finally:
        database.close()


def _parser() -> _Parser:
    parser = _Parser(prog="python -m webapp.admin", description=__doc__)
    groups = parser.add_subparsers(required=True, metavar="gifs", parser_class=_Parser)
    gifs = groups.add_parser("gifs", help="the pictures of the collection")
    commands = gifs.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    add = commands.add_parser("add", help="store a picture")
    add.add_argument(
        "source",
        metavar="SOURCE",
        help="a URL; @- for a URL on standard input, where no other user sees it;"
        " - for bytes on standard input",
    )
    add.add_argument("--name", help="the name to show; usually taken from the URL")
    add.set_defaults(command=_add)
    commands.add_parser("list", help="list the pictures").set_defaults(command=_list)
    remove = commands.add_parser("remove", help="stop showing a picture")
    remove.add_argument("id", metavar="ID")
    remove.set_defaults(command=_remove)
    return parser


def _add(options: Any, settings: Settings, library: Library) -> dict[str, object]:
    limits = settings.limits
    if options.source == "-":
        content = sys.stdin.buffer.read(limits.bytes + 1)
        name = options.name or ""
    else:
        # Not for the other commands: they work without this library.
        from webapp.fetch import fetch

        url = options.source
        if url == "@-":
            url = sys.stdin.readline().strip()
        content = fetch(url, limits, settings.fetch_networks)
        name = options.name or _name_in(url)
    facts = check(content, limits)
    return {"picture": _shown(library.add(content, clean_name(name), facts))}


def _list(_options: Any, settings: Settings, library: Library) -> dict[str, object]:
    pictures = [_shown(picture) for picture in library.pictures()]
    return {"collection": settings.collection, "pictures": pictures}


def _remove(options: Any, _settings: Settings, library: Library) -> dict[str, object]:
    shown = {picture.id: picture for picture in library.pictures()}
    if options.id not in shown:
        raise AdminError("unknown-id", f"There is no picture {clean_name(options.id)!r}.")
    if len(shown) == 1:
        raise AdminError("last-picture", "This is the last picture of the collection.")
    library.remove(options.id)
    return {"removed": _shown(shown[options.id])}


def _name_in(url: str) -> str:
    stem = PurePosixPath(unquote(urlsplit(url).path)).stem
    return stem.replace("-", " ").replace("_", " ")


def _shown(picture: Picture) -> dict[str, object]:
    return {**asdict(picture), "url": picture.url}


if __name__ == "__main__":
    sys.exit(main())
