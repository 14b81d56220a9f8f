"""The parts of secrets, backups and uninstalls that are decided without a cluster."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import stat
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dogctl.answer import Answer
from dogctl.cli.main import main
from dogctl.cli.session import Session
from dogctl.clouds.kubernetes import Object
from dogctl.clouds.streams import Ran
from dogctl.config.checks import Number
from dogctl.errors import Cancelled, ConfigError, DogctlError
from dogctl.lifecycle import dump_file, secret_values, visits
from dogctl.lifecycle.cluster_secrets import Store, app_secret, checksum, is_stale, stamps, users
from dogctl.lifecycle.database import Place, find_database, name, text, unquoted
from dogctl.lifecycle.manifest import title
from dogctl.lifecycle.passwords import take_both, take_one
from dogctl.lifecycle.remains import outliving
from dogctl.lifecycle.restore import clients
from dogctl.lifecycle.scale import has_ended, is_down, selector
from dogctl.lifecycle.secrets import Which, due, parse_age, renewed
from dogctl.lifecycle.secrets_edits import check_values, edits_of
from dogctl.lifecycle.secrets_journal import Edit
from dogctl.output.channel import Channel
from dogctl.plan import Plan
from dogctl.secrets import Secret

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def decoded(value: str) -> str:
    return base64.b64decode(value).decode()


DATABASE: Object = {
    "kind": "StatefulSet",
    "metadata": {"name": "dogs-mysql"},
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "mysql",
                        "image": "mysql:8.4",
                        "env": [
                            {"name": "MYSQL_DATABASE", "value": "dogs"},
                            {"name": "MYSQL_USER", "value": "rex"},
                            {"name": "MYSQL_PASSWORD_FILE", "value": "/run/secrets/password"},
                            {"name": "MYSQL_ROOT_PASSWORD_FILE", "value": "/run/secrets/root"},
                        ],
                        "volumeMounts": [
                            {"name": "data", "mountPath": "/var/lib/mysql"},
                            {"name": "passwords", "mountPath": "/run/secrets"},
                            {"name": "tls", "mountPath": "/run"},
                        ],
                    }
                ],
                "volumes": [
                    {"name": "tls", "secret": {"secretName": "dogs-tls"}},
                    {
                        "name": "passwords",
                        "secret": {
                            "secretName": "dogs-mysql",
                            "items": [{"key": "root", "path": "root"}],
                        },
                    },
                ],
            }
        }
    },
}


def app(notes: dict[str, str] | None = None, secret: str = "dogs") -> Object:
    container = {
        "name": "app",
        "envFrom": [{"configMapRef": {"name": "dogs"}}, {"secretRef": {"name": secret}}],
        "env": [
            {
                "name": "DB_PASSWORD",
                "valueFrom": {"secretKeyRef": {"name": "dogs-mysql", "key": "password"}},
            }
        ],
    }
    return {
        "kind": "Deployment",
        "metadata": {"name": "dogs"},
        "spec": {
            "template": {
                "metadata": {"annotations": notes or {}},
                "spec": {"containers": [container]},
            }
        },
    }


def secret(changed: dict[str, str] | None = None, **values: str) -> Object:
    notes = {f"changed.dogctl.dev/{key}": noted for key, noted in (changed or {}).items()}
    return {
        "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z", "annotations": notes},
        "data": {key: encoded(value) for key, value in values.items()},
    }


def store(**found: Any) -> Store:
    database = find_database([DATABASE])
    return Store("dogs", database, {"dogs": None, "dogs-mysql": None, **found})


def test_the_database_is_found_by_what_its_image_is_told() -> None:
    found = find_database([app(), DATABASE])
    assert found is not None
    assert (found.pod, found.container, found.name, found.user) == (
        *("dogs-mysql-0", "mysql"),
        *("dogs", "rex"),
    )
    assert found.password == Place("dogs-mysql", "password")
    assert found.root_password == Place("dogs-mysql", "root")
    assert find_database([app()]) is None


@pytest.mark.parametrize(
    ("value", "written"), [("bone", "'bone'"), ("b'o", "'b''o'"), ("b\\'", "'b\\\\'''")]
)
def test_a_value_cannot_leave_its_quotes(value: str, written: str) -> None:
    assert text(value) == written
    assert name("dogs`; DROP") == "`dogs``; DROP`"


def test_mysql_takes_both_passwords_and_then_one() -> None:
    assert take_both("rex", ["%"], "old", "new", mariadb=False) == [
        "ALTER USER 'rex'@'%' IDENTIFIED BY 'old';",
        "ALTER USER 'rex'@'%' IDENTIFIED BY 'new' RETAIN CURRENT PASSWORD;",
    ]
    assert take_one("rex", ["%"], "new", mariadb=False) == [
        "ALTER USER 'rex'@'%' IDENTIFIED BY 'new';",
        "ALTER USER 'rex'@'%' DISCARD OLD PASSWORD;",
    ]


def test_mariadb_takes_both_by_two_ways_to_log_in() -> None:
    (both,) = take_both("rex", ["%"], "old", "new", mariadb=True)
    assert both == (
        "ALTER USER 'rex'@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('new')"
        " OR mysql_native_password USING PASSWORD('old');"
    )
    assert take_one("rex", ["%", "::1"], "new", mariadb=True) == [
        "ALTER USER 'rex'@'%' IDENTIFIED BY 'new';",
        "ALTER USER 'rex'@'::1' IDENTIFIED BY 'new';",
    ]


class Settings:
    app_secret: str | None = None


def test_the_apps_secret_is_the_one_that_its_pods_take_whole() -> None:
    def found(manifest: list[Object], release: str = "dogs") -> str:
        return app_secret(Settings(), manifest, release)  # type: ignore[arg-type]

    assert found([app()]) == "dogs"
    assert found([app(secret="vault")]) == "vault"
    assert found([DATABASE], "rex") == "rex"


def test_workloads_are_found_by_their_references() -> None:
    assert users([app(), DATABASE], ["dogs"]) == [app()]
    assert users([app(), DATABASE], ["dogs-mysql"]) == [app()]
    assert users([app(), DATABASE], ["others"]) == []


def test_pods_are_stamped_as_the_chart_does_or_else_in_our_own_name() -> None:
    there = store(dogs=secret(A="1"))
    sums = {name: checksum(there.data(name)) for name in ("dogs", "dogs-mysql")}
    text = json.dumps({"A": encoded("1")}, sort_keys=True, separators=(",", ":"))
    assert sums["dogs"] == hashlib.sha256(text.encode()).hexdigest()
    charted = app({"checksum/secrets": "old", "checksum/database": "old"})
    assert stamps(charted, there) == {
        "checksum/secrets": sums["dogs"],
        "checksum/database": sums["dogs-mysql"],
    }
    assert is_stale(charted, there)
    assert not is_stale(app(), there)  # nobody knows
    assert set(stamps(app(), there)) == {
        "checksum.dogctl.dev/dogs",
        "checksum.dogctl.dev/dogs-mysql",
    }


def test_what_a_dead_run_has_told_the_database_stays_what_it_was_to_be() -> None:
    begun = [
        Edit("DB_PASSWORD", "dogs-mysql", "password", encoded("one"), encoded("two")),
        Edit("DB_SECRET", "dogs", "DB_SECRET", encoded("one"), encoded("two")),
    ]
    chosen = {name: Secret("three") for name in ("DB_PASSWORD", "DB_SECRET", "OTHER")}
    edits = edits_of(store(), begun, chosen)
    assert [(each.name, decoded(each.new)) for each in edits] == [
        ("DB_PASSWORD", "two"),
        ("DB_SECRET", "three"),
        ("OTHER", "three"),
    ]
    assert [each.old and decoded(each.old) for each in edits] == ["one", "one", None]


def test_what_a_release_has_changed_since_a_dead_run_stays() -> None:
    begun = [
        Edit("DB_SECRET", "dogs", "DB_SECRET", encoded("one"), encoded("two")),
        Edit("DB_PASSWORD", "dogs-mysql", "password", encoded("one"), encoded("two")),
    ]
    there = store(dogs=secret(DB_SECRET="released"), **{"dogs-mysql": secret(password="other")})
    assert [each.name for each in edits_of(there, begun, {})] == ["DB_PASSWORD"]


def test_a_value_that_is_there_is_no_change() -> None:
    there = store(dogs=secret(DB_SECRET="same"))
    assert edits_of(there, (), {"DB_SECRET": Secret("same")}) == ()


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"secrets": {"values": {"API_KEY": "bone"}}}, "API_KEY"),
        ({"database": {"password": "bone"}}, "DB_PASSWORD"),
        ({"database": {"rootPassword": "bone"}}, "MYSQL_ROOT_PASSWORD"),
    ],
)
def test_what_the_next_release_would_put_back_is_refused(values: Any, name: str) -> None:
    edit = Edit(name, "dogs", name, None, encoded("new"))
    with pytest.raises(ConfigError, match="would put it back") as refused:
        check_values(values, [edit])
    assert "bone" not in f"{refused.value.message} {refused.value.where}"
    check_values(values, [Edit("OTHER", "dogs", "OTHER", None, encoded("new"))])
    check_values({}, [edit])


def test_only_what_is_old_and_random_is_due() -> None:
    fresh = (NOW - timedelta(days=3)).isoformat()
    there = store(
        dogs=secret(
            {"DB_SECRET": f"{fresh} dogctl secrets rotate", "MINE": f"{fresh} dogctl secrets set"},
            DB_SECRET="1",
            SECRET_KEYS="2",
            MINE="3",
        )
    )
    days = timedelta(days=90)
    assert due(there, Which(), NOW) == ["DB_SECRET", "SECRET_KEYS"]
    assert due(there, Which(older_than=days), NOW) == ["SECRET_KEYS"]
    assert due(there, Which(("MINE",), days), NOW) == []
    with pytest.raises(ConfigError, match="no secret OTHER"):
        due(there, Which(("OTHER",)), NOW)


def test_a_password_of_a_database_elsewhere_is_not_made_up() -> None:
    there = Store("dogs", None, {"dogs": secret(DB_PASSWORD="1")})
    with pytest.raises(ConfigError, match="elsewhere"):
        due(there, Which(("DB_PASSWORD",)), NOW)
    assert due(there, Which(), NOW) == []


def test_a_list_of_keys_goes_on_with_the_one_that_was_first() -> None:
    new = renewed("SECRET_KEYS", encoded("second,third")).reveal()
    key, _, rest = new.partition(",")
    assert rest == "second"
    assert len(key) == 48
    assert "," not in renewed("DB_SECRET", encoded("old")).reveal()


@pytest.mark.parametrize("bad", ["90", "d", "-1d", "1y", "90 d", ""])
def test_no_age(bad: str) -> None:
    with pytest.raises(ConfigError, match="no time such as 90d"):
        parse_age(bad)
    assert parse_age("90d") == timedelta(days=90)


@pytest.mark.parametrize("words", [["DB_SECRET=bone"], ["A", "B=bone"]])
def test_a_value_in_the_command_line_is_refused_and_not_repeated(words: list[str]) -> None:
    with pytest.raises(ConfigError, match="where others can see it") as refused:
        secret_values.names(words)
    assert "bone" not in f"{refused.value.message} {refused.value.hint}"


def test_values_come_from_stdin_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(_: str) -> str:
        raise AssertionError

    def given(names: list[str], text: str) -> list[str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        return [v.reveal() for v in secret_values.from_stream(names, ask).values()]

    assert secret_values.names(["A=-", "A", "B"]) == ("A", "B")
    assert given(["A"], "one\ntwo\n") == ["one\ntwo"]
    assert given(["A", "B"], "one\ntwo\n") == ["one", "two"]
    with pytest.raises(ConfigError, match="2 variables and 1 lines"):
        given(["A", "B"], "one\n")
    file = tmp_path / "key"
    file.write_text("bone\n")
    assert secret_values.from_file(["A"], file)["A"].reveal() == "bone"
    assert secret_values.from_environment(["A"], {"A": "bone"})["A"].reveal() == "bone"
    with pytest.raises(ConfigError, match="not set: B"):
        secret_values.from_environment(["A", "B"], {"A": "bone"})


DUMP = b"-- MySQL dump 10.13\nCREATE TABLE dogs;\n-- Dump completed on 2026-01-01\n"


def test_a_dump_is_whole_and_private_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "backups" / "dogs.sql.gz"

    def write(statements: bytes) -> None:
        with dump_file.new_file(path) as file:
            with closing(dump_file.Written(file, lambda _: None)) as written:
                written.write(statements)
            written.check()

    with pytest.raises(DogctlError, match="cut off"):
        write(DUMP[:-40])
    assert list(path.parent.iterdir()) == []
    write(DUMP)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert dump_file.check(path) == len(DUMP)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (gzip.compress(DUMP)[:-9], "cannot be read to its end"),
        (gzip.compress(DUMP[:-40]), "cut off"),
        (b"-- something else\n-- Dump completed\n", "no dump"),
        (b"", "no dump"),
    ],
    # Compressed bytes hold the second they were made in: no name that two workers agree on.
    ids=["half a file", "half a dump", "another file", "nothing"],
)
def test_a_file_that_is_no_whole_dump_is_refused(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    path = tmp_path / "dump"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=problem):
        dump_file.check(path)


def test_a_full_disk_is_told() -> None:
    with (
        pytest.raises(OSError, match="No space left"),
        Path("/dev/full").open("wb") as full,
        closing(dump_file.Written(full, lambda _: None)) as written,
    ):
        written.write(DUMP)


@pytest.mark.parametrize(
    ("number", "body", "count"),
    [
        (Number("/", json="data.visits"), b'{"data": {"visits": 41}}', 41),
        (Number("/", text=r"visits (\S+)"), b"visits 41.0", 41),
        (Number("/"), b"41\n", 41),
        (Number("/", json="visits"), b"<html>", None),
        (Number("/", json="visits"), b"[]", None),
    ],
)
def test_the_count_of_visits(number: Number, body: bytes, count: int | None) -> None:
    assert visits.read(number, body) == count


def test_rotate_asks_which_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["secrets", "rotate"]) == 2
    assert "which ones?" in capsys.readouterr().err


class Silent:
    """A channel without a terminal."""

    def __init__(self, *arguments: str) -> None:
        self.session = Session(Channel(arguments, stdout=io.StringIO(), stderr=io.StringIO()))

    def perform(self, **options: Any) -> Answer:
        plan = Plan("uninstall", (), "All of it goes.", "dogs")
        return self.session.perform(plan, lambda _: Answer({}), **options)


def test_a_protected_release_needs_its_name_to_be_typed() -> None:
    silent = Silent("uninstall", "--env", "prod", "--yes")
    for given in ({}, {"yes": True}, {"yes": True, "confirm": "cats"}, {"confirm": "dogs"}):
        with pytest.raises(ConfigError, match="All of it goes") as refused:
            silent.perform(**given)
        assert "uninstall --env prod --yes --confirm dogs," in str(refused.value.hint)
    assert silent.perform(yes=True, confirm="dogs").data["changed"] is False


@pytest.mark.parametrize("statement", ["USE `dogs`;", "use dogs ;"])
def test_a_dump_that_names_its_database_is_refused(tmp_path: Path, statement: str) -> None:
    """It would be loaded into the app's own database before that is dropped."""
    path = tmp_path / "dump.sql"
    path.write_bytes(DUMP.replace(b"\n", f"\n{statement}\n".encode(), 1))
    with pytest.raises(ConfigError, match="which database"):
        dump_file.check(path)


