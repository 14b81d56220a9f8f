"""Google Cloud for a cluster of the test bed, over HTTP.

`Google.environ` leads gcloud's users and google-auth to it. Access tokens are good for the API
server, too, which asks about each of them; by itself it remembers a good one for 10 seconds.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import trustme

from tests.testbed.cluster import addresses
from tests.testbed.cluster.builds import kubernetes
from tests.testbed.cluster.cluster import Cluster
from tests.testbed.cluster.network import network
from tests.testbed.google.accounts import Account, Accounts
from tests.testbed.google.answering import Answering
from tests.testbed.google.answers import Answer, unauthenticated
from tests.testbed.google.connections import Behind, connect_accounts, connect_clusters
from tests.testbed.google.controllers import made_for
from tests.testbed.google.gke import Gke, GkeCluster
from tests.testbed.google.kinds import State
from tests.testbed.google.listings import Listings
from tests.testbed.google.resources import Resources
from tests.testbed.google.storage import Request, Storage
from tests.testbed.registries.serving import served

PROJECT = "dog-project"
LOCATION = "europe-west1"
CLUSTER = "dogs"
VERSION = f"{kubernetes('kube-apiserver').version.removeprefix('v')}-gke.1000000"
# As gcloud calls them: https://cloud.google.com/sdk/gcloud/reference/topic/endpoint-override
# What comes after the host is the same as at Google, whose APIs have a host each.
APIS = (
    "ARTIFACTREGISTRY",
    "COMPUTE",
    "CONTAINER",
    "DNS",
    "IAM",
    "SECRETMANAGER",
    "SERVICEUSAGE",
    "SQL",
    "STORAGE",
)
TERRAFORM = "/terraform/"
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
    asked about a token. `machine` is the account of those who ask the metadata server. `apis` are
    those besides GKE's. `resources` are what Terraform makes, `cluster` is behind clusters if there
    is one.
    """

    folder: Path
    accounts: Accounts
    gke: Gke
    resources: Resources
    cluster: Cluster | None = None
    url: str = URL
    next: list[Answer] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    apis: list[Api] = field(default_factory=list)
    storage: Storage = field(init=False)
    reviewed: int = 0
    machine: Account | None = None

    def __post_init__(self) -> None:
        self.storage = Storage(self.resources)

    @property
    def environ(self) -> Mapping[str, str]:
        """What a process needs to ask this Google instead of the other."""
        overrides = {f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}": f"{self.url}/" for api in APIS}
        return {
            **overrides,
            # Those of Terraform's provider, and of its backend.
            "GOOGLE_CONTAINER_CUSTOM_ENDPOINT": f"{self.url}/v1/",
            "GOOGLE_STORAGE_CUSTOM_ENDPOINT": f"{self.url}/storage/v1/",
        }

    @property
    def machine_environ(self) -> Mapping[str, str]:
        """What makes a process believe that it is on one of Google's machines."""
        host = urlsplit(self.url).netloc
        return {"GCE_METADATA_HOST": host, "GCE_METADATA_IP": host}

    def account(self, name: str, *, role: str = "cluster-admin") -> Account:
        """An account that has a role in the cluster; it may be called again for the same one."""
        found = self.accounts.create(name)
        if self.cluster is None:
            return found
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
        return account.key(f"{POD_URL if for_pods else self.url}/token")

    def ask(self, request: Request, authorization: str) -> Answer:
        """The answer of an API."""
        caller = self.accounts.caller(authorization)
        self.asked.append((request.path, caller or ""))
        if self.next and not request.path.startswith(TERRAFORM):
            return self.next.pop(0)
        if caller is None:
            return unauthenticated()
        return self._answer(request, caller) or (404, {})

    def _answer(self, request: Request, caller: str) -> Answer | None:
        path, query = request.path, request.query
        spoken = request.content and request.kind.startswith("application/json")
        body = json.loads(request.content) if spoken else None
        for api in (self.resources.answer, self.gke.answer, *self.apis):
            if answer := api(path, caller, body):
                return answer
        if answer := self.storage.answer(request):
            return answer
        listings = Listings(self.resources)
        return listings.delete(path) if request.verb == "DELETE" else listings.answer(path, query)

    def running(self) -> dict[str, State]:
        """What the controllers of all clusters keep at Compute Engine."""
        return {
            name: state for known in self.gke.clusters for name, state in self.kept(known).items()
        }

    def kept(self, known: GkeCluster) -> dict[str, State]:
        """What those of one cluster keep there."""
        return made_for(self.cluster, known, PROJECT) if self.cluster else {}

    def review(self, body: Any) -> Answer:
        """What the API server wants to know of a token."""
        self.reviewed += 1
        email = self.accounts.owner(body["spec"]["token"])
        status = {"authenticated": True, "user": {"username": email}} if email else {}
        return 200, {**body, "status": status or {"authenticated": False}}


@contextmanager
def google(cluster: Cluster) -> Iterator[Google]:
    """Google Cloud, which says that this cluster is one of its own."""
    behind = Behind("127.0.0.1", cluster.identities.ca.read_bytes(), VERSION)
    with tempfile.TemporaryDirectory(prefix="dogctl-google-") as folder:
        state = new(Path(folder), behind)
        state.cluster = cluster
        state.gke.clusters.append(behind.cluster(CLUSTER, LOCATION))
        state.resources.running = state.running
        state.resources.services.add("container")
        everywhere = ("0.0.0.0", addresses.TOKENS_PORT)
        with (
            network(cluster, cluster.node).rules(HTTPS),
            served(handler(state), cluster.network, everywhere),
        ):
            yield state


@contextmanager
def google_alone() -> Iterator[Google]:
    """Google Cloud on this machine, with no cluster of its own and nothing behind new ones."""
    behind = Behind("127.0.0.1", trustme.CA().cert_pem.bytes(), VERSION)
    with tempfile.TemporaryDirectory(prefix="dogctl-google-") as folder:
        state = new(Path(folder), behind)
        with served(handler(state), nullcontext) as host:
            state.url = f"http://{host}"
            yield state


def new(folder: Path, behind: Behind) -> Google:
    """A project with nothing in it."""
    found = Google(folder, Accounts(PROJECT), Gke(PROJECT), Resources(PROJECT))
    connect_clusters(found.resources, found.gke, behind, found.kept)
    connect_accounts(found.resources, found.accounts, lambda: f"{found.url}/token")
    return found


def handler(state: Google) -> type[Answering]:
    """What answers for this Google."""

    class Handler(Answering):
        """One for this Google."""

        google = state

    return Handler
