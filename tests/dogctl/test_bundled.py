"""The app that comes with dogctl, run by dogctl from outside any project, as after an install."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from dogctl.tools.build_context import content_key
from tests.conftest import REPOSITORY
from tests.dogctl.conftest import Done, Project

pytestmark = pytest.mark.real
STAR = REPOSITORY / "webapp" / "collections" / "stars" / "pulsar.gif"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this repository, unpacked as pip does it, but without its dependencies."""
    folder = tmp_path_factory.mktemp("installed")
    uv = Path(sys.executable).with_name("uv")
    build = [uv, "build", "--quiet", "--offline", "--wheel", "--no-build-isolation"]
    subprocess.run([*build, "--out-dir", folder / "dist"], cwd=REPOSITORY, check=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    target = folder / "packages"
    install = [uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--target", target]
    subprocess.run([*install, wheel], check=True)
    return target


@pytest.fixture
def nowhere(
    new_project: Callable[[], Project], installed: Path, monkeypatch: pytest.MonkeyPatch
) -> Project:
    """An empty folder and the installed dogctl."""
    monkeypatch.setenv("PYTHONPATH", f"{installed}:{os.environ['PYTHONPATH']}")
    return new_project()


def test_up_outside_any_project_runs_the_bundled_app_and_says_so(nowhere: Project) -> None:
    done = nowhere.dogctl("up")
    assert "no project here: this is the app that comes with dogctl" in done.out, done.err
    assert "Dog GIF App" in requests.get(f"http://127.0.0.1:{nowhere.port}/", timeout=5).text
    data = Path(os.environ["HOME"]) / ".local" / "share" / "dogctl" / "bundled"
    assert (data / "data" / "app.db").exists()
    assert not list(nowhere.root.iterdir())


def test_the_package_brings_the_whole_app(nowhere: Project, installed: Path) -> None:
    config = nowhere.dogctl("config", "--json").json["data"]
    assert config["project"] == str(installed / "dogctl" / "bundled")
    assert config["settings"]["health"]["value"] == "/ready"
    assert config["environments"] == ["dev", "qa", "prod"]


def test_the_package_brings_the_whole_stack(installed: Path) -> None:
    bundled = installed / "dogctl" / "bundled"
    assert content_key(bundled) == content_key(REPOSITORY)
    for name in ("compose.yaml", "prometheus.yml", "tf/gke/main.tf", "tf/modules/apis/main.tf"):
        assert (bundled / name).read_bytes() == (REPOSITORY / name).read_bytes()


def test_every_refresh_is_counted_and_the_count_outlives_the_app(nowhere: Project) -> None:
    url = nowhere.dogctl("up", "--json").json["data"]["url"]
    for _ in range(3):
        requests.get(url, timeout=5)
    nowhere.dogctl("down")
    nowhere.dogctl("up")
    assert requests.get(f"{url}/api/visits", timeout=5).json() == {"visits": 3}


def test_own_pictures(nowhere: Project) -> None:
    nowhere.dogctl("up")
    before = pictures(nowhere)
    added = nowhere.dogctl("gifs", "add", str(STAR), "--json")
    assert added.code == 0, added.err
    identity = added.json["data"]["picture"]["id"]
    assert added.json["data"]["picture"]["name"] == "pulsar"
    assert pictures(nowhere) == before | {identity}
    image = requests.get(f"http://127.0.0.1:{nowhere.port}/image/{identity}", timeout=5)
    assert image.content == STAR.read_bytes()
    assert nowhere.dogctl("gifs", "remove", identity, "--yes").code == 0
    assert pictures(nowhere) == before


def test_pictures_can_be_added_before_the_first_up(nowhere: Project) -> None:
    assert nowhere.dogctl("gifs", "add", str(STAR)).code == 0


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("http://127.0.0.1:1/x.gif", "private-address"),
        ("http://169.254.169.254/latest/meta-data", "private-address"),
        ("ftp://example.com/x.gif", "bad-url"),
        (__file__, "wrong-type"),
    ],
)
def test_bad_pictures_are_refused(nowhere: Project, source: str, code: str) -> None:
    done = nowhere.dogctl("gifs", "add", source, "--json")
    assert (done.code, done.json["error"]["code"]) == (2, code)
    assert done.json["error"]["hint"]


def test_an_unknown_picture_cannot_be_removed(nowhere: Project) -> None:
    assert nowhere.dogctl("gifs", "remove", "nonsense", "--yes").code == 2


def test_the_stars_are_a_setting(nowhere: Project) -> None:
    url = nowhere.dogctl("up", "--json", COLLECTION="stars").json["data"]["url"]
    assert "Star Image App" in requests.get(url, timeout=5).text
    assert nowhere.dogctl("up", "--json", COLLECTION="dogs").json["data"]["changed"]
    assert "Dog GIF App" in requests.get(url, timeout=5).text


def test_a_wrong_setting_of_the_app_is_told(nowhere: Project) -> None:
    done = nowhere.dogctl("up", COLLECTION="cats")
    assert done.code == 1
    assert "COLLECTION" in done.err
    assert "Traceback" not in done.err


def test_a_fault_on_demand(nowhere: Project) -> None:
    url = nowhere.dogctl("up", "--json", FAULTS="error=1").json["data"]["url"]
    assert requests.get(url, timeout=5).status_code == 500
    assert nowhere.dogctl("up", "--env", "prod", FAULTS="error=1").code == 2


def test_secrets_show_nowhere(nowhere: Project) -> None:
    secrets = {"DB_SECRET": "hunter2222", "SECRET_KEYS": "s3cr3t-keys"}
    shown = [
        nowhere.dogctl(*words, **secrets)
        for words in (["up"], ["config"], ["status", "--json"], ["logs"])
    ]
    url = f"http://127.0.0.1:{nowhere.port}"
    config = requests.get(f"{url}/config", timeout=5).json()
    assert config["DB_SECRET"] == "set"
    everything = [text for done in shown for text in (done.out, done.err)] + [str(config)]
    everything += [path.read_text() for path in nowhere.root.rglob("*.log")]
    assert not any(secret in text for text in everything for secret in secrets.values())


def pictures(project: Project) -> set[str]:
    done: Done = project.dogctl("gifs", "list", "--json")
    assert done.code == 0, done.err
    return {picture["id"] for picture in done.json["data"]["pictures"]}
