"""Who we are to a cluster: a client that has the certificates and the token of a kubeconfig."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from dogctl.clouds.kubeconfig import Kubeconfig, secrets
from dogctl.clouds.kubernetes_errors import login_failed, unusable
from dogctl.errors import DogctlError
from dogctl.secrets import Remember
from dogctl.tools.runner import LOCAL, NOT_STARTED, Runner

if TYPE_CHECKING:
    import httpx2
    from lightkube.config.kubeconfig import SingleConfig

# Some of them ask in a browser.
PLUGIN_SECONDS = 120.0
EXEC_INFO = "KUBERNETES_EXEC_INFO"


@dataclass(frozen=True)
class Session:
    """A client of one cluster, and what it was made from."""

    config: SingleConfig
    proxy: str | None
    http: httpx2.Client


def log_in(
    config: Kubeconfig, runner: Runner = LOCAL, remember: Remember = lambda _: None
) -> Session:
    """A client that is who the kubeconfig says; `remember` hears of what it logs in with.

    Raises ConfigError where the kubeconfig cannot be used, and DogctlError if its plugin fails.
    """
    from httpx2 import InvalidURL
    from lightkube.config.client_adapter import Client, ConnectionParams
    from lightkube.core.exceptions import ConfigError

    whole = with_plugin(config, runner)
    for secret in secrets(whole):
        remember(secret)
    read = single(whole)
    proxy = config["clusters"][0]["cluster"].get("proxy-url")
    try:
        return Session(read, proxy, Client(read, ConnectionParams(proxy=proxy)))
    # Certificates that are not there or are none, addresses that are none.
    except (OSError, ValueError, InvalidURL, ConfigError) as error:
        raise unusable(config["current-context"], error) from None


def single(config: Kubeconfig) -> SingleConfig:
    """The kubeconfig as lightkube has it. Raises ConfigError."""
    from lightkube.config.kubeconfig import KubeConfig
    from lightkube.core.exceptions import ConfigError

    try:
        return cast("SingleConfig", KubeConfig.from_dict(dict(config)).get())
    except (ConfigError, TypeError, ValueError) as error:
        raise unusable(config["current-context"], error) from None


def with_plugin(config: Kubeconfig, runner: Runner = LOCAL) -> Kubeconfig:
    """The kubeconfig with what its plugin gives: a token, or a certificate with its key.

    https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
    Raises DogctlError.
    """
    (entry,) = config["users"]
    plugin = entry["user"].get("exec")
    if not plugin:
        return config
    kept = {name: value for name, value in entry["user"].items() if name != "exec"}
    user = kept | _run(plugin, config["clusters"][0]["cluster"], runner)
    return {**config, "users": [{**entry, "user": user}]}


def _run(plugin: Mapping[str, Any], cluster: Mapping[str, Any], runner: Runner) -> dict[str, str]:
    command = [plugin["command"], *(plugin.get("args") or ())]
    given = {each["name"]: each["value"] for each in plugin.get("env") or ()}
    env = {**os.environ, **given, EXEC_INFO: json.dumps(_question(plugin, cluster))}
    try:
        done = runner.run(command, env=env, timeout=PLUGIN_SECONDS)
    except DogctlError as error:
        hint = plugin.get("installHint") if error.code == NOT_STARTED else None
        raise login_failed(error.message, command[0], hint) from None
    if done.code:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.code}"]
        raise login_failed(lines[-1], command[0], detail=tuple(lines[-10:]))
    return _answer(done.stdout, command[0])


def _question(plugin: Mapping[str, Any], cluster: Mapping[str, Any]) -> Mapping[str, Any]:
    spec: dict[str, Any] = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        spec["cluster"] = cluster
    return {"apiVersion": plugin["apiVersion"], "kind": "ExecCredential", "spec": spec}


def _answer(stdout: bytes, command: str) -> dict[str, str]:
    try:
        status = json.loads(stdout)["status"]
        if status.get("token"):
            return {"token": status["token"]}
        return {
            f"client-{part}-data": base64.b64encode(status[name].encode()).decode()
            for part, name in (("certificate", "clientCertificateData"), ("key", "clientKeyData"))
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        # What it printed may hold a part of a secret.
        raise login_failed("it gives no credentials", command) from None
