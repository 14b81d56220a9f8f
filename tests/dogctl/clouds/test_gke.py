"""Clusters at Google: its API is a server of the test, which answers as documented."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from dogctl.clouds.kubernetes_errors import AwayError
from dogctl.config.load import load
from dogctl.errors import ConfigError, DogctlError
from dogctl.lifecycle.remote_targets import GkeTarget, gke
from dogctl.secrets import Secret
from tests.dogctl.google_accounts import service_account

PATH = "/v1/projects/kennel/locations/europe-west1/clusters/prod"
ALL = "/v1/projects/kennel/locations/-/clusters"
FOUND = {
    "name": "prod",
    "location": "europe-west1",
    "status": "RUNNING",
    "endpoint": "203.0.113.1",
    "masterAuth": {"clusterCaCertificate": "Y2E="},
}
PRIVATE = {"privateClusterConfig": {"enablePrivateEndpoint": True}, "endpoint": "10.0.0.2"}
DNS = "gke-1.europe-west1.gke.goog"
SETTINGS = {
    "PROJECT_ID": "kennel",
    "REGION": "europe-west1",
    "GKE_CLUSTER_NAME": "prod",
}


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not on a machine of Google's, and with none of its settings."""
    for name in list(os.environ):
        if name.startswith(("GOOGLE_", "GCE_", "CLOUDSDK_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_GCE_CHECK", "true")


class Google:
    """Google, and a project that has a cluster there."""

    def __init__(self, server: HTTPServer, root: Path) -> None:
        self.server = server
        self.root = root
        self.remembered: list[Secret] = []
        self.tokens = 0
        self.lasts = 3600

    def token(self, _: Request) -> Response:
        self.tokens += 1
        answer = {"access_token": f"token-{self.tokens}", "expires_in": self.lasts}
        return Response(json.dumps(answer), content_type="application/json")

    def answers(self, path: str = PATH, http: int = 200, **body: Any) -> None:
        self.server.expect_request(path).respond_with_json(body, status=http)

    def fails(self, status: int, message: str, **info: Any) -> None:
        """As https://cloud.google.com/apis/design/errors has it."""
        kind = {"@type": "type.googleapis.com/google.rpc.ErrorInfo"}
        error = {"code": status, "message": message, "details": [kind | info] if info else []}
        self.answers(http=status, error=error)

    def environ(self, **others: str) -> dict[str, str]:
        return {
            **SETTINGS,
            "GCP_CREDENTIALS": service_account(self.server.url_for("/token")),
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER": self.server.url_for("/"),
            **others,
        }

    def target(self, **environ: str) -> GkeTarget:
        (self.root / "pyproject.toml").write_text(
            '[tool.dogctl]\nname = "dog"\n[tool.dogctl.env.prod]\ntarget = "gke"\n'
        )
        given = {name: value for name, value in self.environ(**environ).items() if value}
        project = load(folder=self.root, environment="prod", environ=given)
        made = gke(project, self.remembered.append, given)
        made.cluster.patience = 0.5
        return made

    def error(self, ask: Callable[[], Any] | None = None) -> DogctlError:
        with pytest.raises(DogctlError) as caught:
            (ask or self.target().read)()
        return caught.value

    def count(self, path: str) -> int:
        return sum(request.path == path for request, _ in self.server.log)


@pytest.fixture
def google(httpserver: HTTPServer, tmp_path: Path) -> Iterator[Google]:
    made = Google(httpserver, tmp_path)
    httpserver.expect_request("/token").respond_with_handler(made.token)
    yield made
    httpserver.check_handler_errors()


def cluster_of(config: Any) -> Any:
    (entry,) = config["clusters"]
    return entry["cluster"]


def token_of(config: Any) -> str:
    (entry,) = config["users"]
    return str(entry["user"]["token"])


def test_a_kubeconfig_is_made_of_what_google_says(google: Google) -> None:
    google.answers(**FOUND)
    config = google.target().read()
    assert cluster_of(config) == {
        "server": "https://203.0.113.1",
        "certificate-authority-data": "Y2E=",
    }
    assert token_of(config) == "token-1"
    assert set(google.remembered) == {Secret("token-1")}
    (asked,) = (request for request, _ in google.server.log if request.path == PATH)
    assert asked.headers["Authorization"] == "Bearer token-1"


def test_the_api_is_asked_once_by_any_number_of_threads(google: Google) -> None:
    google.answers(**FOUND)
    target = google.target()
    with ThreadPoolExecutor(8) as pool:
        configs = list(pool.map(lambda _: target.read(), range(32)))
    assert {token_of(config) for config in configs} == {"token-1"}
    assert (google.count(PATH), google.count("/token")) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "server", "authority"),
    [
        ({"endpoint": "2001:db8::1"}, "https://[2001:db8::1]", True),
        ({"endpoint": "127.0.0.1:6443"}, "https://127.0.0.1:6443", True),
        (PRIVATE, "https://10.0.0.2", True),
        (
            {
                "endpoint": "",
                "controlPlaneEndpointsConfig": {
                    "dnsEndpointConfig": {"endpoint": DNS, "allowExternalTraffic": True},
                    "ipEndpointsConfig": {"enabled": False},
                },
            },
            f"https://{DNS}",
            False,
        ),
        (
            {
                **PRIVATE,
                "controlPlaneEndpointsConfig": {
                    "dnsEndpointConfig": {"endpoint": DNS, "allowExternalTraffic": True},
                    "ipEndpointsConfig": {"enabled": True, "enablePublicEndpoint": False},
                },
            },
            f"https://{DNS}",
            False,
        ),
        (
            {
                **PRIVATE,
                "controlPlaneEndpointsConfig": {
                    "dnsEndpointConfig": {"endpoint": DNS, "allowExternalTraffic": False}
                },
            },
            "https://10.0.0.2",
            True,
        ),
        (
            {
                "controlPlaneEndpointsConfig": {
                    "dnsEndpointConfig": {"endpoint": DNS, "allowExternalTraffic": True},
                    "ipEndpointsConfig": {"enabled": True, "enablePublicEndpoint": True},
                }
            },
            "https://203.0.113.1",
            True,
        ),
    ],
    ids=["IPv6", "port", "private", "DNS only", "private and DNS", "DNS closed", "public and DNS"],
)
def test_the_address_is_the_one_that_can_be_reached(
    google: Google, changes: dict[str, Any], server: str, authority: bool
) -> None:
    google.answers(**FOUND | changes)
    cluster = cluster_of(google.target().read())
    assert cluster["server"] == server
    # Under its name, it has a certificate of an authority that everybody knows.
    assert ("certificate-authority-data" in cluster) == authority


