"""Who is who in a cluster: one authority, certificates signed by it, and kubeconfigs."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from tests.testbed.cluster import addresses


@dataclass(frozen=True)
class Identities:
    """A folder with the files that tell the programs of a cluster who they are."""

    folder: Path
    authority: trustme.CA = field(default_factory=trustme.CA, repr=False)

    def __post_init__(self) -> None:
        self.authority.cert_pem.write_to_path(self.ca)
        self.authority.private_key_pem.write_to_path(self.ca.with_suffix(".key"))

    @property
    def ca(self) -> Path:
        """The authority's certificate; its key lies beside it as `.key`."""
        return self.folder / "ca.crt"

    def certificate(self, name: str, *hosts: str, group: str = "testbed") -> Path:
        """A certificate for a user of that name or for a server; its key lies beside it."""
        path = self.folder / f"{name.replace(':', '-')}.crt"
        issued = self.authority.issue_cert(
            *(hosts or ["localhost"]), common_name=name, organization_name=group
        )
        issued.cert_chain_pems[0].write_to_path(path)
        issued.private_key_pem.write_to_path(path.with_suffix(".key"))
        return path

    def kubeconfig(self, name: str, group: str = "testbed") -> Path:
        """A kubeconfig that holds all it needs, for a user of that name in that group.

        Its context is called `testbed`. The server is on the loopback of the namespaces.
        """
        certificate = self.certificate(name, group=group)
        cluster = {
            "server": f"https://127.0.0.1:{addresses.API_PORT}",
            "certificate-authority-data": encoded(self.ca),
        }
        user = {
            "client-certificate-data": encoded(certificate),
            "client-key-data": encoded(certificate.with_suffix(".key")),
        }
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "testbed", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": name}}],
            "current-context": "testbed",
        }
        path = certificate.with_suffix(".kubeconfig")
        path.touch(0o600)
        path.write_text(json.dumps(config))
        return path


def encoded(path: Path) -> str:
    """The content of a file, as kubeconfigs hold it."""
    return base64.b64encode(path.read_bytes()).decode()
