"""Reads a project: files, environment variables and flags, with every problem told at once."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dogctl import bundled
from dogctl.config.model import DECLARATIONS, DEFAULT, Project, Settings, Target
from dogctl.config.parse import ProblemsError
from dogctl.errors import ConfigError
from dogctl.secrets import Secret, names_a_secret, url_secrets

FILE = "pyproject.toml"
TABLE = "tool.dogctl"
# What `flask run` looks for: a folder with one of them is a project without any configuration.
FLASK_MODULES = ("app.py", "wsgi.py")
# Tables of names with values; where several layers have one, each adds to those below it.
TABLES = ("variables", "build_args")
_LIST = "dogctl config --list shows every setting"
_NAME_IT = "name the folder that holds the project, or leave --project out"


@dataclass(frozen=True)
class Source:
    """One layer of settings: where it comes from and its raw values."""

    origin: str
    values: Mapping[str, Any]


@dataclass
class _Reading:
    """The values so far, and what was wrong on the way."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def load(
    *,
    folder: Path | None = None,
    environment: str | None = None,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Project:
    """The project of `folder` or, without one, of the current folder or one above it.

    Outside any project it is the bundled app. Flags win over environment variables, these over
    the environment's table, that over the project's table, that over defaults.

    Raises:
        ConfigError: with every problem that was found, one per line.
    """
    root, is_bundled = _find_root(folder)
    document = _read(root / FILE)
    table = _subtable(document, "tool", "dogctl")
    declared = _subtable(table, "env")
    reading = _Reading()
    _check_tables(table, declared, reading)
    if environment is not None and environment not in declared:
        reading.problems.append(_unknown_environment(environment, tuple(declared)))
    for source in _sources(table, declared, environment, environ, flags or {}):
        _apply(source, reading)
    _settle_variables(reading, environ)
    _settle_build(reading, environ)
    _default_name(reading, document, root)
    if reading.values.get("protected") and reading.values.get("faults"):
        reading.problems.append(
            f"{reading.origins['faults']}: faults on demand are refused in a protected environment"
        )
    if reading.problems:
        raise _config_error(reading.problems, root)
    origins = {name: reading.origins.get(name, DEFAULT) for name in DECLARATIONS}
    return Project(
        root=root,
        bundled=is_bundled,
        state=_bundled_state(environ) if is_bundled else root / ".dogctl",
        settings=Settings(**reading.values),
        origins=MappingProxyType(origins),
        environment=environment,
        environments=tuple(declared),
    )


def environments(folder: Path | None = None) -> list[str]:
    """The declared environments, for shell completion. Raises ConfigError."""
    root, _ = _find_root(folder)
    return list(_subtable(_subtable(_read(root / FILE), "tool", "dogctl"), "env"))


def _find_root(folder: Path | None) -> tuple[Path, bool]:
    if folder is not None:
        return _named_root(folder), False
    here = _here()
    for candidate in (here, *here.parents):
        if _has_table(candidate, required=candidate == here):
            return candidate, False
    # Only here: an app.py somewhere above is hardly what the user means to run.
    return (here, False) if _has_flask_app(here) else (bundled.root(), True)


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise ConfigError(
            "the current folder does not exist any more",
            code="no-project",
            hint="change to another folder, or name the project with --project",
        ) from None


def _named_root(folder: Path) -> Path:
    try:
        root = folder.expanduser().resolve()
    except (OSError, RuntimeError) as error:  # no such user, a loop of links
        raise ConfigError(
            f"cannot find {folder}: {error}", code="no-project", where="--project", hint=_NAME_IT
        ) from None
    if not root.is_dir():
        raise ConfigError(
            f"there is no folder {folder}", code="no-project", where="--project", hint=_NAME_IT
        )
    if not (_has_table(root, required=True) or _has_flask_app(root)):
        raise ConfigError(
            f"{folder} holds no project: neither a {FILE} with [{TABLE}] nor"
            f" {' or '.join(FLASK_MODULES)}",
            code="no-project",
            where="--project",
            hint=f"add an empty [{TABLE}] table to {folder / FILE}, or name another folder",
        )
    return root


