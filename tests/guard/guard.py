"""Keeps a test, and every Python it starts, away from other machines and the real home directory.

An audit hook sees every connection and every changed file, whichever library is at work.
"""

from __future__ import annotations

import os
import socket
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = {"os.mkdir": 1, "os.rename": 2, "os.remove": 1, "os.rmdir": 1, "os.symlink": 2}
LOCAL_NAMES = ("localhost", "", "0.0.0.0", None)


class Escape(BaseException):
    """A test reached out of its sandbox; not an Exception, or product code could swallow it."""


class Guard:
    """Watches what this process touches while it is `active`.

    `home` is the real home directory, `repository` the one folder in it that may be changed.
    """

    def __init__(self, home: Path, repository: Path) -> None:
        self.active = False
        self._home = home
        self._repository = repository
        sys.addaudithook(self._watch)

    def _watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.active:
            return
        if event in ("socket.connect", "socket.sendto"):
            _require_local(arguments[1])
        elif event == "socket.getaddrinfo" and not _is_literal(arguments[0]):
            _require_local((arguments[0],))
        elif event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & WRITING:
                self._require_outside_home(path)
        elif event in CHANGES:
            for path in arguments[: CHANGES[event]]:
                self._require_outside_home(path)

    def _require_outside_home(self, path: object) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return  # an open file, checked when it was opened
        place = Path(os.path.abspath(os.fsdecode(path)))  # noqa: PTH100  (resolve() would open it)
        inside = place.is_relative_to(self._home)
        allowed = place.is_relative_to(self._repository)
        if inside and not allowed and not place.is_relative_to(os.environ.get("HOME", "/")):
            raise Escape(f"a test changes {place}, in the real home directory")


def _require_local(address: Any) -> None:
    if not isinstance(address, tuple):
        return  # a Unix socket
    host = address[0].decode() if isinstance(address[0], bytes) else address[0]
    if host not in LOCAL_NAMES and not _is_loopback(host):
        raise Escape(f"a test asks for {address}: only this machine is allowed")


def _is_literal(host: object) -> bool:
    """Whether it is an address in any notation, which takes no question to a name server."""
    try:
        return bool(socket.inet_aton(str(host)))
    except OSError:
        return ":" in str(host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False
