from __future__ import annotations

import pytest

from webapp.dburl import parse_url
from webapp.settings import SettingsError, read_settings


def test_nothing_set_is_enough() -> None:
    settings = read_settings({})

    assert (settings.host, settings.port, settings.collection) == ("127.0.0.1", 5000, "dogs")
    assert str(settings.database) == "sqlite:///dogs.db"


def test_an_empty_variable_counts_as_not_given() -> None:
    assert read_settings({"FLASK_PORT": "", "DATABASE_URL": " "}).port == 5000


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(
            {
                "FLASK_PORT": "70000",
                "COLLECTION": "cats",
                "FAULTS": "slow=fast",
                "WEB_THREADS": "many",
                "FETCH_ALLOW_NETWORKS": "10.0.0.1/8",
                "DB_HOST": "db",
            }
        )

    names = [problem.split()[0] for problem in caught.value.problems]
    assert sorted(names) == [
        "COLLECTION",
        "DB_ENGINE=mysql",
        "FAULTS",
        "FETCH_ALLOW_NETWORKS",
        "FLASK_PORT",
        "WEB_THREADS",
    ]


def test_the_variables_of_the_seeds_make_a_database() -> None:
    variables = {
        "DB_HOST": "db",
        "DB_NAME": "dogs",
        "DB_USER": "dog",
        "DB_PASSWORD": "p@ss:/",
        "DB_ENGINE": "postgresql",
    }

    database = read_settings(variables).database

    assert (database.engine, database.host, database.port) == ("postgresql", "db", 5432)
    assert database.password.reveal() == "p@ss:/"
    assert read_settings({**variables, "DB_ENGINE": ""}).database.engine == "mysql"


def test_a_url_wins_over_the_parts() -> None:
    database = read_settings({"DATABASE_URL": "sqlite:///a.db", "DB_HOST": "db"}).database

    assert str(database) == "sqlite:///a.db"


def test_sqlite_by_parts_needs_a_file_only() -> None:
    database = read_settings({"DB_ENGINE": "sqlite", "DB_NAME": "/data/dogs.db"}).database

    assert str(database) == "sqlite:////data/dogs.db"


def test_no_secret_is_in_the_public_settings() -> None:
    settings = read_settings(
        {
            "DATABASE_URL": "mysql://dog:geheim-1@db/dogs",
            "DB_SECRET": "geheim-2",
            "SECRET_KEYS": "geheim-3,geheim-4",
        }
    )

    assert "geheim" not in repr(settings.public())
    assert "geheim" not in repr(settings)
    assert settings.public()["DB_SECRET"] == "set"
    assert settings.public()["DATABASE_URL"] == "mysql://dog:***@db:3306/dogs"
    assert read_settings({}).public()["DB_SECRET"] == "unset"


def test_every_part_of_a_secret_is_one() -> None:
    settings = read_settings(
        {
            "DATABASE_URL": "mysql://dog:geheim-1@db/dogs",
            "DB_PASSWORD": "geheim-2",
            "SECRET_KEYS": "geheim-3, geheim-4",
        }
    )

    assert sorted(settings.secrets()) == [
        "geheim-1",
        "geheim-2",
        "geheim-3",
        "geheim-3, geheim-4",
        "geheim-4",
    ]


def test_a_password_beside_a_url_is_told_as_set() -> None:
    settings = read_settings({"DATABASE_URL": "sqlite:///a.db", "DB_PASSWORD": "geheim"})

    assert settings.public()["DB_PASSWORD"] == "set"
    assert "geheim" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "host"),
    [("localhost", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("::1", "::1"), ("0:0::0", "::")],
)
def test_the_server_listens_on_an_address(text: str, host: str) -> None:
    assert read_settings({"FLASK_HOST": text}).host == host


@pytest.mark.parametrize("text", ["example.org", "1.2.3", "fe80::1%eth0", "[::1]"])
def test_the_server_does_not_listen_on_names(text: str) -> None:
    with pytest.raises(SettingsError, match="FLASK_HOST must be an IP address"):
        read_settings({"FLASK_HOST": text})


def test_a_stop_ends_before_docker_kills() -> None:
    assert read_settings({}).stop_timeout < 10


@pytest.mark.parametrize(
    ("text", "engine", "name", "port"),
    [
        ("mysql://u:p@h/n", "mysql", "n", 3306),
        ("mariadb://u:p@h:33/n", "mysql", "n", 33),
        ("postgres://u:p@h/n", "postgresql", "n", 5432),
        ("postgresql://u:p@h/n?sslmode=verify-full", "postgresql", "n", 5432),
        ("sqlite:///n.db", "sqlite", "n.db", 0),
        ("sqlite:////folder/n.db", "sqlite", "/folder/n.db", 0),
    ],
)
def test_database_urls(text: str, engine: str, name: str, port: int) -> None:
    url = parse_url(text)

    assert (url.engine, url.name, url.port) == (engine, name, port)


def test_a_password_may_have_any_character() -> None:
    assert parse_url("mysql://u:p%40%2F%3A%25%20@h/n").password.reveal() == "p@/:% "


@pytest.mark.parametrize(
    "text",
    [
        "dogs.db",
        "oracle://u:geheim@h/n",
        "mysql://h/n",
        "mysql://u:geheim@h",
        "mysql://u:geheim@h:port/n",
        "mysql://u:geheim@h/n?init_command=DROP",
        "sqlite://host/dogs.db",
        "sqlite://",
        "postgresql://u:geheim@[::1/n",
    ],
)
def test_a_wrong_database_url_is_refused_without_repeating_the_password(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"DATABASE_URL": text})

    assert caught.value.problems[0].startswith("DATABASE_URL ")
    assert "geheim" not in str(caught.value)
