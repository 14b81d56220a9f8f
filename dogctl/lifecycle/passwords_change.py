"""The passwords of the database that a release runs itself, while they change.

The database is asked what it takes, so that every step can be taken again at any point.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dogctl.lifecycle.cluster_secrets import Store, decoded
from dogctl.lifecycle.database import ROOT, Place, Server
from dogctl.lifecycle.passwords import take_both, take_one
from dogctl.lifecycle.secrets_journal import Edit
from dogctl.secrets import Secret

if TYPE_CHECKING:
    from dogctl.lifecycle.cluster import Cluster


@dataclass(frozen=True)
class Passwords:
    """Those of the database among some values that change; every method raises DogctlError."""

    cluster: Cluster
    store: Store

    def check(self, edits: Sequence[Edit]) -> None:
        """Raises DogctlError unless the database can be told now."""
        if any(self._own(edits)):
            self._server.check()
            self._root(edits)

    def open(self, edits: Sequence[Edit], *, back: bool = False) -> None:
        """Let the database take the old passwords as well as the new ones.

        Args:
            back: it is for the old values to come back, so that it is enough if it takes these.
        """
        for each in self._own(edits):
            takes_old, takes_new = self._takes(each)
            through = takes_new and self.store.value(each.place) == each.new
            if not (takes_old if back else (takes_old and takes_new) or through):
                self._tell(each, edits)

    def close(self, edits: Sequence[Edit], *, back: bool = False) -> None:
        """Let it take the new ones only; or the old ones, if these were put back."""
        for each in self._own(edits):
            # What it has refused, such as a password that is too weak, has left nothing there.
            if back and self._takes(each) == (True, False):
                continue
            server, user, root = self._server, self._user(each.place), self._root(edits)
            kept = decoded((each.old if back else each.new) or "")
            hosts = server.hosts(user, root)
            server.ask(
                "\n".join(take_one(user, hosts, kept, mariadb=server.is_mariadb)), root, secret=True
            )

    def _takes(self, edit: Edit) -> tuple[bool, bool]:
        """Whether the old password opens the database, and whether the new one does."""
        server, user = self._server, self._user(edit.place)
        old = bool(edit.old) and server.opens(user, Secret(decoded(edit.old or "")))
        return old, server.opens(user, Secret(decoded(edit.new)))

    def _tell(self, edit: Edit, edits: Sequence[Edit]) -> None:
        server, user, root = self._server, self._user(edit.place), self._root(edits)
        hosts, new = server.hosts(user, root), decoded(edit.new)
        statements = (
            take_both(user, hosts, decoded(edit.old), new, mariadb=server.is_mariadb)
            if edit.old
            # Nobody gets in with an empty one meanwhile.
            else take_one(user, hosts, new, mariadb=server.is_mariadb)
        )
        server.ask("\n".join(statements), root, secret=True)

    @cached_property
    def _server(self) -> Server:
        if self.store.database is None:
            raise AssertionError("only where there is one, there are passwords of it")
        return Server(self.cluster, self.store.database)

    def _own(self, edits: Sequence[Edit]) -> Iterator[Edit]:
        return (each for each in edits if self.store.of_database(each.place))

    def _user(self, place: Place) -> str:
        database = self._server.database
        return ROOT if place == database.root_password else database.user

    def _root(self, edits: Sequence[Edit]) -> Secret:
        """What opens root now; a run that died may have changed it on either side."""
        mine = [each for each in self._own(edits) if self._user(each.place) == ROOT]
        others = [decoded(value) for each in mine for value in (each.new, each.old) if value]
        return self._server.root(*map(Secret, others))
