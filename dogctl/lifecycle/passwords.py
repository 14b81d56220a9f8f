"""Changing a password of a database while an app uses it: for a while, both are taken.

Pure: SQL out. MySQL keeps the password before as a second one:
https://dev.mysql.com/doc/refman/8.4/en/password-management.html#dual-passwords
MariaDB has no such thing, but several ways for an account to log in, which may be of one kind:
https://mariadb.com/kb/en/create-user/#identified-viawith-authentication_plugin
"""

from __future__ import annotations

from collections.abc import Sequence

from dogctl.lifecycle.database import text

_NATIVE = "mysql_native_password USING PASSWORD({})"


def take_both(user: str, hosts: Sequence[str], old: str, new: str, *, mariadb: bool) -> list[str]:
    """Let the accounts be opened by either password, without one moment in which the old is not."""
    return [
        statement
        for account in _accounts(user, hosts)
        for statement in (
            [f"ALTER USER {account} IDENTIFIED VIA {_native(new)} OR {_native(old)};"]
            if mariadb
            # The first one changes nothing, unless something else than the old was the first.
            else [
                f"ALTER USER {account} IDENTIFIED BY {text(old)};",
                f"ALTER USER {account} IDENTIFIED BY {text(new)} RETAIN CURRENT PASSWORD;",
            ]
        )
    ]


def take_one(user: str, hosts: Sequence[str], password: str, *, mariadb: bool) -> list[str]:
    """Let the accounts be opened by this password only."""
    accounts = _accounts(user, hosts)
    statements = [f"ALTER USER {each} IDENTIFIED BY {text(password)};" for each in accounts]
    if not mariadb:
        statements += [f"ALTER USER {each} DISCARD OLD PASSWORD;" for each in accounts]
    return statements


def _accounts(user: str, hosts: Sequence[str]) -> list[str]:
    return [f"{text(user)}@{text(host)}" for host in hosts]


def _native(password: str) -> str:
    return _NATIVE.format(text(password))