def _has_flask_app(folder: Path) -> bool:
    return any((folder / module).is_file() for module in FLASK_MODULES)


def _has_table(folder: Path, *, required: bool) -> bool:
    """Whether dogctl is configured there; an unreadable file counts only if `required`."""
    path = folder / FILE
    if not path.is_file():
        return False
    try:
        text = _text(path)
    except ConfigError:
        if required:
            raise
        return False
    try:
        return "dogctl" in _subtable(tomllib.loads(text), "tool")
    except (ValueError, RecursionError):
        # Somebody's broken project is a project, or its user would be shown the bundled app.
        return re.search(r"^\s*\[+\s*tool\W+dogctl\b", text, re.MULTILINE) is not None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(
            f"cannot read it: {reason}",
            code="unreadable-config",
            where=str(path),
            hint="correct that, or name another project with --project",
        ) from error


def _read(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"not valid TOML: {error}",
            code="broken-config",
            where=str(path),
            hint=f"correct {path} and run the command again",
        ) from error


def _subtable(table: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    for key in keys:
        value = table.get(key, {})
        table = value if isinstance(value, Mapping) else {}
    return table


def _check_tables(table: Mapping[str, Any], declared: Mapping[str, Any], reading: _Reading) -> None:
    if not isinstance(table.get("env", {}), Mapping):
        reading.problems.append(f"{FILE}:{TABLE}.env: must be a table of environments")
    for name, values in declared.items():
        if not isinstance(values, Mapping):
            reading.problems.append(f"{FILE}:{TABLE}.env.{name}: must be a table")
    for name, values in declared.items():
        if isinstance(values, Mapping):
            reading.problems.extend(_unknown_keys(values, f"{TABLE}.env.{name}"))
    without_env = {key: value for key, value in table.items() if key != "env"}
    reading.problems.extend(_unknown_keys(without_env, TABLE))


def _unknown_keys(values: Mapping[str, Any], where: str) -> Iterator[str]:
    for key in values:
        name = key.replace("-", "_")
        if name not in DECLARATIONS:
            close = get_close_matches(name, DECLARATIONS, 1)
            meant = f"; did you mean {close[0].replace('_', '-')}?" if close else ""
            yield f"{FILE}:{where}.{key}: no such setting{meant}"
        elif DECLARATIONS[name].secret:
            yield (
                f"{FILE}:{where}.{key}: a secret does not belong in a file;"
                f" set the environment variable {DECLARATIONS[name].env}"
            )


def _unknown_environment(name: str, declared: tuple[str, ...]) -> str:
    close = get_close_matches(name, declared, 1)
    meant = f"; did you mean {close[0]}?" if close else ""
    known = ", ".join(declared) or "none"
    return f"--env: no environment {name!r} in {FILE} (declared: {known}){meant}"


def _sources(
    table: Mapping[str, Any],
    declared: Mapping[str, Any],
    environment: str | None,
    environ: Mapping[str, str],
    flags: Mapping[str, Any],
) -> Iterator[Source]:
    """The layers, weakest first."""
    yield Source(f"{FILE}:{TABLE}", table)
    if environment is not None:
        name = f"{FILE}:{TABLE}.env.{environment}"
        yield Source(name, _subtable(declared, environment))
    target = {**table, **_subtable(declared, environment or "")}.get("target", Target.GKE)
    for key, declaration in DECLARATIONS.items():
        if key == "cluster" and target != Target.GKE:
            continue  # the variable is called after Google's
        if declaration.env and environ.get(declaration.env):
            yield Source(f"${declaration.env}", {key: environ[declaration.env]})
    for key, value in flags.items():
        if value is not None:
            flag = DECLARATIONS[key].flag or f"--{key.replace('_', '-')}"
            yield Source(flag, {key: value})


def _apply(source: Source, reading: _Reading) -> None:
    in_file = source.origin.startswith(FILE)
    for key, raw in source.values.items():
        name = key.replace("-", "_")
        declaration = DECLARATIONS.get(name)
        if declaration is None or (in_file and declaration.secret):
            continue  # told by _unknown_keys
        where = f"{source.origin}.{key}" if in_file else source.origin
        try:
            value = declaration.parse(raw)
        except ProblemsError as error:
            reading.problems.extend(f"{where}{at}: {says}" for at, says in error.problems)
            continue
        except ValueError as error:
            hidden = declaration.secret or name in TABLES  # somebody may have put a secret there
            given = "what it holds" if hidden else repr(raw)
            reading.problems.append(f"{where}: {error}, not {given}")
            continue
        if name in TABLES:
            value = MappingProxyType({**reading.values.get(name, {}), **value})
        reading.values[name] = value
        reading.origins[name] = where


def _settle_variables(reading: _Reading, environ: Mapping[str, str]) -> None:
    """Let the environment override the declared variables; none may be a setting or a secret."""
    settled: dict[str, str | Secret] = {}
    where = reading.origins.get("variables", "")
    settings = {d.env: key.replace("_", "-") for key, d in DECLARATIONS.items() if d.env}
    for name, value in reading.values.get("variables", {}).items():
        if name in settings:
            problem = f"it is a setting of its own: use {settings[name]} or ${name}"
            reading.problems.append(f"{where}.{name}: {problem}")
        elif names_a_secret(name) and value:
            problem = f"a secret does not belong in a file; leave it empty and set ${name}"
            reading.problems.append(f"{where}.{name}: {problem}")
        else:
            given = environ.get(name)
            reading.origins["variables"] += f", ${name}" if given else ""
            settled[name] = Secret(given or "") if names_a_secret(name) else given or value
    if settled:
        reading.values["variables"] = MappingProxyType(settled)


def _settle_build(reading: _Reading, environ: Mapping[str, str]) -> None:
    """Read the secrets of the build, and let none of its arguments and caches be one.

    An argument stays in the image's history, for everybody who has the image, and a cache is named
    in a command line.
    """
    secrets = {
        name: Secret(environ.get(name, "")) for name in reading.values.get("build_secrets", ())
    }
    if secrets:
        reading.values["build_secrets"] = MappingProxyType(secrets)
    where = reading.origins.get("build_args", "")
    for name, value in reading.values.get("build_args", {}).items():
        if names_a_secret(name) or any(url_secrets(value)):
            reading.problems.append(
                f"{where}.{name}: a build argument is no place for a secret; name an environment"
                " variable in build-secrets, and RUN --mount=type=secret reads it"
            )
    for key in ("cache_from", "cache_to"):
        words = (word for cache in reading.values.get(key, ()) for word in cache.split(","))
        if secret := next(filter(names_a_secret, (word.partition("=")[0] for word in words)), None):
            reading.problems.append(
                f"{reading.origins[key]}: {secret} does not belong in a file; the builder reads"
                " such from its environment"
            )


def _default_name(reading: _Reading, document: Mapping[str, Any], root: Path) -> None:
    if "name" in reading.values:
        return
    given = _subtable(document, "project").get("name") or root.name
    name = re.sub(r"[^a-z0-9]+", "-", str(given).lower()).strip("-")[:53].strip("-")
    if name:
        reading.values["name"] = name


def _config_error(problems: list[str], root: Path) -> ConfigError:
    if len(problems) == 1:
        where, _, message = problems[0].partition(": ")
        return ConfigError(message, code="bad-config", where=where, hint=_hint(where))
    return ConfigError(
        f"{len(problems)} settings are wrong",
        code="bad-config",
        where=str(root / FILE),
        hint=_LIST,
        detail=tuple(problems),
    )


def _hint(where: str) -> str:
    return "dogctl config shows the declared environments" if where == "--env" else _LIST


def _bundled_state(environ: Mapping[str, str]) -> Path:
    try:
        home = Path(environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    except RuntimeError:
        raise ConfigError(
            "there is no home directory to keep the app's data in",
            code="no-home",
            where="$HOME",
            hint="set HOME or XDG_DATA_HOME, or work in a project",
        ) from None
    return home / "dogctl" / "bundled"
