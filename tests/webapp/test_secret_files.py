"""The secrets of a new stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from webapp.secret_files import main
from webapp.settings import SettingsError, read_settings


def test_secrets_are_made_once(tmp_path: Path) -> None:
    main([str(tmp_path), "one", "two"])
    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert set(made) == {"one", "two"}
    assert made["one"] != made["two"]
    assert min(map(len, made.values())) > 20
    main([str(tmp_path), "one", "two", "three"])
    assert (tmp_path / "one").read_text() == made["one"]
    assert len(list(tmp_path.iterdir())) == 3


def test_a_setting_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter22\n")
    parts = {"DB_HOST": "db", "DB_NAME": "dogs", "DB_USER": "dog"}
    settings = read_settings({**parts, "DB_PASSWORD_FILE": str(file)})
    assert settings.database.password.reveal() == "hunter22"
    both = read_settings({**parts, "DB_PASSWORD": "other", "DB_PASSWORD_FILE": str(file)})
    assert both.database.password.reveal() == "other"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"DB_PASSWORD cannot be read from .*No such file"):
        read_settings({"DB_PASSWORD_FILE": str(tmp_path / "nothing")})
