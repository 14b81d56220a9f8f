"""Why Google does not tell how to reach a cluster, or why the cluster does not answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dogctl.clouds.google import LOG_IN, REFUSED, reason
from dogctl.clouds.kubernetes_errors import AwayError
from dogctl.errors import DogctlError

if TYPE_CHECKING:
    from google.cloud.container_v1 import Cluster

    from dogctl.clouds.gke import Name

AWAY = "gke-unreachable"
API_DISABLED = "gke-api-disabled"
FORBIDDEN = "gke-forbidden"
NO_CLUSTER = "gke-no-cluster"
QUOTA = "gke-quota"
FAILED = "gke-failed"
NOT_RUNNING = "gke-not-running"

STATUS_PAGE = "https://status.cloud.google.com"
# Where the answer does not name it apart.
_PERMISSION = re.compile(r"\bcontainer\.[a-z]+\.[a-zA-Z]+\b")
_DISABLED = "SERVICE_DISABLED"


def refused(
    error: Exception, name: Name, whose: str | None, others: tuple[str, ...] | None = None
) -> DogctlError:
    """What the API, or the way to it, complains of.

    Args:
        whose: the address of our account, if that is known.
        others: the clusters there are in the project, where this one is not.
    """
    status = getattr(error, "code", None)
    message = str(getattr(error, "message", "")).partition(": ")[2] or reason(error)
    if status is None:
        return _no_answer(error, name)
    # https://cloud.google.com/apis/design/errors#error_info
    if status == 403 and (error.reason == _DISABLED or _DISABLED in message):  # type: ignore[attr-defined]
        return _error(
            f"the Kubernetes Engine API is disabled in the project {name.project}",
            API_DISABLED,
            name,
            f"gcloud services enable container.googleapis.com --project={name.project}",
        )
    if status == 403:
        return _forbidden(error, message, name, whose)
    if status == 404:
        there = f"there are: {', '.join(others)}" if others else "none that we may see"
        return _error(
            f"Google has no such cluster in the project {name.project} ({there})",
            NO_CLUSTER,
            name,
            "correct the settings cluster and region, or make it",
        )
    if status == 401:
        return _error(f"Google does not accept our login: {message}", REFUSED, name, LOG_IN)
    if status == 429:
        return _error(
            f"Google's quota is used up: {message}",
            QUOTA,
            name,
            "run the command again in a minute",
        )
    return _error(
        f"Google's API failed: {status} {message}", FAILED, name, f"try again, or see {STATUS_PAGE}"
    )


def unfit(name: Name, cluster: Cluster) -> DogctlError | None:
    """Why a cluster cannot be used, by its state.

    One that is changed (RECONCILING) or DEGRADED nearly always answers.
    """
    state = cluster.status.name
    hints = {
        "PROVISIONING": ("is still being made", "run the command again in a few minutes"),
        "STOPPING": ("is being deleted", "correct the setting cluster, or make it anew"),
        "ERROR": ("is broken", "see the console, or make it anew"),
    }
    if state not in hints:
        return None
    says, hint = hints[state]
    error = _error(f"the cluster {says}{_because(cluster)}", NOT_RUNNING, name, hint)
    error.data = {"status": state}
    return error


def unreachable(name: Name, cluster: Cluster, *, open_to_all: bool) -> AwayError:
    """Why a cluster does not answer that should, by its state and its network."""
    state = cluster.status.name
    if state != "RUNNING":
        return _away(
            f"the cluster does not answer while Google works on it: {state}{_because(cluster)}",
            NOT_RUNNING,
            name,
            "run the command again in a few minutes",
        )
    if not open_to_all:
        return _away(
            "the cluster answers in its own network only",
            AWAY,
            name,
            f"run this from there, or gcloud container clusters update {name.cluster}"
            f" --location={name.location} --project={name.project} --enable-dns-access",
        )
    if cluster.master_authorized_networks_config.enabled:
        return _away(
            "the cluster does not answer: it talks to authorized networks only",
            AWAY,
            name,
            f"add this machine's to those of gcloud container clusters describe {name.cluster}"
            f" --location={name.location} --project={name.project}",
        )
    return _away(
        "the cluster does not answer, and Google says that it runs",
        AWAY,
        name,
        "check the network, VPN or proxy of this machine",
    )


def _no_answer(error: Exception, name: Name) -> DogctlError:
    from google.auth.exceptions import RefreshError

    if isinstance(error, RefreshError):
        return _error("Google does not accept our login", REFUSED, name, LOG_IN)
    return _error(
        f"Google's API cannot be reached: {reason(error)}", AWAY, name, "check the network or proxy"
    )


def _forbidden(error: Any, message: str, name: Name, whose: str | None) -> DogctlError:
    named = (error.metadata or {}).get("permission") or ""
    found = named or next(iter(_PERMISSION.findall(message)), "")
    kind = "serviceAccount" if whose and whose.endswith("gserviceaccount.com") else "user"
    return _error(
        f"we lack the permission {found}" if found else f"Google refuses: {message}",
        FORBIDDEN,
        name,
        f"gcloud projects add-iam-policy-binding {name.project}"
        f" --member={kind}:{whose or 'ADDRESS'} --role=roles/container.developer",
        (message,),
    )


def _because(cluster: Cluster) -> str:
    said = [cluster.status_message, *(each.message for each in cluster.conditions)]
    return "".join(f": {each}" for each in dict.fromkeys(said) if each)


def _error(
    message: str, code: str, name: Name, hint: str, detail: tuple[str, ...] = ()
) -> DogctlError:
    return DogctlError(message, code=code, where=str(name), hint=hint, detail=detail)


def _away(message: str, code: str, name: Name, hint: str) -> AwayError:
    return AwayError(message, code=code, where=str(name), hint=hint)