@pytest.mark.parametrize("state", ["RECONCILING", "DEGRADED"])
def test_a_cluster_that_google_works_on_is_used(google: Google, state: str) -> None:
    google.answers(**FOUND | {"status": state})
    assert token_of(google.target().read())


@pytest.mark.parametrize(
    ("state", "says"),
    [("PROVISIONING", "still being made"), ("STOPPING", "being deleted"), ("ERROR", "broken: out")],
)
def test_a_cluster_that_cannot_be_used(google: Google, state: str, says: str) -> None:
    google.answers(**FOUND | {"status": state, "statusMessage": "out of room"})
    error = google.error()
    assert error.code == "gke-not-running"
    assert says in error.message
    assert error.where == PATH.removeprefix("/v1/")


def test_a_token_near_its_end_is_renewed_and_one_that_lasts_is_not(google: Google) -> None:
    google.answers(**FOUND)
    target = google.target()
    target.read()
    account = target.cluster._account
    assert account is not None
    for left, token in ((timedelta(minutes=11), "token-1"), (timedelta(minutes=9), "token-2")):
        now = datetime.now(UTC).replace(tzinfo=None)
        account.credentials.expiry, account._asked = now + left, now - timedelta(minutes=50)
        assert token_of(target.read()) == token
    assert google.count(PATH) == 1
    assert google.remembered[-1] == Secret("token-2")


def test_tokens_that_never_last_are_not_asked_for_all_the_time(google: Google) -> None:
    google.lasts = 300
    google.answers(**FOUND)
    target = google.target()
    for _ in range(5):
        target.read()
    assert google.tokens == 1


def test_a_token_that_was_refused_is_not_used_again(google: Google) -> None:
    google.answers(**FOUND)
    target = google.target()
    target.read()
    target.renew()
    assert token_of(target.read()) == "token-2"


def test_an_api_that_is_switched_off(google: Google) -> None:
    google.fails(403, "Kubernetes Engine API has not been used", reason="SERVICE_DISABLED")
    error = google.error()
    assert error.code == "gke-api-disabled"
    assert error.hint == "gcloud services enable container.googleapis.com --project=kennel"


@pytest.mark.parametrize(
    "info",
    [
        {"reason": "IAM_PERMISSION_DENIED", "metadata": {"permission": "container.clusters.get"}},
        {},
    ],
    ids=["apart", "in the message"],
)
def test_a_permission_that_we_lack(google: Google, info: dict[str, Any]) -> None:
    google.fails(403, 'Required "container.clusters.get" permission(s) for "projects/x".', **info)
    error = google.error()
    assert (error.code, error.message) == (
        "gke-forbidden",
        "we lack the permission container.clusters.get",
    )
    assert error.hint == (
        "gcloud projects add-iam-policy-binding kennel"
        " --member=serviceAccount:dog@kennel.iam.gserviceaccount.com --role=roles/container.developer"
    )


