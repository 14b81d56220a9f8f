"""`dogctl chart` as users type it, with a real Helm and a real git server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dogctl.config.load import load
from dogctl.lifecycle.charts.fetch import release_chart
from tests.conftest import REPOSITORY
from tests.dogctl.chartrepos.charts import helm, pulled, web
from tests.dogctl.conftest import Project
from tests.testbed.git_http import GitServer, git_server

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", params=["helm", "helm4"])
def either_helm(request: pytest.FixtureRequest) -> str:
    return helm(request.param)


@pytest.fixture
def server() -> Iterator[GitServer]:
    with git_server() as found:
        yield found


@pytest.fixture
def project(
    new_project: Callable[[], Project],
    server: GitServer,
    either_helm: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Project:
    """The bundled chart, published to a branch of a git repository."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "helm").write_text(f'#!/bin/sh\nexec {either_helm} "$@"\n')
    (tmp_path / "bin" / "helm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    made = new_project()
    shutil.copytree(REPOSITORY / "charts", made.root / "charts")
    made.configure(f'[tool.dogctl]\nname = "tiny"\nchart-repository = "git+{server.url}"\n')
    (made.root / ".gitignore").write_text(".dogctl/\n")
    who = ("-c", "user.name=dog", "-c", "user.email=dog@kennel.example")
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "x"], ["tag", "v1.4.0"]):
        subprocess.run(["git", *words], cwd=made.root, check=True)
    return made


def test_a_chart_is_checked_packed_published_listed_and_pulled(
    project: Project, server: GitServer, either_helm: str, tmp_path: Path
) -> None:
    assert project.dogctl("chart", "lint").code == 0
    packed = project.dogctl("chart", "package", "--json")
    assert packed.code == 0, packed.err
    again = project.dogctl("chart", "package", "--json").json["data"]
    assert again["digest"] == packed.json["data"]["digest"]
    assert Path(again["file"]).name == "dogapp-1.4.0.tgz"
    preview = project.dogctl("chart", "publish", "--dry-run")
    assert "publish dogapp 1.4.0 to git+" in preview.out
    assert server.pushes == []
    published = project.dogctl("chart", "publish", "--json")
    assert published.code == 0, published.err
    assert published.json["data"]["published"] is True
    repeated = project.dogctl("chart", "publish", "--json").json["data"]
    assert (repeated["published"], repeated["changed"]) == (False, False)
    assert "dogapp" in project.dogctl("chart", "list").out
    (entry,) = project.dogctl("chart", "list", "dogapp", "--json").json["data"]["versions"]
    assert (entry["version"], entry["app_version"]) == ("1.4.0", "1.4.0")
    got = project.dogctl("chart", "pull", "dogapp@1.4.0", "-d", str(tmp_path / "got"))
    assert got.code == 0, got.err
    server.checkout(tmp_path / "site")
    with web(tmp_path / "site") as url:
        archive = pulled(either_helm, tmp_path / "pull", url, "dogapp")
    assert (tmp_path / "got" / "dogapp-1.4.0.tgz").read_bytes() == archive


def test_a_published_version_is_not_published_as_something_else(project: Project) -> None:
    assert project.dogctl("chart", "publish", "--version=2.0.0").code == 0
    (project.root / "charts" / "dogapp" / "values-new.yaml").write_text("a: b\n")
    refused = project.dogctl("chart", "publish", "--version=2.0.0", "--json")
    assert refused.code == 1
    assert refused.json["error"]["code"] == "version-taken"
    # What git says is another version now.
    assert ".dirty." in project.dogctl("chart", "publish", "--json").json["data"]["version"]


def test_an_archive_is_published_with_what_signs_it(project: Project, tmp_path: Path) -> None:
    file = json.loads(project.dogctl("chart", "package", "--json").out)["data"]["file"]
    Path(f"{file}.prov").write_text("signed")
    assert project.dogctl("chart", "publish", file).code == 0
    got = project.dogctl("chart", "pull", "dogapp", "-d", str(tmp_path / "got"), "--json")
    assert got.json["data"]["signed"] is True
    assert (tmp_path / "got" / "dogapp-1.4.0.tgz.prov").read_text() == "signed"


def test_helm_signs_and_verifies(project: Project, tmp_path: Path) -> None:
    home = Path("/tmp") / f"dogctl-gpg-{os.getpid()}"  # sockets have short names
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--pinentry-mode=loopback", "--passphrase="]
    try:
        make = ("--quick-generate-key", "dog <dog@kennel.example>", "rsa2048", "sign")
        subprocess.run([*gpg, *make], check=True, capture_output=True)
        for kind, name in (("--export-secret-keys", "secret.gpg"), ("--export", "public.gpg")):
            subprocess.run([*gpg, "--output", str(tmp_path / name), kind], check=True)
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
        shutil.rmtree(home)
    signed = ("--sign=dog", f"--keyring={tmp_path / 'secret.gpg'}")
    for published in (True, False):
        done = project.dogctl("chart", "publish", *signed, "--json")
        assert done.code == 0, done.out
        assert done.json["data"]["published"] is published
    got = project.dogctl("chart", "pull", "dogapp", "-d", str(tmp_path / "got"))
    assert got.code == 0, got.err
    archive = str(tmp_path / "got" / "dogapp-1.4.0.tgz")
    verify = ["helm", "verify", f"--keyring={tmp_path / 'public.gpg'}", archive]
    assert b"Signed by: dog" in subprocess.run(verify, check=True, capture_output=True).stdout


def test_github_is_given_its_token(project: Project, server: GitServer) -> None:
    server.token = "canary-token-1"
    denied = project.dogctl("chart", "publish", "--json", GITHUB_TOKEN=server.token)
    assert denied.json["error"]["code"] == "chart-repository-denied"
    assert not any(server.pushes)
    environ = {"GITHUB_TOKEN": server.token, "GITHUB_SERVER_URL": f"http://{server.host}"}
    published = project.dogctl("chart", "publish", "--json", **environ)
    assert published.code == 0, published.err
    assert "canary" not in denied.out + denied.err + published.out + published.err


def test_a_release_takes_its_chart_from_there(project: Project, server: GitServer) -> None:
    assert project.dogctl("chart", "publish").code == 0
    wanted = f"git+{server.url}/dogapp@1.4.0"
    chart = release_chart(load(folder=project.root, flags={"chart": wanted}))
    assert Path(chart.ref) == project.root / ".dogctl" / "charts" / "dogapp-1.4.0.tgz"
    shown = subprocess.run(["helm", "show", "chart", chart.ref], capture_output=True, check=True)
    assert b"version: 1.4.0" in shown.stdout


def test_what_is_wrong_is_told(project: Project) -> None:
    none = project.dogctl("chart", "pull", "cats", "--json")
    assert (none.code, none.json["error"]["code"]) == (1, "no-such-chart-version")
    assert project.dogctl("chart", "list", "--repository=ftp://x").code == 2
    assert project.dogctl("chart", "package", "--version=1.4").code == 2
    (project.root / "charts" / "dogapp" / "templates" / "bad.yaml").write_text("{{ nonsense")
    wrong = project.dogctl("chart", "lint", "--json")
    assert (wrong.code, wrong.json["error"]["code"]) == (1, "bad-chart")
    project.configure('[tool.dogctl]\nname = "tiny"\n')
    unset = project.dogctl("chart", "list", "--json")
    assert (unset.code, unset.json["error"]["code"]) == (2, "no-chart-repository")
