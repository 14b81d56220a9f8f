"""Everything that `dogctl` finds outside of this machine, for runs from nothing to a page."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from tests.testbed.aws import Aws, aws
from tests.testbed.cluster.cluster import Cluster
from tests.testbed.google.serving import Google, google
from tests.testbed.terraform.plugins import Parts, Plugins, terraform_plugins


@dataclass(frozen=True)
class Cloud:
    """A Google and an AWS with nothing in them, and Terraform with its plugins.

    `environ` is for programs in the network of the cluster (`cluster.command`, or what is started
    in `cluster.network()`). It has Helm and kubectl on the PATH, the key of an account that may do
    everything, and a KUBECONFIG that is not there yet: what leads to the cluster is Google, once
    Terraform has made a `google_container_cluster`.
    """

    cluster: Cluster
    google: Google
    aws: Aws
    plugins: Plugins
    environ: Mapping[str, str]


@contextmanager
def cloud(cluster: Cluster, *types: str, made: Parts | None = None) -> Iterator[Cloud]:
    """The clouds around a cluster; the types are those of resources besides the project's."""
    with (
        google(cluster) as at_google,
        aws(cluster.network) as amazon,
        terraform_plugins(*types, made=made) as plugins,
        tempfile.TemporaryDirectory(prefix="dogctl-cloud-") as folder,
    ):
        at_google.gke.clusters.clear()
        at_google.resources.services.discard("container")
        account = at_google.account("provisioner")
        program = plugins.environ["PATH"].partition(":")[0]
        environ = {
            **cluster.environ,
            **plugins.environ,
            **at_google.environ,
            **amazon.environ,
            "GOOGLE_APPLICATION_CREDENTIALS": str(at_google.key_file(account)),
            "KUBECONFIG": f"{folder}/kubeconfig",
            "PATH": f"{cluster.environ['PATH']}:{program}",
        }
        yield Cloud(cluster, at_google, amazon, plugins, environ)