def test_a_packed_dump_that_is_damaged_is_refused(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(DUMP + bytes(range(256)) * 100))
    packed[30:40] = bytes(10)
    path = tmp_path / "dump.sql.gz"
    path.write_bytes(packed)
    with pytest.raises(ConfigError, match="cannot be read to its end"):
        dump_file.check(path)


def by_reference() -> Object:
    """The database as most charts have it: its passwords are variables."""
    found: Object = json.loads(json.dumps(DATABASE))
    (container,) = found["spec"]["template"]["spec"]["containers"]
    container["env"] = [
        *container["env"][:2],
        *(
            {"name": name, "valueFrom": {"secretKeyRef": {"name": "dogs-mysql", "key": key}}}
            for name, key in (("MYSQL_PASSWORD", "password"), ("MYSQL_ROOT_PASSWORD", "root"))
        ),
    ]
    return found


def test_who_uses_the_database_is_stopped_and_the_database_is_not() -> None:
    manifest = [app(), by_reference()]
    database = find_database(manifest)
    assert database
    assert [title(item) for item in clients(manifest, database, "dogs")] == ["Deployment/dogs"]


def test_an_app_that_somebody_has_brought_back_is_not_down() -> None:
    note = {"annotations": {"dogctl.dev/replicas": "2"}}
    assert is_down({"metadata": note, "spec": {"replicas": 0}})
    assert not is_down({"metadata": note, "spec": {"replicas": 2}})
    assert not is_down({"metadata": {}, "spec": {"replicas": 0}})


