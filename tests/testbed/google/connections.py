"""What Terraform makes is more than an entry: clusters answer, and accounts have keys that work."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.testbed.google.accounts import Accounts
from tests.testbed.google.gke import Gke, GkeCluster
from tests.testbed.google.kinds import State
from tests.testbed.google.resources import CLUSTER, Resources


@dataclass(frozen=True)
class Behind:
    """What is behind a new cluster: where it answers, its authority in PEM, and its version."""

    endpoint: str
    authority: bytes
    version: str

    def cluster(self, name: str, location: str) -> GkeCluster:
        """A cluster of that name."""
        return GkeCluster(name, location, self.endpoint, self.authority, self.version)


def connect_accounts(
    resources: Resources, accounts: Accounts, token_uri: Callable[[], str]
) -> None:
    """From now on, new service accounts are known, and their keys are good for tokens."""

    def made(state: State) -> State:
        accounts.create(state["account_id"])
        return {}

    def key(state: State) -> State:
        email = state["service_account_id"].rpartition("/")[2]
        text = accounts.create(email.partition("@")[0]).key(token_uri())
        return {"private_key": base64.b64encode(text.encode()).decode()}

    resources.made["google_service_account"] = made
    resources.made["google_service_account_key"] = key


def connect_clusters(
    resources: Resources, gke: Gke, behind: Behind, kept: Callable[[GkeCluster], dict[str, State]]
) -> None:
    """From now on, clusters appear in GKE as Terraform makes them, and vanish as it removes them.

    What is `kept` for a cluster by its controllers is left when it vanishes, as with Google.
    """

    def made(state: State) -> State:
        found = behind.cluster(state["name"], state["location"])
        found.status = state.get("status") or found.status
        found.labels = labels(state)
        found.autopilot = bool(state.get("enable_autopilot"))
        found.network = last(state.get("network"))
        found.subnetwork = last(state.get("subnetwork"))
        gke.clusters.append(found)
        authority = {"cluster_ca_certificate": base64.b64encode(behind.authority).decode()}
        return {
            "endpoint": behind.endpoint,
            "master_version": state.get("min_master_version") or behind.version,
            "node_version": state.get("node_version") or behind.version,
            "master_auth": [
                {
                    **authority,
                    "client_certificate": "",
                    "client_key": "",
                    "client_certificate_config": [{"issue_client_certificate": False}],
                }
            ],
        }

    def those_of(state: State) -> list[GkeCluster]:
        place = (state["name"], state["location"])
        return [known for known in gke.clusters if (known.name, known.location) == place]

    def changed(state: State) -> None:
        for known in those_of(state):
            known.labels = labels(state)

    def gone(state: State) -> None:
        for known in those_of(state):
            resources.left |= kept(known)
            gke.clusters.remove(known)

    resources.made[CLUSTER] = made
    resources.changed[CLUSTER] = changed
    resources.gone[CLUSTER] = gone


def labels(state: State) -> Mapping[str, str]:
    """All labels of a cluster."""
    return state.get("effective_labels") or state.get("resource_labels") or {}


def last(name: str | None) -> str:
    """The last word of a reference; networks of nobody are `default`."""
    return (name or "default").rpartition("/")[2]
