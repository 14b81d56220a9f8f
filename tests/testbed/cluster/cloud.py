"""What a cloud would do for a cluster: addresses for LoadBalancer services, volumes for claims.

A program for the namespaces of a cluster; it is told the certificates of a user and of the
authority, and a folder. kube-proxy sees to the addresses. Volumes are folders of the node that
honour `fsGroup`, as disks do.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import requests

from tests.testbed.cluster import addresses

SERVER = f"https://127.0.0.1:{addresses.API_PORT}"
CLASS = "standard"
PROVISIONER = "testbed.local/volumes"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
AGAIN_SECONDS = 0.2

Thing = dict[str, Any]


@dataclass(frozen=True)
class Api:
    """The API server, asked with a user's certificate."""

    certificate: Path
    authority: Path

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """The answer to a request. Raises requests.RequestException."""
        answer = requests.request(
            method,
            SERVER + path,
            cert=(str(self.certificate), str(self.certificate.with_suffix(".key"))),
            verify=str(self.authority),
            **options,
        )
        # What is there already, or gone already, is as it should be.
        if answer.status_code not in (404, 409):
            answer.raise_for_status()
        return answer

    def watch(self, path: str) -> Iterator[Thing]:
        """What there is of a kind, and then what changes, as long as the server goes on."""
        with self.ask("GET", path, params={"watch": "true"}, stream=True) as answer:
            for line in answer.iter_lines(chunk_size=None):
                event = json.loads(line)
                if event["type"] in ("ADDED", "MODIFIED"):
                    yield event["object"]


@dataclass(frozen=True)
class Cloud:
    """Answers to what changes in a cluster."""

    api: Api
    volumes: Path
    free: Iterator[Any] = field(default_factory=lambda: ip_network(addresses.BALANCERS).hosts())

    def balance(self, service: Thing) -> None:
        """Give a LoadBalancer service an address that no other has had."""
        if service["spec"]["type"] == "LoadBalancer" and not service["status"]["loadBalancer"]:
            ingress = [{"ip": str(next(self.free)), "ipMode": "VIP"}]
            self.api.ask(
                "PATCH",
                f"{path_of(service, 'services')}/status",
                json={"status": {"loadBalancer": {"ingress": ingress}}},
                headers={"Content-Type": "application/merge-patch+json"},
            )

    def provision(self, claim: Thing) -> None:
        """Make a volume for a claim that has none, on the node that its pod is to run on."""
        metadata, spec = claim["metadata"], claim["spec"]
        node = metadata.get("annotations", {}).get(SELECTED_NODE)
        if spec.get("storageClassName") != CLASS or spec.get("volumeName") or not node:
            return
        name = f"pvc-{metadata['uid']}"
        (self.volumes / name).mkdir(exist_ok=True)
        here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
        volume = {
            "metadata": {"name": name, "annotations": {PROVISIONED_BY: PROVISIONER}},
            "spec": {
                "accessModes": spec["accessModes"],
                "capacity": spec["resources"]["requests"],
                "claimRef": {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "namespace": metadata["namespace"],
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                },
                "local": {"path": str(self.volumes / name)},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
                "persistentVolumeReclaimPolicy": "Delete",
                "storageClassName": CLASS,
            },
        }
        self.api.ask("POST", "/api/v1/persistentvolumes", json=volume)

    def reclaim(self, volume: Thing) -> None:
        """Remove a volume that lost its claim."""
        made_by = volume["metadata"].get("annotations", {}).get(PROVISIONED_BY)
        policy = volume["spec"]["persistentVolumeReclaimPolicy"]
        if (made_by, policy, volume["status"]["phase"]) == (PROVISIONER, "Delete", "Released"):
            shutil.rmtree(volume["spec"]["local"]["path"], ignore_errors=True)
            self.api.ask("DELETE", path_of(volume, "persistentvolumes"))


def path_of(thing: Thing, kind: str) -> str:
    """Where the API has it."""
    namespace = thing["metadata"].get("namespace")
    place = f"/namespaces/{namespace}" if namespace else ""
    return f"/api/v1{place}/{kind}/{thing['metadata']['name']}"


def follow(api: Api, kind: str, react: Callable[[Thing], None]) -> None:
    """React to everything of a kind, for ever; what fails comes again with the next watch."""
    while True:
        try:
            for thing in api.watch(f"/api/v1/{kind}"):
                react(thing)
        except requests.RequestException as error:
            print(f"{kind}: {error}", file=sys.stderr, flush=True)
        time.sleep(AGAIN_SECONDS)


def main() -> None:
    """Look after a cluster until killed."""
    certificate, authority, volumes = map(Path, sys.argv[1:])
    api = Api(certificate, authority)
    cloud = Cloud(api, volumes)
    duties = {
        "services": cloud.balance,
        "persistentvolumeclaims": cloud.provision,
        "persistentvolumes": cloud.reclaim,
    }
    with ThreadPoolExecutor(len(duties)) as pool:
        done = [pool.submit(follow, api, kind, react) for kind, react in duties.items()]
        for duty in done:
            duty.result()


if __name__ == "__main__":
    main()
