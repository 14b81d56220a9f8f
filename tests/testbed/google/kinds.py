"""What Google makes of the resources that Terraform asks it for: names, and what it adds to them.

Ids as the provider documents them under "Attributes Reference" and "Import":
https://registry.terraform.io/providers/hashicorp/google/6.50.0/docs
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

State = dict[str, Any]
NUMBER = "123456789012"  # of the project
MADE = "2026-01-01T00:00:00.000-00:00"
COMPUTE = "https://www.googleapis.com/compute/v1/"


def nothing(_state: State) -> State:
    """Nothing but an id."""
    return {}


@dataclass(frozen=True)
class Kind:
    """A type of resources: its id as a format of its arguments, its API, and what Google adds.

    `implies` is what arguments say of others that are left out.
    """

    id: str
    api: str
    adds: Callable[[State], State] = nothing
    implies: Callable[[State], State] = nothing

    def made(self, state: Mapping[str, Any]) -> State:
        """A resource with its id and all that Google adds."""
        whole = {**state, **self.implies(dict(state))}
        whole["id"] = self.id.format(**plain(whole))
        return {**whole, **self.adds(whole)}


def plain(state: Mapping[str, Any]) -> State:
    """The arguments for a name: of a reference to something else, only its last word."""
    return {
        name: value.rpartition("/")[2]
        if isinstance(value, str) and name in ("cluster", "network", "managed_zone")
        else value
        for name, value in state.items()
    }


def number(state: State, digits: int = 18) -> str:
    """An id that is always the same for the same name."""
    return str(int(hashlib.sha256(state["id"].encode()).hexdigest(), 16))[:digits]


def compute(state: State) -> State:
    """What everything of Compute Engine has."""
    return {"self_link": COMPUTE + state["id"], "creation_timestamp": MADE}


def network(state: State) -> State:
    """A network, which has a number too."""
    return {**compute(state), "numeric_id": number(state)}


def subnetwork(state: State) -> State:
    """A subnetwork: its first address is the gateway's."""
    first = (state.get("ip_cidr_range") or "10.0.0.0/20").partition("/")[0]
    return {**compute(state), "gateway_address": first.rpartition(".")[0] + ".1"}


def address(state: State) -> State:
    """An address, or a range of internal ones."""
    inside = state.get("address_type") == "INTERNAL" or state.get("purpose") == "VPC_PEERING"
    given = state.get("address") or (
        "10.64.0.0" if inside else f"203.0.113.{int(number(state)) % 250}"
    )
    return {**compute(state), "address": given}


def cluster(state: State) -> State:
    """A cluster, but for what leads to it."""
    return {
        "self_link": f"https://container.googleapis.com/v1/{state['id']}",
        "services_ipv4_cidr": "10.96.0.0/16",
        "label_fingerprint": number(state)[:8],
    }


def node_pool(_state: State) -> State:
    """A pool, whose machines are nobody's."""
    return {"instance_group_urls": [], "managed_instance_group_urls": []}


def place_of_pool(state: State) -> State:
    """A pool is where its cluster is: `projects/P/locations/L/clusters/C`."""
    words = state["cluster"].split("/")
    return {"location": state.get("location") or words[3]} if len(words) > 3 else {}


def sql_instance(state: State) -> State:
    """An instance of Cloud SQL."""
    project, region, name = state["project"], state.get("region"), state["name"]
    inside = f"10.64.0.{int(number(state)) % 250 + 2}"
    return {
        "connection_name": f"{project}:{region}:{name}",
        "self_link": f"https://sqladmin.googleapis.com/sql/v1beta4/projects/{project}/instances/{name}",
        "private_ip_address": inside,
        "first_ip_address": inside,
        "ip_address": [{"ip_address": inside, "type": "PRIVATE", "time_to_retire": ""}],
        "service_account_email_address": f"p{NUMBER}@gcp-sa-cloud-sql.iam.gserviceaccount.com",
    }


def service_account(state: State) -> State:
    """A service account."""
    email = state["id"].rpartition("/")[2]
    return {
        "email": email,
        "member": f"serviceAccount:{email}",
        "name": state["id"],
        "unique_id": number(state, 21),
    }


def repository(state: State) -> State:
    """A repository of Artifact Registry."""
    kind = str(state.get("format") or "DOCKER").lower()
    host = f"{state['location']}-{kind}.pkg.dev"
    return {
        "name": state["repository_id"],
        "registry_uri": f"{host}/{state['project']}/{state['repository_id']}",
        "create_time": MADE,
        "update_time": MADE,
    }


def secret(state: State) -> State:
    """A secret, whose versions are resources of their own."""
    return {"name": f"projects/{NUMBER}/secrets/{state['secret_id']}", "create_time": MADE}


def secret_version(state: State) -> State:
    """The value of a secret."""
    return {"name": state["id"], "version": "1", "create_time": MADE, "enabled": True}


def zone(state: State) -> State:
    """A zone of Cloud DNS."""
    servers = [f"ns-cloud-a{each}.googledomains.com." for each in range(1, 5)]
    return {"managed_zone_id": number(state), "name_servers": servers, "creation_time": MADE}


