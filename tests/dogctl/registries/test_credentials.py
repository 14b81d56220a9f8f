"""Which login goes to which registry."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from dogctl.errors import DogctlError
from dogctl.registries.base import Login
from dogctl.registries.credentials import Accounts, credentials_for
from dogctl.secrets import Secret
from tests.dogctl.google_accounts import service_account

CANARY = "canary-pass/word+1"
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
GOOGLE = ("gcr.io", "eu.gcr.io", "europe-west1-docker.pkg.dev")
MINE = Login("dog", Secret(CANARY))


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not on a machine of Google's or Amazon's, and with none of their settings."""
    for name in list(os.environ):
        if name.startswith(("GOOGLE_", "GCE_", "CLOUDSDK_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def config(sandbox: Path) -> Path:
    """The user's own Docker configuration."""
    path = sandbox / ".docker" / "config.json"
    path.parent.mkdir()
    auth = base64.b64encode(f"me:{CANARY}".encode()).decode()
    hosts = ("https://index.docker.io/v1/", "ghcr.io", "gcr.io", ECR)
    entries: dict[str, object] = {host: {"auth": auth} for host in hosts}
    entries["acr.example"] = {"auth": "", "identitytoken": CANARY}
    path.write_text(json.dumps({"auths": entries}))
    return path


@pytest.mark.parametrize("registry", ["docker.io", "ghcr.io", "gcr.io", ECR])
def test_the_users_own_logins_are_read_and_not_written(config: Path, registry: str) -> None:
    before = config.read_bytes()
    login = credentials_for(registry, Accounts())
    assert login == Login("me", Secret(CANARY))
    assert login.auth_config() == {"username": "me", "password": CANARY}
    assert CANARY not in repr(login)
    assert config.read_bytes() == before
    assert sorted(config.parent.iterdir()) == [config]


def test_an_identity_token_is_a_login_too(config: Path) -> None:
    assert config.exists()
    login = credentials_for("acr.example", Accounts())
    assert login is not None
    assert login.auth_config() == {"identitytoken": CANARY}


@pytest.mark.parametrize("registry", ["docker.io", "ghcr.io", "localhost:5000", ECR, *GOOGLE])
def test_there_may_be_none(registry: str) -> None:
    assert credentials_for(registry, Accounts()) is None


def test_the_login_of_the_settings_goes_to_its_registry_only(config: Path) -> None:
    assert config.exists()
    accounts = Accounts(docker=MINE)
    assert credentials_for("docker.io", accounts) == MINE
    assert credentials_for("ghcr.io", accounts) == Login("me", Secret(CANARY))
    for registry in ("quay.io", "europe-docker.pkg.dev", "evil-docker.pkg.dev.example"):
        assert credentials_for(registry, accounts) is None
    for registry in (ECR, *GOOGLE):
        cloud = Accounts(docker=MINE, docker_registry=registry)
        assert credentials_for(registry, cloud) != MINE, "it is that of Docker Hub"
        theirs = Login("AWS" if registry == ECR else "_json_key", Secret(CANARY))
        assert credentials_for(registry, replace(cloud, docker=theirs)) == theirs
    own = Accounts(docker=MINE, docker_registry="quay.io")
    assert credentials_for("quay.io", own) == MINE
    assert credentials_for("docker.io", own) == Login("me", Secret(CANARY))


def helper(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Install a credential helper."""
    path = folder / "docker-credential-kennel"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_credential_helpers_are_asked_on_their_stdin(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(json.dumps({"credHelpers": {"quay.io": "kennel"}}))
    answer = json.dumps({"Username": "kept", "Secret": CANARY})
    helper(tmp_path, monkeypatch, f'[ "$*" = get ] && [ "$(cat)" = quay.io ] && echo \'{answer}\'')
    assert credentials_for("quay.io", Accounts()) == Login("kept", Secret(CANARY))


@pytest.mark.parametrize("script", [f"echo {CANARY}; exit 1", f"echo {CANARY}", None])
def test_a_helper_that_fails_is_an_error_without_what_it_said(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None
) -> None:
    config.write_text(json.dumps({"credsStore": "kennel"}))
    if script:
        helper(tmp_path, monkeypatch, script)
    with pytest.raises(DogctlError) as caught:
        credentials_for("quay.io", Accounts())
    assert caught.value.code == "registry-login-unreadable"
    assert CANARY not in repr(vars(caught.value))


@pytest.mark.real
@pytest.mark.parametrize("registry", GOOGLE)
def test_google_gives_an_access_token_for_a_key(
    httpserver: HTTPServer, registry: str, config: Path
) -> None:
    assert config.exists()
    httpserver.expect_request("/token", method="POST").respond_with_json(
        {"access_token": CANARY, "expires_in": 3599, "token_type": "Bearer"}
    )
    key = Secret(service_account(httpserver.url_for("/token")))
    login = credentials_for(registry, Accounts(docker=MINE, google=key))
    assert login == Login("oauth2accesstoken", Secret(CANARY))


@pytest.mark.real
def test_google_gives_one_for_the_application_default(
    httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/token").respond_with_json(
        {"access_token": CANARY, "expires_in": 3599, "token_type": "Bearer"}
    )
    path = tmp_path / "key.json"
    path.write_text(service_account(httpserver.url_for("/token")))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    assert credentials_for("gcr.io", Accounts()) == Login("oauth2accesstoken", Secret(CANARY))


@pytest.mark.real
def test_google_may_refuse_a_key(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/token").respond_with_json(
        {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, status=400
    )
    key = Secret(service_account(httpserver.url_for("/token")))
    with pytest.raises(DogctlError, match="no access token") as caught:
        credentials_for("gcr.io", Accounts(google=key))
    assert caught.value.code == "google-login-refused"


@pytest.mark.parametrize("text", ["no JSON", "[]", "{}", '{"type": "service_account"}'])
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(DogctlError) as caught:
        credentials_for("gcr.io", Accounts(google=Secret(text)))
    assert caught.value.code == "google-bad-key"
    assert caught.value.where == "GCP_CREDENTIALS"


@pytest.mark.real
def test_amazon_gives_a_password(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    token = base64.b64encode(f"AWS:{CANARY}".encode()).decode()
    httpserver.expect_request("/", method="POST").respond_with_json(
        {"authorizationData": [{"authorizationToken": token, "expiresAt": 1.9e9}]}
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", httpserver.url_for("/"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "kennel")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    assert credentials_for(ECR, Accounts(docker=MINE)) == Login("AWS", Secret(CANARY))
    (request,) = (request for request, _ in httpserver.log)
    assert request.headers["X-Amz-Target"].endswith(".GetAuthorizationToken")
    assert "/eu-west-1/ecr/" in request.headers["Authorization"]


@pytest.mark.real
def test_amazon_may_refuse(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    httpserver.expect_request("/", method="POST").respond_with_json(
        {"__type": "UnrecognizedClientException", "message": "The security token is invalid."},
        status=400,
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", httpserver.url_for("/"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "kennel")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    with pytest.raises(DogctlError, match="no login") as caught:
        credentials_for(ECR, Accounts())
    assert CANARY not in repr(vars(caught.value))
