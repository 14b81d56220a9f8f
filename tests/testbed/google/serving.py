"""Google Cloud for a cluster of the test bed, over HTTP.

`Google.environ` leads gcloud's users and google-auth to it. Access tokens are good for the API
server, too, which asks about each of them; by itself it remembers a good one for 10 seconds.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.testbed.cluster import addresses
from tests.testbed.cluster.builds import kubernetes
from tests.testbed.cluster.cluster import Cluster
from tests.testbed.cluster.network import network
from tests.testbed.google.accounts import Account, Accounts
from tests.testbed.google.answers import Answer, unauthenticated
from tests.testbed.google.gke import Gke, GkeCluster
from tests.testbed.registries.serving import served

PROJECT = "dog-project"
LOCATION = "europe-west1"
CLUSTER = "dogs"
METADATA = "/computeMetadata/v1"
# For clients in the network of the cluster, and for pods.
URL = f"http://127.0.0.1:{addresses.TOKENS_PORT}"
POD_URL = f"http://{addresses.NODE}:{addresses.TOKENS_PORT}"
# What the API says of a cluster is an address without a port.
TO_THE_API = "--destination 127.0.0.1 --protocol tcp --dport 443"
HTTPS = f"nat OUTPUT {TO_THE_API} --jump REDIRECT --to-ports {addresses.API_PORT}"
# The answer to a path, a caller and a body; None if it is for another API.
Api = Callable[[str, str, Any], Answer | None]


@dataclass
class Google:
    """What Google knows; tests change it at will.

    The next requests to an API get the answers in `next`, before any others are made. `asked` has
    the requests to APIs, with who made them. `reviewed` is how often the API server of the cluster
    asked about a token. `machine` is the account of those who ask the metadata server. `apis` are those besides GKE's.
    """

    cluster: Cluster
    folder: Path
    accounts: Accounts
    gke: Gke
    next: list[Answer] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    apis: list[Api] = field(default_factory=list)
    reviewed: int = 0
    machine: Account | None = None

    @property
    def environ(self) -> Mapping[str, str]:
        """What a process needs to ask this Google instead of the other."""
        return {"CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER": f"{URL}/"}

    @property
    def machine_environ(self) -> Mapping[str, str]:
        """What makes a process believe that it is on one of Google's machines."""
        host = urlsplit(URL).netloc
        return {"GCE_METADATA_HOST": host, "GCE_METADATA_IP": host}

    def account(self, name: str, *, role: str = "cluster-admin") -> Account:
        """An account that has a role in the cluster; it may be called again for the same one."""
        found = self.accounts.create(name)
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"google-{name}"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": role,
            },
            "subjects": [
                {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": found.email}
            ],
        }
        self.cluster.apply(binding)
        return found

    def key_file(self, account: Account) -> Path:
        """A file with its key: GOOGLE_APPLICATION_CREDENTIALS."""
        path = self.folder / f"{account.email}.json"
        path.touch(0o600)
        path.write_text(self.key(account))
        return path

    def key(self, account: Account, *, for_pods: bool = False) -> str:
        """Its key, which says where it gets its tokens."""
        return account.key(f"{POD_URL if for_pods else URL}/token")

    def ask(self, path: str, authorization: str, body: Any = None) -> Answer:
        """The answer of an API."""
        caller = self.accounts.caller(authorization)
        self.asked.append((path, caller or ""))
        if self.next:
            return self.next.pop(0)
        if caller is None:
            return unauthenticated()
        answers = (api(path, caller, body) for api in (self.gke.answer, *self.apis))
        return next(filter(None, answers), (404, {}))

    def review(self, body: Any) -> Answer:
        """What the API server wants to know of a token."""
        self.reviewed += 1
        email = self.accounts.owner(body["spec"]["token"])
        status = {"authenticated": True, "user": {"username": email}} if email else {}
        return 200, {**body, "status": status or {"authenticated": False}}

    def metadata(self, path: str) -> Answer:
        """What a machine of Google's is told of itself."""
        if self.machine is None:
            return 404, {}
        email, scopes = self.machine.email, ["https://www.googleapis.com/auth/cloud-platform"]
        match path.removeprefix(METADATA).rstrip("/"):
            case "" | "/instance":
                return 200, {}
            case "/project/project-id":
                return 200, self.machine.project
            case "/universe/universe-domain" | "/universe/universe_domain":
                return 200, "googleapis.com"
            case "/instance/service-accounts/default/token":
                return 200, self.accounts.give(email)
            case "/instance/service-accounts/default/email":
                return 200, email
            case "/instance/service-accounts/default":
                return 200, {"aliases": ["default"], "email": email, "scopes": scopes}
            case other if other == f"/instance/service-accounts/{email}/token":
                return 200, self.accounts.give(email)
            case _:
                return 404, {}


@contextmanager
def google(cluster: Cluster) -> Iterator[Google]:
    """Google Cloud, which says that this cluster is one of its own."""
    found = GkeCluster(
        CLUSTER,
        LOCATION,
        endpoint="127.0.0.1",
        authority=cluster.identities.ca.read_bytes(),
        version=f"{kubernetes('kube-apiserver').version.removeprefix('v')}-gke.1000000",
    )
    with tempfile.TemporaryDirectory(prefix="dogctl-google-") as folder:
        state = Google(cluster, Path(folder), Accounts(PROJECT), Gke(PROJECT, [found]))

        class Handler(Answering):
            """One for this Google."""

            google = state

        everywhere = ("0.0.0.0", addresses.TOKENS_PORT)
        with (
            network(cluster, cluster.node).rules(HTTPS),
            served(Handler, cluster.network, everywhere),
        ):
            yield state


class Answering(BaseHTTPRequestHandler):
    """Answers requests."""

    google: Google

    def do_GET(self) -> None:
        """An API, or the metadata server."""
        path = urlsplit(self.path).path
        if path.startswith(METADATA) or path == "/":
            self.answer(*self.google.metadata(path if path != "/" else METADATA))
        else:
            self.answer(*self.google.ask(path, self.headers.get("Authorization", "")))

    def do_POST(self) -> None:
        """A token, or what the API server asks."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        match urlsplit(self.path).path:
            case "/token":
                self.answer(*self.google.accounts.exchange(parse_qs(body.decode())))
            case "/tokenreview":
                self.answer(*self.google.review(json.loads(body)))
            case path:
                authorization = self.headers.get("Authorization", "")
                self.answer(*self.google.ask(path, authorization, json.loads(body)))

    def answer(self, status: int, body: Any) -> None:
        """Answer in JSON; a word alone is text."""
        plain = isinstance(body, str)
        content = (body if plain else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/text" if plain else "application/json")
        self.send_header("Metadata-Flavor", "Google")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
