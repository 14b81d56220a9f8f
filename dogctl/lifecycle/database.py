"""The MySQL or MariaDB that a release runs itself: where it is, and how it is talked to.

Statements and dumps go through the cluster's API into its own container. The password is the first
line of what the command there reads, so it is in no command line, neither here nor there.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

from dogctl.clouds import streams
from dogctl.clouds.kubernetes import PODS, SECRETS, Object
from dogctl.clouds.streams import Ran
from dogctl.errors import DogctlError
from dogctl.lifecycle.manifest import pod_template
from dogctl.lifecycle.rollout import is_ready
from dogctl.secrets import Secret

if TYPE_CHECKING:
    from dogctl.lifecycle.cluster import Cluster

ROOT = "root"
DENIED = "database-denied"
FAILED = "database-failed"
AWAY = "database-away"
_ACCESS_DENIED = b"ERROR 1045"

# What is left of the input after a failure is read all the same, or the answer would be lost.
_CLIENT = """
IFS= read -r MYSQL_PWD; export MYSQL_PWD
"$(command -v mariadb || command -v mysql)" --batch --skip-column-names \\
    --default-character-set=utf8mb4 --user="$1" \\
    ${2:+"--database=$2"}
code=$?; cat > /dev/null; exit $code
"""
_DUMP = """
IFS= read -r MYSQL_PWD; export MYSQL_PWD
if command -v mariadb-dump > /dev/null; then set -- mariadb-dump "$@"
else set -- mysqldump --set-gtid-purged=OFF "$@"; fi
exec "$@"
"""
# A server that looks up no names has no accounts with one, whatever its table says.
_HOSTS = (
    "SELECT host FROM mysql.user WHERE user = {} AND (NOT @@skip_name_resolve"
    " OR host = 'localhost' OR host RLIKE '^[0-9A-Fa-f:./%_]*$');"
)
_DUMP_OPTIONS = (
    *("--single-transaction", "--quick", "--routines", "--triggers", "--events"),
    *("--hex-blob", "--no-tablespaces", "--default-character-set=utf8mb4"),
)


@dataclass(frozen=True)
class Place:
    """Where a value is: a key of a Secret."""

    secret: str
    key: str


@dataclass(frozen=True)
class Database:
    """A database server of a release, as its manifest describes it.

    Args:
        workload: the name of its StatefulSet.
        container: the server's.
        image: what the container runs.
        name, user: the app's database, and whom the app logs in as.
        password, root_password: where the passwords are.
    """

    workload: str
    container: str
    image: str
    name: str
    user: str
    password: Place
    root_password: Place

    @property
    def pod(self) -> str:
        return f"{self.workload}-0"

    @property
    def secret(self) -> str:
        return self.password.secret


def find_database(manifest: Sequence[Object]) -> Database | None:
    """The database that a release runs itself, if it does.

    It is known by what the official images of MySQL and MariaDB are told in their environment.
    """
    found = (_read(item) for item in manifest if item["kind"] == "StatefulSet")
    return next((each for each in found if each), None)


def _read(item: Object) -> Database | None:
    spec = pod_template(item).get("spec") or {}
    volumes = {each["name"]: each for each in spec.get("volumes") or ()}
    for container in spec.get("containers") or ():
        env = {_bare(each["name"]): each for each in container.get("env") or ()}
        name, user = (env.get(word, {}).get("value") for word in ("DATABASE", "USER"))
        password, root = (
            _place(env, word, container, volumes) for word in ("PASSWORD", "ROOT_PASSWORD")
        )
        if name and user and password and root:
            workload = item["metadata"]["name"]
            image = container["image"]
            return Database(workload, container["name"], image, name, user, password, root)
    return None


def _bare(name: str) -> str:
    return name.removeprefix("MARIADB_").removeprefix("MYSQL_")


def _place(
    env: Mapping[str, Any], word: str, container: Object, volumes: Mapping[str, Object]
) -> Place | None:
    """In a file of a mounted Secret, or by a reference."""
    if path := env.get(f"{word}_FILE", {}).get("value"):
        return _mounted(PurePosixPath(path), container.get("volumeMounts") or (), volumes)
    given = (env.get(word, {}).get("valueFrom") or {}).get("secretKeyRef")
    return Place(given["name"], given["key"]) if given else None


def _mounted(
    path: PurePosixPath, mounts: Sequence[Object], volumes: Mapping[str, Object]
) -> Place | None:
    """The Secret that a file is of, and its key there."""
    above = [each for each in mounts if path.is_relative_to(each["mountPath"])]
    if not above:
        return None
    mount = max(above, key=lambda each: len(each["mountPath"]))
    secret = (volumes.get(mount["name"]) or {}).get("secret")
    if not secret:
        return None
    within = str(PurePosixPath(mount.get("subPath") or "") / path.relative_to(mount["mountPath"]))
    keys = {each["path"]: each["key"] for each in secret.get("items") or ()}
    return Place(secret["secretName"], keys.get(within, within))


@dataclass(frozen=True)
class Server:
    """The database server of a release, as it runs. Every method raises DogctlError.

    Args:
        keep_on: called again and again while it works; raises to end that.
    """

    cluster: Cluster
    database: Database
    keep_on: Callable[[], None] = lambda: None

    def check(self) -> None:
        """Raises DogctlError unless it runs and is ready."""
        pod = self.cluster.kubernetes.get(PODS, self.database.pod, self.cluster.namespace)
        if pod is None or not is_ready(pod):
            raise DogctlError(
                "the database does not run" if pod is None else "the database is not ready",
                code=AWAY,
                where=f"{self.cluster.namespace}/pods/{self.database.pod}",
                hint="look at dogctl status, and run the command again",
            )

    def secret(self, place: Place) -> Secret:
        """The value that is there now."""
        found = self.cluster.kubernetes.get(SECRETS, place.secret, self.cluster.namespace)
        try:
            return Secret(base64.b64decode(found["data"][place.key]).decode() if found else "")
        except (KeyError, binascii.Error, UnicodeDecodeError):
            return Secret("")

    @cached_property
    def is_mariadb(self) -> bool:
        return "MariaDB" in self.ask("SELECT VERSION();", self.root())

    def root(self, *others: Secret) -> Secret:
        """Root's password: the one in the Secret, or else the first of others that opens."""
        given = [self.secret(self.database.root_password), *others]
        for password in given:
            if self.opens(ROOT, password):
                return password
        raise DogctlError(
            "the database does not take root's password",
            code=DENIED,
            where=f"{self.database.root_password.secret}: {self.database.root_password.key}",
            hint="put the right one into that Secret",
        )

    def opens(self, user: str, password: Secret) -> bool:
        """Whether the database takes the password."""
        ran = self._client(user, password, b"SELECT 1;\n")
        if ran.code == 0:
            return True
        if _ACCESS_DENIED in ran.stderr:
            return False
        raise _failed(ran, self.database.pod)

    def ask(self, sql: str, password: Secret, *, secret: bool = False) -> str:
        """What root's statements answer: rows of fields with tabs between.

        Args:
            secret: whether no part of them may be in an error.
        """
        ran = self._client(ROOT, password, sql.encode())
        if ran.code:
            raise _failed(unquoted(ran) if secret else ran, self.database.pod)
        return ran.stdout.decode(errors="replace")

    def hosts(self, user: str, password: Secret) -> list[str]:
        """Where the accounts of that name may come from."""
        return self.ask(_HOSTS.format(text(user)), password).split()

    def dump(self, password: Secret, into: BinaryIO) -> None:
        """Write the app's database as statements; a consistent picture of one moment."""
        words = [*_DUMP_OPTIONS, f"--user={ROOT}", "--", self.database.name]
        ran = self._run(_DUMP, words, _Input(password), into)
        if ran.code:
            raise _failed(ran, self.database.pod)

    def load(self, password: Secret, database: str, statements: BinaryIO) -> None:
        """Run the statements of a dump in a database, up to the first that fails."""
        ran = self._run(_CLIENT, [ROOT, database], _Input(password, statements), None)
        if ran.code:
            raise _failed(ran, self.database.pod)

    def _client(self, user: str, password: Secret, sql: bytes) -> Ran:
        return self._run(_CLIENT, [user, ""], _line(password) + sql, None)

    def _run(self, script: str, words: Sequence[str], stdin: Any, stdout: BinaryIO | None) -> Ran:
        return streams.run(
            self.cluster.kubernetes,
            self.cluster.namespace,
            self.database.pod,
            self.database.container,
            ["sh", "-c", script, "sh", *words],
            stdin=stdin,
            stdout=stdout,
            check=self.keep_on,
        )