def test_pods_are_selected_as_their_workload_does() -> None:
    expressions = [
        {"key": "tier", "operator": "In", "values": ["a", "b"]},
        {"key": "old", "operator": "DoesNotExist"},
        {"key": "app", "operator": "Exists"},
        {"key": "tier", "operator": "NotIn", "values": ["c"]},
    ]
    given = {"matchLabels": {"app": "web"}, "matchExpressions": expressions}
    assert selector({"spec": {"selector": given}}) == (
        "app=web,tier in (a,b),!old,app,tier notin (c)"
    )
    assert has_ended({"status": {"phase": "Failed"}})
    assert not has_ended({"status": {"phase": "Running"}})


def test_what_helm_removes_does_not_stay() -> None:
    def claim(name: str, **metadata: Any) -> Object:
        return {"kind": "PersistentVolumeClaim", "metadata": {"name": name, **metadata}}

    keep = {"helm.sh/resource-policy": "keep"}
    manifest = [claim("goes"), claim("kept", annotations=keep)]
    found = [*manifest, claim("data-dogs-0"), claim("ending", deletionTimestamp="now")]
    assert outliving(manifest, found) == ("data-dogs-0", "kept")


def test_a_confirmation_is_ours_and_not_that_of_what_is_run() -> None:
    channel = Channel(["exec", "--env", "prod", "--", "rm", "-y"], stdout=io.StringIO())
    with pytest.raises(ConfigError) as refused:
        channel.confirm("Sure?", preview=False)
    hint = "dogctl exec --env prod --yes -- rm -y, if you are sure"
    assert refused.value.hint == hint


def test_no_value_at_all_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: object, **__: object) -> str:
        raise EOFError

    monkeypatch.setattr("getpass.getpass", nothing)
    with pytest.raises(Cancelled):
        Channel([]).ask_secret("TOKEN: ")


def test_half_a_password_is_in_no_error() -> None:
    said = b"ERROR 1064 (42000) at line 1: right syntax to use near 'PASSWORD('hal"
    assert unquoted(Ran(1, b"", said)).stderr == (
        b"ERROR 1064 (42000) at line 1: right syntax to use near ..."
    )


def test_a_note_that_somebody_else_has_written_tells_no_time() -> None:
    there = Store("dogs", None, {"dogs": secret({"TOKEN": "soon we hope"}, TOKEN="1")})
    (entry,) = there.entries()
    assert (entry.changed.year, entry.origin) == (2026, "unknown")
