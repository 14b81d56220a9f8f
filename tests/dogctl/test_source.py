"""What an image says of where it comes from, and the names it gets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dogctl.config.load import load
from dogctl.config.model import Project
from dogctl.errors import ConfigError
from dogctl.lifecycle.recipe import project_recipe
from dogctl.lifecycle.source import Source, public_url, read_source
from dogctl.lifecycle.tags import image_tags
from tests.dogctl.test_version import Repository

SOURCE = Source(
    version="1.4.1-dev.3.gabc1234",
    commit="abc1234" + "0" * 33,
    clean=True,
    time=1_700_000_000,
    branch="feature/new_dogs",
    url="https://example.com/team/app",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM x\nARG VERSION\nARG CREATED\n")
    return tmp_path


def project(folder: Path, text: str = "", **environ: str) -> Project:
    (folder / "pyproject.toml").write_text(f'[tool.dogctl]\nname = "tiny"\n{text}')
    return load(folder=folder, environ=environ)


@pytest.mark.parametrize(
    ("remote", "url"),
    [
        ("https://example.com/team/app.git", "https://example.com/team/app"),
        ("https://me:canary@example.com/team/app", "https://example.com/team/app"),
        ("https://example.com:8443/team/app/", "https://example.com:8443/team/app"),
        ("http://example.com/app", "http://example.com/app"),
        ("git@example.com:team/app.git", "https://example.com/team/app"),
        ("example.com:app", "https://example.com/app"),
        ("ssh://git@example.com:22/team/app.git", "https://example.com/team/app"),
        ("https://example.com/app?token=canary#x", "https://example.com/app"),
        ("/srv/git/app.git", None),
        ("../app", None),
        ("file:///srv/app", None),
        ("C:\\git\\app", None),
        ("https://[", None),
        ("https://example.com:port/app", None),
        ("", None),
    ],
)
def test_a_remote_as_people_may_see_it(remote: str, url: str | None) -> None:
    assert public_url(remote) == url


def test_git_is_asked(folder: Path) -> None:
    repository = Repository(folder)
    found = project(folder)
    assert read_source(found) == Source("0.0.0-dev.0.nogit")
    repository.git("checkout", "--quiet", "-b", "main")
    repository.git("remote", "add", "origin", "git@example.com:team/app.git")
    repository.git("add", ".")
    repository.commit("v1.2.0")
    source = read_source(found)
    assert (source.version, source.clean, source.branch) == ("1.2.0", True, "main")
    assert source.url == "https://example.com/team/app"
    assert source.time == int(repository.git("show", "--no-patch", "--format=%ct"))
    assert source.revision == source.commit == repository.git("rev-parse", "HEAD")
    (folder / "new").touch()
    repository.git("checkout", "--quiet", "--detach")
    source = read_source(found)
    assert (source.clean, source.short, source.branch) == (False, None, None)
    assert source.revision == f"{source.commit}-dirty"


def test_changes_in_the_build_context_count_outside_the_project_too(tmp_path: Path) -> None:
    """Or an image that no commit has made would carry a commit's name."""
    app, lib = tmp_path / "app", tmp_path / "lib"
    for each in (app, lib):
        each.mkdir()
        (each / "Dockerfile").write_text("FROM x\n")
    found = project(app, 'build-context = ".."\ndockerfile = "app/Dockerfile"\n')
    repository = Repository(tmp_path)
    repository.git("add", ".")
    repository.commit("v1.2.0")
    assert read_source(found).clean
    (lib / "Dockerfile").write_text("FROM y\n")
    assert not read_source(found).clean
    assert read_source(project(lib, 'build-context = "/"\n')).version.startswith("1.2.1-dev.0.")


@pytest.mark.parametrize(
    ("source", "setting", "tags"),
    [
        (SOURCE, "", ["1.4.1-dev.3.gabc1234", "abc1234"]),
        (replace(SOURCE, clean=False), "", ["1.4.1-dev.3.gabc1234"]),
        (
            SOURCE,
            'tags = ["latest", "on-{branch}", "abc1234"]',
            ["1.4.1-dev.3.gabc1234", "abc1234", "latest", "on-feature-new_dogs"],
        ),
        (replace(SOURCE, branch=None, clean=False), 'tags = ["{branch}"]', [SOURCE.version]),
        (Source("0.1.dev2+gabc"), "", ["0.1.dev2-gabc"]),
    ],
)
def test_its_tags(folder: Path, source: Source, setting: str, tags: list[str]) -> None:
    found = image_tags(project(folder, setting, DOCKER_REPO="team/app"), source)
    assert [each.tag for each in found] == tags
    assert {each.name for each in found} == {"docker.io/team/app"}


def test_what_is_no_tag_is_told(folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        image_tags(project(folder, 'tags = [".hidden"]'), SOURCE)
    assert caught.value.where == "pyproject.toml:tool.dogctl.tags"


def test_it_says_what_it_was_built_from(folder: Path) -> None:
    recipe = project_recipe(project(folder, 'build-args = {A = "1", CREATED = "mine"}'), SOURCE)
    assert recipe.args == {"VERSION": SOURCE.version, "CREATED": "mine", "A": "1"}
    assert recipe.labels == {
        "org.opencontainers.image.version": SOURCE.version,
        "org.opencontainers.image.revision": SOURCE.commit,
        "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
        "org.opencontainers.image.source": SOURCE.url,
    }


def test_without_a_dockerfile_there_is_nothing_to_build(folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        project_recipe(project(folder, 'build-context = "web"'), SOURCE)
    assert caught.value.code == "no-dockerfile"
