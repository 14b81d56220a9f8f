"""Clusters of Google Kubernetes Engine: how to reach them, asked of its API, without gcloud.

https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dogctl.clouds import kubeconfig
from dogctl.clouds.gke_errors import refused, unfit, unreachable
from dogctl.clouds.google import Account
from dogctl.clouds.kubeconfig import Kubeconfig
from dogctl.secrets import Secret

if TYPE_CHECKING:
    from google.cloud.container_v1 import Cluster

# What gcloud users set for another address of the API.
ENDPOINT = "CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER"
TIMEOUT = 10.0
# All tries together, in seconds.
PATIENCE = 15.0
# For Helm and whatever else is handed a token and never asks for another.
TOKEN_SECONDS = 600.0


@dataclass(frozen=True)
class Name:
    """Which cluster: its project, its region or zone, and what it is called there."""

    project: str
    location: str
    cluster: str

    def __str__(self) -> str:
        return f"projects/{self.project}/locations/{self.location}/clusters/{self.cluster}"


@dataclass
class Gke:
    """One cluster. Any thread may use it; the API is asked once.

    Args:
        remember: hears of every token before it is used.
        patience: seconds for all tries of a question together.
    """

    name: Name
    account: Callable[[], Account]
    remember: Callable[[Secret], None]
    environ: Mapping[str, str] = field(repr=False)
    patience: float = PATIENCE
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _account: Account | None = field(default=None, init=False, repr=False)
    _found: Cluster | None = field(default=None, init=False, repr=False)

    def read(self) -> Kubeconfig:
        """How to reach it; the token is good for ten minutes at least.

        Raises DogctlError: no login, no such cluster, or none that serves.
        """
        with self._lock:
            self._found = self._found or self._usable()
            return kubeconfig.make(
                str(self.name), access(self._found), {"token": self._token().reveal()}
            )

    def forget(self) -> None:
        """The token was refused: get another."""
        with self._lock:
            if self._account:
                self._account.forget()

    def check(self) -> None:
        """Raise DogctlError with the cause, if Google knows one, why the cluster does not answer."""
        with self._lock:
            found = self._usable()
            raise unreachable(self.name, found, open_to_all=_is_public(found) or _has_dns(found))

    def _usable(self) -> Cluster:
        found = self._ask()
        if error := unfit(self.name, found):
            raise error
        return found

    def _ask(self) -> Cluster:
        from google.api_core.exceptions import NotFound

        with self._asking() as (client, options):
            try:
                found: Cluster = client.get_cluster(name=str(self.name), **options)
                return found
            except NotFound as error:
                raise refused(error, self.name, self._whose(), self._others()) from None

    def _others(self) -> tuple[str, ...]:
        """The clusters there are, as far as we may know."""
        from google.api_core.exceptions import GoogleAPICallError

        parent = f"projects/{self.name.project}/locations/-"
        with self._asking() as (client, options):
            try:
                found = client.list_clusters(parent=parent, **options)
            except GoogleAPICallError:
                return ()
        return tuple(sorted(f"{each.name} in {each.location}" for each in found.clusters))

    @contextmanager
    def _asking(self) -> Iterator[tuple[Any, Mapping[str, Any]]]:
        """A client of the API, and how long to try. Raises what it complains of as DogctlError."""
        import requests
        from google.api_core import exceptions
        from google.api_core.client_options import ClientOptions
        from google.api_core.retry import Retry, if_exception_type
        from google.auth.exceptions import GoogleAuthError
        from google.cloud.container_v1 import ClusterManagerClient
        from google.oauth2.credentials import Credentials

        passing = if_exception_type(
            exceptions.TooManyRequests,
            exceptions.ServerError,
            requests.ConnectionError,
            requests.Timeout,
        )
        tries = Retry(predicate=passing, initial=0.25, maximum=4.0, timeout=self.patience)
        endpoint = self.environ.get(ENDPOINT, "").rstrip("/") or None
        client = ClusterManagerClient(
            credentials=Credentials(self._token().reveal()),
            transport="rest",
            client_options=ClientOptions(api_endpoint=endpoint) if endpoint else None,
        )
        try:
            with client:
                yield client, {"retry": tries, "timeout": TIMEOUT}
        except exceptions.RetryError as error:
            raise refused(error.cause or error, self.name, self._whose()) from None
        except (
            exceptions.GoogleAPICallError,
            GoogleAuthError,
            requests.RequestException,
        ) as error:
            raise refused(error, self.name, self._whose()) from None

    def _token(self) -> Secret:
        self._account = self._account or self.account()
        token = self._account.token(TOKEN_SECONDS)
        self.remember(token)
        return token

    def _whose(self) -> str | None:
        return self._account.email if self._account else None


def access(cluster: Cluster) -> dict[str, str]:
    """Where its API is, and who vouches for it, as a kubeconfig has it.

    The public address; without one the DNS endpoint, which has a certificate that everybody trusts;
    else the private address.
    https://cloud.google.com/kubernetes-engine/docs/concepts/network-isolation
    """
    if not cluster.endpoint or (_has_dns(cluster) and not _is_public(cluster)):
        dns = cluster.control_plane_endpoints_config.dns_endpoint_config
        return {"server": f"https://{dns.endpoint}"}
    host = cluster.endpoint
    host = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
    return {
        "server": f"https://{host}",
        "certificate-authority-data": cluster.master_auth.cluster_ca_certificate,
    }


def _is_public(cluster: Cluster) -> bool:
    """Whether its address is for everybody, or for its own network only."""
    if cluster.private_cluster_config.enable_private_endpoint:
        return False
    endpoints = cluster.control_plane_endpoints_config
    if "ip_endpoints_config" not in endpoints:
        return True
    addresses = endpoints.ip_endpoints_config
    return bool(addresses.enabled and addresses.enable_public_endpoint)


def _has_dns(cluster: Cluster) -> bool:
    """Whether it answers under a name, wherever the question comes from."""
    dns = cluster.control_plane_endpoints_config.dns_endpoint_config
    return bool(dns.endpoint and dns.allow_external_traffic)
