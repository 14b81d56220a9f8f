"""What the schema of hashicorp/google does not tell: by hand, for the types that are used.

https://registry.terraform.io/providers/hashicorp/google/6.50.0/docs, and the words of errors from
https://github.com/hashicorp/terraform-provider-google (`Error creating ...` in each resource).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PROTECTED = {"deletion_protection": True}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "google_container_cluster": PROTECTED,
    "google_sql_database_instance": PROTECTED,
    "google_storage_bucket": {"force_destroy": False, "storage_class": "STANDARD"},
    "google_compute_network": {
        "auto_create_subnetworks": True,
        "delete_default_routes_on_create": False,
    },
    "google_compute_address": {"address_type": "EXTERNAL"},
    "google_compute_global_address": {"address_type": "EXTERNAL"},
    "google_dns_managed_zone": {"visibility": "public", "force_destroy": False},
    "google_artifact_registry_repository": {"mode": "STANDARD_REPOSITORY"},
    "google_service_account": {"disabled": False},
    "google_secret_manager_secret_version": {"enabled": True},
}

# What cannot be changed in place.
NAMED = ("name", "project")
LOCATED = (*NAMED, "location")
REGIONAL = (*NAMED, "region")
ROLE = ("member", "role")
FORCE_NEW: Mapping[str, tuple[str, ...]] = {
    "google_artifact_registry_repository": ("project", "location", "repository_id", "format"),
    "google_artifact_registry_repository_iam_member": (*ROLE, "project", "location", "repository"),
    "google_compute_address": (*REGIONAL, "address", "address_type", "purpose", "subnetwork"),
    "google_compute_firewall": (*NAMED, "network", "direction"),
    "google_compute_global_address": (
        *NAMED,
        "address",
        "address_type",
        "network",
        "prefix_length",
        "purpose",
    ),
    "google_compute_network": (*NAMED, "auto_create_subnetworks", "description"),
    "google_compute_router": (*REGIONAL, "network"),
    "google_compute_router_nat": (*REGIONAL, "router"),
    "google_compute_subnetwork": (*REGIONAL, "network", "ip_cidr_range", "description"),
    "google_container_cluster": (
        *LOCATED,
        "enable_autopilot",
        "network",
        "subnetwork",
        "networking_mode",
        "ip_allocation_policy",
        "initial_node_count",
        "default_max_pods_per_node",
    ),
    "google_container_node_pool": (*LOCATED, "cluster", "initial_node_count", "max_pods_per_node"),
    "google_dns_managed_zone": (*NAMED, "dns_name", "visibility"),
    "google_dns_record_set": (*NAMED, "managed_zone"),
    "google_iam_workload_identity_pool": ("project", "workload_identity_pool_id"),
    "google_iam_workload_identity_pool_provider": (
        "project",
        "workload_identity_pool_id",
        "workload_identity_pool_provider_id",
    ),
    "google_project_iam_member": (*ROLE, "project"),
    "google_project_service": ("project", "service"),
    "google_secret_manager_secret": ("project", "secret_id", "replication"),
    "google_secret_manager_secret_iam_member": (*ROLE, "project", "secret_id"),
    "google_secret_manager_secret_version": ("secret", "secret_data", "secret_data_wo_version"),
    "google_service_account": ("project", "account_id"),
    "google_service_account_iam_member": (*ROLE, "service_account_id"),
    "google_service_account_key": ("service_account_id", "keepers", "key_algorithm"),
    "google_service_networking_connection": ("network", "service"),
    "google_sql_database": (*NAMED, "instance", "charset", "collation"),
    "google_sql_database_instance": (*REGIONAL, "database_version", "master_instance_name"),
    "google_sql_user": (*NAMED, "host", "instance", "type"),
    "google_storage_bucket": (*LOCATED,),
    "google_storage_bucket_iam_member": (*ROLE, "bucket"),
}

SENSITIVE: Mapping[str, frozenset[str]] = {
    "": frozenset({"access_token", "credentials"}),
    "google_client_config": frozenset({"access_token"}),
    "google_container_cluster": frozenset({"client_key"}),
    "google_secret_manager_secret_version": frozenset({"secret_data", "secret_data_wo"}),
    "google_service_account_key": frozenset({"private_key"}),
    "google_sql_database_instance": frozenset({"root_password"}),
    "google_sql_user": frozenset({"password", "password_wo"}),
}

# Types that are where the provider's block says, unless they say it.
WHERE = {"google_artifact_registry_repository", "google_container_cluster"}
# Types whose labels are all of a configuration, the provider's and one of the provider's own.
LABELS = {"google_container_cluster": "resource_labels"}
ATTRIBUTION = {"goog-terraform-provisioned": "true"}

# Before `googleapi: Error ...`, where it is not `Error creating Network: `.
REMOVING = (
    "Unable to remove Service Networking Connection, err: Error waiting for Delete Service"
    " Networking Connection: "
)
WORDS: Mapping[str, tuple[str, str, str]] = {
    "google_container_cluster": ("", "", ""),
    "google_container_node_pool": ("error creating NodePool: ", "", "Error deleting NodePool: "),
    "google_project_service": ("Error when reading or editing Project Service : ",) * 3,
    "google_service_networking_connection": (
        "Error waiting for Create Service Networking Connection: ",
        "",
        REMOVING,
    ),
    "google_sql_database_instance": (
        "Error, failed to create instance {name}: ",
        "Error, failed to update instance settings for {name}: ",
        "Error, failed to delete instance {name}: ",
    ),
    "google_storage_bucket": ("", "", ""),
}
NAMES = {
    "google_artifact_registry_repository": "Repository",
    "google_dns_managed_zone": "ManagedZone",
    "google_secret_manager_secret": "Secret",
    "google_secret_manager_secret_version": "SecretVersion",
    "google_compute_global_address": "GlobalAddress",
    "google_sql_database": "Database",
    "google_sql_user": "User",
    "google_service_account": "service account",
}
WAITING: Mapping[str, str] = {
    "google_container_cluster": "Error waiting for creating GKE cluster: "
}
PROTECTION: Mapping[str, str] = {
    "google_container_cluster": "Cannot destroy cluster because deletion_protection is set to true."
    " Set it to false to proceed with cluster deletion.",
    "google_sql_database_instance": "Error, failed to delete instance because deletion_protection"
    " is set to true. Set it to false to proceed with instance deletion.",
}
NOT_EMPTY = (
    "Error trying to delete bucket {} containing objects without `force_destroy` set to true"
)


def before(kind: str, verb: str, name: str) -> str:
    """What the provider says before it quotes the API."""
    which = ("create", "update", "delete").index(verb) if verb != "read" else 1
    if kind in WORDS:
        return WORDS[kind][which].format(name=name)
    words = kind.removeprefix("google_").split("_")
    title = NAMES.get(kind, words[-1].title())
    return (
        f"Error creating {title}: ",
        f"Error updating {title} {name!r}: "
        if verb == "update"
        else f"Error when reading or editing {title}: ",
        f"Error when reading or editing {title}: ",
    )[which]
