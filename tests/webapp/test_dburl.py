"""A database's address as it is shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from webapp.app import WebApp
from webapp.dburl import DatabaseUrl, parse_url


def test_the_options_of_a_database_are_shown() -> None:
    text = "postgresql://dog:geheim@db:5432/dogs?sslmode=verify-full&sslrootcert=/etc/my%20ca.pem"
    url = parse_url(text)

    assert str(url) == text.replace("geheim", "***")
    assert parse_url(str(url)).options == url.options


@pytest.mark.parametrize("name", ["sslpassword", "ssl_key_password", "SSL_Passphrase", "token"])
def test_a_secret_among_the_options_is_masked(name: str) -> None:
    options = {name: "geheim", "ssl_key": "/etc/key.pem"}
    url = DatabaseUrl("mysql", "dogs", "db", 3306, "dog", options=options)

    assert str(url) == f"mysql://dog@db:3306/dogs?{name}=***&ssl_key=/etc/key.pem"


def test_config_shows_the_options(make_app: Callable[..., WebApp]) -> None:
    app = make_app(database=parse_url("mysql://dog:geheim@127.0.0.1:1/dogs?ssl_ca=/etc/ca.pem"))
    shown = app.settings.public()

    assert shown["DATABASE_URL"] == "mysql://dog:***@127.0.0.1:1/dogs?ssl_ca=/etc/ca.pem"