def bucket(state: State) -> State:
    """A bucket."""
    name = state["name"]
    return {
        "url": f"gs://{name}",
        "self_link": f"https://www.googleapis.com/storage/v1/b/{name}",
        "project_number": int(NUMBER),
        "time_created": MADE,
        "updated": MADE,
    }


def pool(state: State) -> State:
    """A pool of outside identities, or a provider of it."""
    name = state["id"].replace(f"projects/{state['project']}/", f"projects/{NUMBER}/")
    return {"name": name, "state": "ACTIVE"}


def peering(_state: State) -> State:
    """A connection to the networks of Google's own services."""
    return {"peering": "servicenetworking-googleapis-com"}


def service_account_key(state: State) -> State:
    """A key, but for the key."""
    return {
        "name": state["id"],
        "public_key": base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode(),
        "valid_after": "2026-01-01T00:00:00Z",
        "valid_before": "9999-12-31T23:59:59Z",
    }


def member(_state: State) -> State:
    """Somebody's role."""
    return {"etag": "BwYAAAAAAAA="}


GLOBAL = "projects/{project}/global"
REGIONAL = "projects/{project}/regions/{region}"
LOCATED = "projects/{project}/locations/{location}"
POOLS = "projects/{project}/locations/global/workloadIdentityPools/{workload_identity_pool_id}"
COMPUTE_API, CONTAINER, SQL = "compute", "container", "sqladmin"
IAM, PROJECTS, DNS, STORAGE = "iam", "cloudresourcemanager", "dns", "storage"
SECRETS, ARTIFACTS = "secretmanager", "artifactregistry"
KINDS: Mapping[str, Kind] = {
    "google_project_service": Kind("{project}/{service}", "serviceusage"),
    "google_project_iam_member": Kind("{project}/{role}/{member}", PROJECTS, member),
    "google_project_iam_custom_role": Kind("projects/{project}/roles/{role_id}", IAM),
    "google_compute_network": Kind(GLOBAL + "/networks/{name}", COMPUTE_API, network),
    "google_compute_subnetwork": Kind(REGIONAL + "/subnetworks/{name}", COMPUTE_API, subnetwork),
    "google_compute_firewall": Kind(GLOBAL + "/firewalls/{name}", COMPUTE_API, compute),
    "google_compute_router": Kind(REGIONAL + "/routers/{name}", COMPUTE_API, compute),
    "google_compute_router_nat": Kind("{project}/{region}/{router}/{name}", COMPUTE_API),
    "google_compute_address": Kind(REGIONAL + "/addresses/{name}", COMPUTE_API, address),
    "google_compute_global_address": Kind(GLOBAL + "/addresses/{name}", COMPUTE_API, address),
    "google_service_networking_connection": Kind(
        "{network}:{service}", "servicenetworking", peering
    ),
    "google_container_cluster": Kind(LOCATED + "/clusters/{name}", CONTAINER, cluster),
    "google_container_node_pool": Kind(
        LOCATED + "/clusters/{cluster}/nodePools/{name}", CONTAINER, node_pool, place_of_pool
    ),
    "google_sql_database_instance": Kind("{name}", SQL, sql_instance),
    "google_sql_database": Kind("projects/{project}/instances/{instance}/databases/{name}", SQL),
    "google_sql_user": Kind("{name}//{instance}", SQL),
    "google_service_account": Kind(
        "projects/{project}/serviceAccounts/{account_id}@{project}.iam.gserviceaccount.com",
        IAM,
        service_account,
    ),
    "google_service_account_key": Kind("{service_account_id}/keys/1", IAM, service_account_key),
    "google_service_account_iam_member": Kind("{service_account_id}/{role}/{member}", IAM, member),
    "google_artifact_registry_repository": Kind(
        LOCATED + "/repositories/{repository_id}", ARTIFACTS, repository
    ),
    "google_artifact_registry_repository_iam_member": Kind(
        LOCATED + "/repositories/{repository}/{role}/{member}", ARTIFACTS, member
    ),
    "google_secret_manager_secret": Kind("projects/{project}/secrets/{secret_id}", SECRETS, secret),
    "google_secret_manager_secret_version": Kind("{secret}/versions/1", SECRETS, secret_version),
    "google_secret_manager_secret_iam_member": Kind(
        "projects/{project}/secrets/{secret_id}/{role}/{member}", SECRETS, member
    ),
    "google_dns_managed_zone": Kind("projects/{project}/managedZones/{name}", DNS, zone),
    "google_dns_record_set": Kind(
        "projects/{project}/managedZones/{managed_zone}/rrsets/{name}/{type}", DNS
    ),
    "google_storage_bucket": Kind("{name}", STORAGE, bucket),
    "google_storage_bucket_iam_member": Kind("b/{bucket}/{role}/{member}", STORAGE, member),
    "google_iam_workload_identity_pool": Kind(POOLS, IAM, pool),
    "google_iam_workload_identity_pool_provider": Kind(
        POOLS + "/providers/{workload_identity_pool_provider_id}", IAM, pool
    ),
}
# What a new project has from the start: https://cloud.google.com/service-usage/docs/enabled-service
STANDARD = frozenset({"serviceusage", "storage", "cloudapis", "logging", "monitoring"})
