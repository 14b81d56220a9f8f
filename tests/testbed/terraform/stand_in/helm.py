"""hashicorp/helm: releases by the real Helm, the one on the PATH of whoever runs Terraform.

https://registry.terraform.io/providers/hashicorp/helm/3.1.1/docs/resources/release
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tf.types import Unknown

from tests.testbed.terraform.stand_in import helm_cli as cli
from tests.testbed.terraform.stand_in.driver import Refused, State, Value
from tests.testbed.terraform.stand_in.helm_values import from_settings

RELEASE = "helm_release"
DEFAULTS: Mapping[str, Value] = {
    "atomic": False,
    "cleanup_on_fail": False,
    "create_namespace": False,
    "dependency_update": False,
    "disable_crd_hooks": False,
    "disable_openapi_validation": False,
    "disable_webhooks": False,
    "force_update": False,
    "max_history": 0,
    "namespace": "default",
    "pass_credentials": False,
    "recreate_pods": False,
    "render_subchart_notes": True,
    "replace": False,
    "reset_values": False,
    "reuse_values": False,
    "skip_crds": False,
    "take_ownership": False,
    "timeout": 300,
    "upgrade_install": False,
    "wait": True,
    "wait_for_jobs": False,
}
# What the provider says of a chart or a release; all else is said of it.
TOLD = ("metadata", "status", "manifest", "resources", "id")
VERSION = re.compile(r"^version:\s*['\"]?([^\s'\"]+)", re.MULTILINE)


class Helm:
    """Releases in the cluster of the provider's block."""

    sensitive: Mapping[str, frozenset[str]] = {
        "": frozenset({"token", "password", "client_key"}),
        RELEASE: frozenset({"repository_password"}),
    }

    def __init__(self) -> None:
        self._config: State = {}

    def configure(self, config: State) -> None:
        """Take the settings of the cluster."""
        self._config = config

    def defaults(self, _kind: str) -> Mapping[str, Value]:
        """Those of the provider."""
        return DEFAULTS

    def computed(self, _kind: str) -> tuple[str, ...]:
        """The version of a chart that is not here yet."""
        return ("version",)

    def force_new(self, _kind: str) -> tuple[str, ...]:
        """Its names."""
        return ("name", "namespace")

    def plan(self, _kind: str, prior: State | None, planned: State, config: State) -> State:
        """With the version of a chart that is a folder; a release that failed is to be deployed."""
        whole = {**planned, "status": "deployed"}
        # What nobody says any more is not as it was before.
        for name in ("values", "description"):
            whole[name] = config.get(name)
        if config.get("version") is None and (found := version_in(planned.get("chart"))):
            whole["version"] = found
        if prior is None:
            return whole
        if any(whole[name] != prior.get(name) for name in whole if name not in TOLD[:1]):
            whole["metadata"] = Unknown
        return whole

    def create(self, _kind: str, planned: State) -> State:
        """`helm install`."""
        verb = ["upgrade", "--install"] if planned["upgrade_install"] else ["install"]
        return self._release(verb, planned, "installation failed")

    def update(self, _kind: str, _prior: State, planned: State) -> State:
        """`helm upgrade`."""
        return self._release(["upgrade"], planned, "Error upgrading chart")

    def delete(self, _kind: str, prior: State) -> None:
        """`helm uninstall`; what is gone already is gone."""
        words = ["uninstall", "--ignore-not-found", f"--timeout={int(prior['timeout'])}s"]
        words += ["--wait"] if prior["wait"] else []
        words += [f"--namespace={prior['namespace']}", "--", prior["name"]]
        self._helm("Error uninstalling release", *words)

    def read(self, _kind: str, state: State) -> State | None:
        """As the cluster has it."""
        with cli.cluster(self._config.get("kubernetes")) as environ:
            found = cli.release(environ, state["name"], state["namespace"])
        if found is None:
            return None
        metadata = told(found, state)
        status = found["info"]["status"]
        return {**state, "version": metadata["version"], "status": status, "metadata": metadata}

    def data(self, kind: str, _config: State) -> State:
        """There are none."""
        raise Refused(f"{kind} is not in this stand-in")

    def _release(self, verb: list[str], planned: State, words: str) -> State:
        named = {**planned, "id": planned["name"]}
        with cli.values(*values(planned)) as files:
            flags = [
                *cli.flags(planned, upgrades=verb[0] == "upgrade"),
                *(f"--values={path}" for path in files),
            ]
            try:
                self._helm(words, *verb, *flags, "--", planned["name"], planned["chart"])
            except Refused as refused:
                # What is there and failed is Terraform's, to be made anew or mended.
                raise Refused(str(refused), refused.detail, left=self._left(named)) from refused
        return {**named, **(self.read(RELEASE, named) or {})}

    def _left(self, named: State) -> State | None:
        try:
            return self.read(RELEASE, named)
        except Refused:
            return None

    def _helm(self, words: str, *arguments: str) -> None:
        with cli.cluster(self._config.get("kubernetes")) as environ:
            cli.helm(environ, words, *arguments)


def values(planned: State) -> list[str]:
    """The documents with the values of a release, those that count more after the others."""
    settings = [
        each
        for name in ("set", "set_list", "set_sensitive", "set_wo")
        for each in planned.get(name) or []
    ]
    return [*(planned.get("values") or []), *([from_settings(settings)] if settings else [])]


def told(found: Mapping[str, Any], state: State) -> State:
    """What the provider says of a release; what was told in confidence is not among it."""
    chart, info = found["chart"]["metadata"], found["info"]
    hidden = {
        each["name"] for name in ("set_sensitive", "set_wo") for each in state.get(name) or []
    }
    return {
        "name": found["name"],
        "namespace": found["namespace"],
        "revision": found["version"],
        "chart": chart["name"],
        "version": chart["version"],
        "app_version": chart.get("appVersion", ""),
        "notes": info.get("notes", ""),
        "values": cli.shown(found.get("config") or {}, hidden),
        "first_deployed": cli.seconds(info["first_deployed"]),
        "last_deployed": cli.seconds(info["last_deployed"]),
    }


def version_in(chart: Value) -> str | None:
    """The version of a chart that is a folder."""
    path = Path(chart) / "Chart.yaml" if isinstance(chart, str) else None
    found = VERSION.search(path.read_text()) if path and path.is_file() else None
    return found[1] if found else None


def driver() -> Helm:
    """The driver of this provider."""
    return Helm()