def test_a_cluster_that_is_not_there_is_told_with_those_that_are(google: Google) -> None:
    google.fails(404, "Not found: projects/kennel/locations/europe-west1/clusters/prod.")
    google.answers(ALL, clusters=[{"name": "qa", "location": "us-east1"}, FOUND])
    error = google.error()
    assert error.code == "gke-no-cluster"
    assert "(there are: prod in europe-west1, qa in us-east1)" in error.message


def test_clusters_that_we_may_not_list_are_no_second_problem(google: Google) -> None:
    google.fails(404, "Not found")
    google.answers(ALL, 403, error={"message": "no"})
    assert "(none that we may see)" in google.error().message


@pytest.mark.parametrize(
    ("status", "code"), [(429, "gke-quota"), (500, "gke-failed"), (503, "gke-failed")]
)
def test_what_does_not_pass_is_an_error_after_a_while(
    google: Google, status: int, code: str
) -> None:
    google.fails(status, "Quota exceeded for quota metric 'Read requests'")
    assert google.error().code == code


def test_what_passes_is_no_error(google: Google) -> None:
    for status in (429, 503):
        google.server.expect_oneshot_request(PATH).respond_with_json({}, status=status)
    google.answers(**FOUND)
    target = google.target()
    target.cluster.patience = 60
    assert token_of(target.read())


def test_a_login_that_the_api_does_not_accept(google: Google) -> None:
    google.fails(401, "Request had invalid authentication credentials.")
    error = google.error()
    assert error.code == "google-login-refused"
    assert error.hint == "gcloud auth application-default login"


def test_a_key_that_was_deleted(google: Google) -> None:
    google.server.clear()
    refusal = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    google.server.expect_request("/token").respond_with_json(refusal, status=400)
    error = google.error()
    assert error.code == "google-login-refused"
    assert "Invalid JWT Signature" in error.message


def test_an_api_that_cannot_be_reached(google: Google) -> None:
    target = google.target(CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER="http://127.0.0.1:9")
    assert google.error(target.read).code == "gke-unreachable"


def test_nobody_is_logged_in(google: Google) -> None:
    error = google.error(google.target(GCP_CREDENTIALS="").read)
    assert error.code == "google-no-login"
    assert "gcloud auth application-default login" in str(error.hint)


def test_the_machines_own_account_is_taken_without_a_key(
    google: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    google.answers(**FOUND)
    path = tmp_path / "key.json"
    path.write_text(service_account(google.server.url_for("/token")))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    assert token_of(google.target(GCP_CREDENTIALS="").read()) == "token-1"
    assert google.target(GCP_CREDENTIALS="", GCP_SA_KEY=path.read_text()).read()


def test_all_settings_that_are_missing_are_named_at_once(google: Google) -> None:
    with pytest.raises(ConfigError) as caught:
        google.target(PROJECT_ID="", REGION="", GKE_CLUSTER_NAME="")
    for name in ("PROJECT_ID", "REGION", "GKE_CLUSTER_NAME"):
        assert name in caught.value.message
    assert caught.value.where == "pyproject.toml:tool.dogctl.env.prod"


def test_the_project_has_two_names(google: Google) -> None:
    for environ in ({"PROJECT_ID": "", "GCP_PROJECT": "kennel"}, {"GCP_PROJECT": "kennel"}):
        assert google.target(**environ).cluster.name.project == "kennel"
    with pytest.raises(ConfigError, match="two names of one setting, and differ: kennel and farm"):
        google.target(GCP_PROJECT="farm")


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"status": "RECONCILING"}, "gke-not-running", "while Google works on it: RECONCILING"),
        ({"status": "STOPPING"}, "gke-not-running", "being deleted"),
        (PRIVATE, "gke-unreachable", "in its own network only"),
        (
            {"masterAuthorizedNetworksConfig": {"enabled": True}},
            "gke-unreachable",
            "authorized networks only",
        ),
        ({}, "gke-unreachable", "Google says that it runs"),
    ],
)
def test_why_a_cluster_does_not_answer(
    google: Google, changes: dict[str, Any], code: str, says: str
) -> None:
    google.answers(**FOUND | changes)
    error = google.error(google.target().check)
    assert error.code == code
    assert says in error.message
    # Whoever waits for it waits on, unless it will not come back.
    assert isinstance(error, AwayError) is (says != "being deleted")
