"""Settings: their order, their provenance, and every way to get them wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from dogctl import bundled
from dogctl.config.load import load
from dogctl.config.model import Project
from dogctl.errors import ConfigError
from dogctl.lifecycle.config import show_config

BASE = '[tool.dogctl]\nname = "base"\nport = 1001\n[tool.dogctl.env.dev]\nport = 1002\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def read(folder: Path, text: str, environment: str | None = None, **flags: object) -> Project:
    return read_with(folder, text, {}, environment, **flags)


def read_with(
    folder: Path,
    text: str,
    environ: dict[str, str],
    environment: str | None = None,
    **flags: object,
) -> Project:
    (folder / "pyproject.toml").write_text(text)
    return load(folder=folder, environment=environment, environ=environ, flags=flags)


def problem(folder: Path, text: str, environment: str | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(folder, text, environment)
    return caught.value


@pytest.mark.parametrize(
    ("environment", "environ", "flags", "port", "origin"),
    [
        (None, {}, {}, 1001, "pyproject.toml:tool.dogctl.port"),
        ("dev", {}, {}, 1002, "pyproject.toml:tool.dogctl.env.dev.port"),
        ("dev", {"FLASK_PORT": "1003"}, {}, 1003, "$FLASK_PORT"),
        ("dev", {"FLASK_PORT": "1003"}, {"port": 1004}, 1004, "--port"),
        (None, {"FLASK_PORT": ""}, {"port": None}, 1001, "pyproject.toml:tool.dogctl.port"),
    ],
)
def test_flags_win_over_variables_over_environments_over_the_project(
    folder: Path,
    environment: str | None,
    environ: dict[str, str],
    flags: dict[str, int | None],
    port: int,
    origin: str,
) -> None:
    project = read_with(folder, BASE, environ, environment, **flags)
    assert (project.settings.port, project.origins["port"]) == (port, origin)


def test_what_nobody_set_is_a_default(folder: Path) -> None:
    project = read(folder, "[tool.dogctl]\n")
    assert (project.settings.port, project.origins["port"]) == (5000, "default")
    assert project.settings.serve[1:3] == ("-m", "flask")


def test_variables_add_up_and_the_environments_own_win(folder: Path) -> None:
    text = (
        '[tool.dogctl.variables]\nA = "1"\nB = 2\n[tool.dogctl.env.dev.variables]\nB = "3"\nC = 4\n'
    )
    project = read_with(folder, text, {"C": "5", "D": "6"}, "dev")
    assert project.settings.variables == {"A": "1", "B": "3", "C": "5"}
    assert project.origins["variables"].endswith(", $C")


def test_a_wrong_key_gets_the_right_one_proposed(folder: Path) -> None:
    error = problem(folder, "[tool.dogctl]\nprot = 5000\n")
    assert error.where == "pyproject.toml:tool.dogctl.prot"
    assert error.message == "no such setting; did you mean port?"
    assert error.exit_code == 2


def test_every_problem_is_told_at_once(folder: Path) -> None:
    text = '[tool.dogctl]\nport = 0\nhealth = "ready"\n[tool.dogctl.env.dev]\nnaem = "x"\n'
    error = problem(folder, text, "dve")
    assert len(error.detail) == 4
    assert any("did you mean dev?" in line for line in error.detail)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("port = 70000", "must be a port from 1 to 65535"),
        ("port = true", "must be a port"),
        ("port = 5000.5", "must be a port"),
        ('serve = "python app.py"', "must be a list of words"),
        ("serve = []", "must be a list of words"),
        ('health = "http://elsewhere/"', "must be a path"),
        ("start-timeout = 0", "must be a number of seconds"),
        ('protected = "yes"', "must be true or false"),
        ('name = "-rf"', "must be lower-case letters"),
        ('engine = "vm"', "must be one of: auto, compose, process"),
        ('variables = {"A-B" = "1"}', "is no name for an environment variable"),
        ("variables = {A = true}", "must be text or a number"),
        ('db-password = "hunter2"', "a secret does not belong in a file"),
        ("env = 3", "must be a table"),
        ("env.dev = 3", "must be a table"),
        ('db-host = "a\\nb"', "must be a line of text"),
    ],
)
def test_wrong_values(folder: Path, line: str, says: str) -> None:
    error = problem(folder, f"[tool.dogctl]\n{line}\n")
    assert says in error.message
    assert "hunter2" not in str(error.detail) + error.message


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('DATABASE_URL = "mysql://root:hunter2@db"', "use database-url or $DATABASE_URL"),
        ('FAULTS = "crash=1"', "use faults or $FAULTS"),
        ('API_TOKEN = "hunter2"', "a secret does not belong in a file"),
    ],
)
def test_variables_are_no_way_around_the_settings(folder: Path, line: str, says: str) -> None:
    error = problem(folder, f"[tool.dogctl.variables]\n{line}\n")
    assert says in error.message
    assert "hunter2" not in error.message


def test_a_variable_that_names_a_secret_is_one(folder: Path) -> None:
    text = '[tool.dogctl.variables]\nAPI_TOKEN = ""\n'
    project = read_with(folder, text, {"API_TOKEN": "hunter2"})
    assert [secret.reveal() for secret in project.secrets()] == ["hunter2"]
    assert "hunter2" not in str(show_config(project))


@pytest.mark.parametrize(
    "url", ["mysql://root:12#hunter2@db/dogs", "mysql://root:1?hunter2@db", "root:hunter2@db", "x"]
)
def test_a_torn_url_is_refused_unseen(folder: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="must be a URL") as caught:
        read_with(folder, BASE, {"DATABASE_URL": url})
    assert "hunter2" not in caught.value.message


def test_a_broken_file_names_the_line(folder: Path) -> None:
    error = problem(folder, "[tool.dogctl\nname = 1\n")
    assert "line 1" in error.message
    assert error.code == "broken-config"


def test_an_unknown_environment_lists_the_declared_ones(folder: Path) -> None:
    error = problem(folder, BASE, "prod")
    assert error.where == "--env"
    assert "(declared: dev)" in error.message


def test_faults_are_refused_where_protected(folder: Path) -> None:
    text = "[tool.dogctl.env.prod]\nprotected = true\n"
    with pytest.raises(ConfigError, match="faults on demand are refused"):
        read_with(folder, text, {"FAULTS": "error"}, "prod")
    assert read_with(folder, text, {"FAULTS": "error"}).settings.faults == "error"


def test_secrets_are_known_but_do_not_print(folder: Path) -> None:
    project = read_with(folder, BASE, {"DB_PASSWORD": "hunter2"})
    assert [secret.reveal() for secret in project.secrets()] == ["hunter2"]
    assert "hunter2" not in repr(project)


def test_the_project_is_found_from_a_folder_below(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "pyproject.toml").write_text(BASE)
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert load(environ={}).root == folder


def test_a_flask_app_needs_no_configuration(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "app.py").touch()
    monkeypatch.chdir(folder)
    project = load(environ={})
    assert (project.root, project.bundled) == (folder, False)


def test_outside_any_project_it_is_the_bundled_app(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "pyproject.toml").write_text('[project]\nname = "something-else"\n')
    monkeypatch.chdir(folder)
    project = load(environ={"XDG_DATA_HOME": str(folder / "data")})
    assert (project.root, project.bundled) == (bundled.root(), True)
    assert project.state == folder / "data" / "dogctl" / "bundled"


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_a_folder_without_a_project(folder: Path, name: str) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(ConfigError) as caught:
        load(folder=folder / name, environ={})
    assert caught.value.code == "no-project"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('[project]\nname = "My_App"\n[tool.dogctl]\n', "my-app"),
        ("[tool.dogctl]\n", "some-folder"),
    ],
)
def test_the_name_has_a_good_default(folder: Path, text: str, name: str) -> None:
    root = folder / "Some Folder"
    root.mkdir()
    assert read(root, text).settings.name == name


def test_build_arguments_of_all_layers_add_up(folder: Path) -> None:
    text = '[tool.dogctl.build-args]\nA = "1"\nB = "1"\n[tool.dogctl.env.dev]\nbuild-args = {B = 2}'
    project = read(folder, text, "dev", build_args=["C=3=4"])
    assert project.settings.build_args == {"A": "1", "B": "2", "C": "3=4"}
    assert project.origins["build_args"] == "--build-arg"


@pytest.mark.parametrize(
    "argument", ["PIP_TOKEN=canary", "INDEX=https://me:canary@example.com/simple", "canary"]
)
def test_a_build_argument_that_is_a_secret_is_refused_and_not_shown(
    folder: Path, argument: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(folder, "[tool.dogctl]", build_args=[argument])
    assert (caught.value.where or "").startswith("--build-arg")
    assert "canary" not in repr(vars(caught.value))


def test_a_secret_in_the_name_of_a_cache_is_refused_and_not_shown(folder: Path) -> None:
    caught = problem(folder, '[tool.dogctl]\ncache-to = ["type=s3,secret_access_key=canary"]')
    assert caught.where == "pyproject.toml:tool.dogctl.cache-to"
    assert "secret_access_key" in caught.message
    assert "canary" not in repr(vars(caught))


def test_secrets_of_the_build_come_from_the_environment(folder: Path) -> None:
    text = '[tool.dogctl]\nbuild-secrets = ["PIP_TOKEN", "NONE"]'
    project = read_with(folder, text, {"PIP_TOKEN": "canary"})
    assert "canary" in [secret.reveal() for secret in project.secrets()]
    shown = show_config(project).data["settings"]["build-secrets"]
    assert shown["value"] == {"PIP_TOKEN": "set", "NONE": "unset"}


def test_platforms_are_written_as_docker_has_them(folder: Path) -> None:
    text = '[tool.dogctl]\nplatforms = ["linux/arm64", "linux/amd64"]'
    assert read(folder, text).settings.platforms == ("linux/amd64", "linux/arm64")
    given = {"DOCKER_DEFAULT_PLATFORM": "linux/arm/v7"}
    assert read_with(folder, text, given).settings.platforms == ("linux/arm/v7",)
    assert "must be platforms" in problem(folder, '[tool.dogctl]\nplatforms = "--load"').message
