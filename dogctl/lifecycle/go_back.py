"""Going back to an earlier revision, with its chart and its values and today's secrets.

`helm rollback` would put back the Secrets of that time too, and undo every password that was
changed since. So the chart is taken out of Helm's storage and applied again: what it looks up in
the cluster, it finds as it is now. Its hooks are left out, since those of an upgrade may migrate.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dogctl.clouds.kubernetes import SECRETS, Object
from dogctl.errors import DogctlError
from dogctl.lifecycle.chart import Chart
from dogctl.lifecycle.manifest import objects
from dogctl.tools.helm_storage import Revision

if TYPE_CHECKING:
    from dogctl.lifecycle.cluster import Cluster


def would_be(cluster: Cluster, target: Revision, *, ask: bool) -> list[Object]:
    """The objects that going back to a revision would make. Raises DogctlError.

    Without asking Helm, which it does not allow while it is at work, the Secrets are not known.
    """
    if target.has_parts or not ask:
        return [item for item in objects(target.manifest) if item["kind"] != "Secret"]
    with _chart(target) as chart:
        return objects(cluster.helm.render(cluster.release, chart, target.values)["manifest"])


def go_back(cluster: Cluster, target: Revision) -> None:
    """Make a new revision of an old one. Raises DogctlError."""
    if target.has_parts:
        # Helm keeps no charts within charts, so there is nothing to apply again.
        with _kept_secrets(cluster, target):
            cluster.helm.rollback(cluster.release, target.number)
        return
    with _chart(target) as chart:
        cluster.helm.upgrade(
            cluster.release,
            chart,
            target.values,
            description=f"dogctl: rollback to {target.number}",
            hooks=False,
        )


@contextmanager
def _chart(target: Revision) -> Iterator[Chart]:
    """The revision's chart as a folder."""
    with tempfile.TemporaryDirectory(prefix="dogctl-") as name:
        folder = Path(name).resolve()
        for file, content in target.chart_files().items():
            path = (folder / file).resolve()
            if not path.is_relative_to(folder):
                raise DogctlError(
                    f"the chart of revision {target.number} has a file outside of it: {file!r}",
                    code="bad-chart",
                    where=target.secret,
                    hint="release a chart that you trust",
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        yield Chart(str(folder))


@contextmanager
def _kept_secrets(cluster: Cluster, target: Revision) -> Iterator[None]:
    """Whatever is done to the release's Secrets meanwhile, they are at the end what they were."""
    names = [item["metadata"]["name"] for item in objects(target.manifest) if _is_secret(item)]
    before = {name: cluster.kubernetes.get(SECRETS, name, cluster.namespace) for name in names}
    try:
        yield
    finally:
        for name, secret in before.items():
            if secret and secret.get("data"):
                body = {"data": secret["data"]}
                cluster.kubernetes.patch(SECRETS, name, body, cluster.namespace)


def _is_secret(item: Object) -> bool:
    return bool(item["kind"] == "Secret")
