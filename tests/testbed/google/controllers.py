"""What GKE's controllers make at Google for what is in the cluster, as long as it is there.

A service of the type LoadBalancer has a forwarding rule and a firewall rule in the network of the
cluster, a volume has a disk. They have the names and descriptions that Google's controllers give:
https://github.com/kubernetes/cloud-provider-gcp (gce_loadbalancer_external.go)
https://github.com/kubernetes-sigs/gcp-compute-persistent-disk-csi-driver
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.testbed.cluster.cluster import Cluster
from tests.testbed.google.gke import GkeCluster
from tests.testbed.google.kinds import State

Thing = dict[str, Any]


def made_for(cluster: Cluster, known: GkeCluster, project: str) -> dict[str, State]:
    """Everything that controllers have made for a cluster, by id."""
    said = cluster.kubectl("get", "services,persistentvolumes", "--all-namespaces", "--output=json")
    found: dict[str, State] = {}
    for thing in json.loads(said)["items"]:
        if thing["kind"] == "Service" and thing["spec"]["type"] == "LoadBalancer":
            found |= dict(balancer(thing, known, project))
        elif thing["kind"] == "PersistentVolume":
            found |= dict([disk(thing, known, project)])
    return found


def balancer(service: Thing, known: GkeCluster, project: str) -> Iterator[tuple[str, State]]:
    """The rules of a service, which are called after its UID."""
    metadata = service["metadata"]
    name = "a" + metadata["uid"].replace("-", "")[:31]
    full = f"{metadata['namespace']}/{metadata['name']}"
    described = {"kubernetes.io/service-name": full}
    ingress = (service.get("status", {}).get("loadBalancer", {}).get("ingress") or [{}])[0]
    description = {"description": json.dumps(described)}
    region = f"projects/{project}/regions/{known.region}"
    balanced = {"IPAddress": ingress.get("ip"), "effective_labels": cluster_labels(known)}
    yield f"{region}/forwardingRules/{name}", {**description, **balanced}
    network = {"network": f"projects/{project}/global/networks/{known.network}"}
    yield f"projects/{project}/global/firewalls/k8s-fw-{name}", {**description, **network}


def disk(volume: Thing, known: GkeCluster, project: str) -> tuple[str, State]:
    """The disk of a volume, which has its name."""
    name = volume["metadata"]["name"]
    claim = volume["spec"].get("claimRef") or {}
    described = {
        "kubernetes.io/created-for/pv/name": name,
        "kubernetes.io/created-for/pvc/name": claim.get("name", ""),
        "kubernetes.io/created-for/pvc/namespace": claim.get("namespace", ""),
        "storage.gke.io/created-by": "pd.csi.storage.gke.io",
    }
    labels = {**cluster_labels(known), "goog-gke-volume": ""}
    place = f"projects/{project}/zones/{known.region}-b"
    return f"{place}/disks/{name}", {
        "description": json.dumps(described),
        "effective_labels": labels,
    }


def cluster_labels(known: GkeCluster) -> Mapping[str, str]:
    """Labels of what belongs to a cluster: the cluster's own, and those that say which one it is.

    https://cloud.google.com/kubernetes-engine/docs/how-to/creating-managing-labels
    """
    return {
        **known.labels,
        "goog-k8s-cluster-location": known.location,
        "goog-k8s-cluster-name": known.name,
    }