class _Input:
    """The password's line, and then the statements."""

    def __init__(self, password: Secret, statements: BinaryIO | None = None) -> None:
        self._pieces = self._read(password, statements)

    def read(self, _: int = -1) -> bytes:
        return next(self._pieces, b"")

    @staticmethod
    def _read(password: Secret, statements: BinaryIO | None) -> Iterator[bytes]:
        yield _line(password)
        while statements and (piece := statements.read(_PIECE)):
            yield piece


_PIECE = 128 * 1024


def _line(password: Secret) -> bytes:
    return password.reveal().encode() + b"\n"


def text(value: str) -> str:
    """A value as SQL writes it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def name(value: str) -> str:
    """A name as SQL writes it."""
    return "`" + value.replace("`", "``") + "`"


def unquoted(ran: Ran) -> Ran:
    """Without the part of a statement that a server quotes: it may be half a password."""
    said, near, _ = ran.stderr.partition(b" near '")
    return replace(ran, stderr=said + (b" near ..." if near else b""))


def _failed(ran: Ran, pod: str) -> DogctlError:
    lines = ran.stderr.decode(errors="replace").strip().splitlines()
    return DogctlError(
        f"the database failed: {lines[-1] if lines else f'exit code {ran.code}'}",
        code=FAILED,
        where=pod,
        hint="correct that and run the command again",
        detail=tuple(lines[:-1]),
    )
