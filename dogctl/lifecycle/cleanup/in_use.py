"""What runs, and what it may be rolled back to, in all environments of a project.

What cannot be read stops the run: nobody knows what would be missed.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from dogctl.chartrepos.versions import is_strict
from dogctl.clouds.gke_errors import NO_CLUSTER
from dogctl.clouds.kubernetes import (
    CONFIG_MAPS,
    CONTROLLER_REVISIONS,
    CRON_JOBS,
    DAEMON_SETS,
    DEPLOYMENTS,
    JOBS,
    PODS,
    REPLICA_SETS,
    SECRETS,
    STATEFUL_SETS,
    Kind,
    Kubernetes,
    Object,
)
from dogctl.errors import ConfigError, DogctlError
from dogctl.lifecycle import record
from dogctl.lifecycle.cleanup.references import References
from dogctl.lifecycle.cluster import Cluster, connect
from dogctl.lifecycle.infra import has_infra
from dogctl.lifecycle.infra.buckets import open_bucket
from dogctl.lifecycle.infra.state import Store, find_state
from dogctl.lifecycle.local_targets import ABSENT
from dogctl.lifecycle.remote_targets import INCOMPLETE
from dogctl.secrets import Remember
from dogctl.tools.helm_storage import selector

if TYPE_CHECKING:
    from dogctl.config.model import Project

WORKLOADS = (
    PODS,
    DEPLOYMENTS,
    STATEFUL_SETS,
    DAEMON_SETS,
    REPLICA_SETS,
    CONTROLLER_REVISIONS,
    JOBS,
    CRON_JOBS,
)
# A revision may be a megabyte.
PAGE = 50
WORKERS = 4
UNREADABLE = "revision-unreadable"
_BROKEN = (AttributeError, KeyError, TypeError, ValueError, OSError, EOFError, zlib.error)

Note = Callable[[str], None]


def scan(
    projects: Iterable[Project],
    wanted: References,
    *,
    remember: Remember = lambda _: None,
    note: Note = lambda _: None,
) -> References:
    """All that is in use of a repository and a chart.

    Args:
        projects: the project in each of its environments.
        wanted: says which they are.
        note: hears what was looked at.

    Raises DogctlError if one of them cannot be read.
    """
    found = wanted.empty()
    for project in projects:
        found.add(scan_environment(project, wanted, remember=remember, note=note))
    return found


def scan_environment(
    project: Project,
    wanted: References,
    *,
    remember: Remember = lambda _: None,
    note: Note = lambda _: None,
) -> References:
    """What is in use in one environment. Raises DogctlError, naming the environment."""
    # Whether it was ever made is asked of a cloud as well, which may not answer either.
    try:
        return _scan_environment(project, wanted, remember, note)
    except DogctlError as error:
        error.message = f"what {project.environment} uses cannot be told: {error.message}"
        error.args = (error.message,)
        raise


def _scan_environment(
    project: Project, wanted: References, remember: Remember, note: Note
) -> References:
    name, nothing = str(project.environment), wanted.empty()
    if project.settings.target is None:
        note(f"{name} has no cluster")
        return nothing
    try:
        cluster = _connect(project, remember)
        found = scan_cluster(cluster.kubernetes, cluster.namespace, wanted, name, note)
        if wanted.chart:
            # A release from the project's folder is that of the chart that was published with it.
            noted = record.read(cluster).values()
            for each in (each for each in noted if is_strict(each.version)):
                where = f"{name}: revision {each.revision} of {cluster.release}"
                found.versions.setdefault(each.version, where)
    except DogctlError as error:
        if not never_was(project, error):
            raise
        note(f"{name} is not there yet")
        nothing.gaps += _unproven(project, error)
        return nothing
    return found


def scan_cluster(
    kubernetes: Kubernetes,
    namespace: str,
    wanted: References,
    name: str,
    note: Note = lambda _: None,
) -> References:
    """What is in use in a cluster: everywhere if we may look there, else in the namespace.

    Raises DogctlError.
    """

    narrow: list[str] = []

    def work(kind: Kind, *, helm: bool) -> References:
        found = wanted.empty()
        everywhere = kubernetes.may("list", kind)
        if not everywhere:
            narrow.append(kind.plural)

        def see(each: Object) -> None:
            (_see_revision if helm else _see_object)(found, each, name, kind)

        labels = selector() if helm else ""
        within = None if everywhere else namespace
        kubernetes.visit(kind, see, within, labels=labels, page=PAGE if helm else 500)
        return found

    # Charts are named by releases only.
    kinds = WORKLOADS if wanted.repository else ()
    jobs = [*((kind, False) for kind in kinds), (SECRETS, True), (CONFIG_MAPS, True)]
    found = wanted.empty()
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="scan") as pool:
        for each in pool.map(lambda job: work(job[0], helm=job[1]), jobs):
            found.add(each)
    note(f"{name}: {_told(found)}")
    if narrow:
        names = ", ".join(sorted(set(narrow)))
        gap = f"{name}: only the namespace {namespace} may be looked into for {names}"
        note(gap)
        found.gaps.append(gap)
    return found


def _told(found: References) -> str:
    images = f"{len(found.tags)} tags and {len(found.digests)} digests" if found.repository else ""
    charts = f"{len(found.versions)} versions of {found.chart}" if found.chart else ""
    return f"{', '.join(filter(None, (images, charts)))} are named"


def _connect(project: Project, remember: Remember) -> Cluster:
    """Its cluster. Raises DogctlError: a setting that is missing belongs into the file.

    A variable would say the same of every environment, which places.py refuses.
    """
    try:
        return connect(project, remember=remember)
    except ConfigError as error:
        if error.code == INCOMPLETE:
            table = f"[tool.dogctl.env.{project.environment}]"
            error.hint = (
                f"add them to {table} in pyproject.toml: a variable would say the same of all"
            )
        raise


def _see_object(found: References, each: Object, name: str, kind: Kind) -> None:
    # Which field is whose is as long as the object, and names no image.
    metadata = {key: value for key, value in each["metadata"].items() if key != "managedFields"}
    where = f"{name}: {kind.plural.removesuffix('s')} {metadata['name']}"
    found.see(json.dumps({**each, "metadata": metadata}).encode(), where)


def _see_revision(found: References, each: Object, name: str, kind: Kind) -> None:
    """The whole document of a revision: manifest, hooks, values and chart.

    Only one that may name any of it is parsed, since that takes longer than all the rest.
    """
    metadata = each["metadata"]
    labels = metadata.get("labels") or {}
    where = f"{name}: revision {labels.get('version')} of {labels.get('name')}"
    try:
        text = _unpacked(each["data"]["release"], twice=kind == SECRETS)
        if not found.see(text, where) and not found.may_name(text):
            return
        document: dict[str, Any] = json.loads(text)
        chart = document.get("chart") or {}
        found.see_values([document.get("config"), chart.get("values")], where)
        found.see_chart(chart, where)
    except _BROKEN as error:
        raise DogctlError(
            "a revision of Helm's cannot be read",
            code=UNREADABLE,
            where=f"{metadata.get('namespace')}/{metadata.get('name')}",
            hint="delete it if nobody rolls back to it, then run the command again",
            detail=(type(error).__name__,),
        ) from None


def _unpacked(content: str, *, twice: bool) -> bytes:
    """A Secret has everything in base64, and Helm has it so as well."""
    data = base64.b64decode(content, validate=True)
    data = base64.b64decode(data, validate=True) if twice else data
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def never_was(project: Project, error: DogctlError) -> bool:
    """Whether there is no cluster, as far as can be told, so that nothing is in use there.

    Raises DogctlError if that cannot be told.
    """
    if error.code == ABSENT:
        return True  # one on this machine, which gets its images from here
    return error.code == NO_CLUSTER and has_infra(project) and not _has_state(project)


def _unproven(project: Project, error: DogctlError) -> Iterator[str]:
    """What `never_was` has taken for a proof, and is none."""
    if error.code == ABSENT:
        return
    state = find_state(project)
    if state.store is Store.LOCAL and not state.path.exists():
        yield (
            f"{project.environment}: counts as never made, since this machine has no state of"
            " Terraform's for it, and another one may have it"
        )


def _has_state(project: Project) -> bool:
    """Whether Terraform has made anything. Raises DogctlError if that cannot be told."""
    state = find_state(project)
    if state.store is Store.LOCAL:
        content = state.path.read_bytes() if state.path.exists() else None
    else:
        ending = "/default.tfstate" if state.store is Store.GCS else ".tfstate"
        content = open_bucket(project, state).get(f"{state.key}{ending}")
    if content is None:
        return False
    try:
        return bool(json.loads(content)["resources"])
    except (ValueError, KeyError, TypeError):
        return True
