"""The real Helm as a program: its arguments, and the cluster that it is for.

Values are in files that nobody else may read; none is in a command line.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.testbed.terraform.stand_in.driver import Refused, State

UNREACHABLE = (
    "Kubernetes cluster unreachable: invalid configuration: no configuration has been provided,"
    " try setting KUBERNETES_MASTER environment variable"
)
SWITCHES = (
    "atomic",
    "cleanup_on_fail",
    "create_namespace",
    "dependency_update",
    "devel",
    "disable_openapi_validation",
    "pass_credentials",
    "render_subchart_notes",
    "reset_values",
    "reuse_values",
    "skip_crds",
    "take_ownership",
    "verify",
    "wait",
    "wait_for_jobs",
)
# Of `helm upgrade` alone.
UPGRADES = {"cleanup_on_fail", "reset_values", "reuse_values"}
TEXTS = ("description", "keyring", "repository_ca_file", "repository_username", "version")
NAMES = {
    "repository_ca_file": "ca-file",
    "repository_username": "username",
}
HIDDEN = "(sensitive value)"
# As google_client_config has it, or another token.
KUBECONFIG: Mapping[str, Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "terraform",
}


def flags(planned: State, *, upgrades: bool) -> list[str]:
    """What `helm install` and `helm upgrade` are told of a release, but for its values."""
    said = [f"--namespace={planned['namespace']}", f"--timeout={int(planned['timeout'])}s"]
    said += [
        f"--{dashed(name)}"
        for name in SWITCHES
        if planned.get(name) and (upgrades or name not in UPGRADES)
    ]
    said += [f"--{dashed(name)}={planned[name]}" for name in TEXTS if planned.get(name)]
    if planned.get("repository"):
        said.append(f"--repo={planned['repository']}")
    if planned.get("max_history") and upgrades:
        said.append(f"--history-max={int(planned['max_history'])}")
    if planned.get("disable_webhooks"):
        said.append("--no-hooks")
    return said


def dashed(name: str) -> str:
    """A flag for an attribute."""
    return NAMES.get(name, name.replace("_", "-"))


@contextmanager
def cluster(config: Mapping[str, Any] | None) -> Iterator[Mapping[str, str]]:
    """Variables that lead Helm to the cluster of the provider's block. Raises Refused.

    As the real provider, it knows no KUBECONFIG: KUBE_CONFIG_PATH and KUBE_CTX are its own.
    """
    said = {name: value for name, value in (config or {}).items() if value not in (None, "")}
    paths = said.get("config_paths") or [
        said.get("config_path") or os.environ.get("KUBE_CONFIG_PATH")
    ]
    context = said.get("config_context") or os.environ.get("KUBE_CTX")
    with tempfile.TemporaryDirectory(prefix="helm-") as folder:
        if host := said.get("host"):
            paths = [write(Path(folder) / "kubeconfig", json.dumps(kubeconfig(host, said)))]
        if not any(paths):
            raise Refused("Kubernetes cluster unreachable", UNREACHABLE)
        kube = ":".join(str(Path(path).expanduser()) for path in paths if path)
        environ = {**os.environ, "KUBECONFIG": kube}
        yield environ | ({"HELM_KUBECONTEXT": context} if context else {})


def kubeconfig(host: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """A cluster by its address, with a token or a certificate."""
    server = {"server": host if "://" in host else f"https://{host}"}
    files = {
        "client_certificate": "client-certificate-data",
        "client_key": "client-key-data",
        "cluster_ca_certificate": "certificate-authority-data",
    }
    data = {key: packed(said[name]) for name, key in files.items() if name in said}
    authority = {"certificate-authority-data": data.pop("certificate-authority-data", None)}
    if said.get("insecure"):
        authority = {"insecure-skip-tls-verify": True}
    user = data | ({"token": said["token"]} if "token" in said else {})
    return {
        **KUBECONFIG,
        "clusters": [{"name": "terraform", "cluster": {**server, **authority}}],
        "users": [{"name": "terraform", "user": user}],
        "contexts": [
            {"name": "terraform", "context": {"cluster": "terraform", "user": "terraform"}}
        ],
    }


def packed(text: str) -> str:
    """As kubeconfig files have certificates."""
    return base64.b64encode(text.encode()).decode()


@contextmanager
def values(*documents: str) -> Iterator[list[Path]]:
    """Files with these documents, for nobody else."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="helm-")))
        yield [
            write(folder / f"values-{number}.yaml", document)
            for number, document in enumerate(documents)
        ]


def write(path: Path, text: str) -> Path:
    """A file for nobody else."""
    path.touch(0o600)
    path.write_text(text)
    return path


def helm(environ: Mapping[str, str], words: str, *arguments: str) -> str:
    """The output of Helm. Raises Refused with these words and what it complained of."""
    try:
        done = subprocess.run(
            ["helm", *arguments],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as missing:
        raise Refused(words, "this stand-in runs Helm, and there is none on the PATH") from missing
    if done.returncode:
        complaint = done.stderr.strip().rpartition("Error: ")[2]
        raise Refused(words, complaint)
    return done.stdout


def release(environ: Mapping[str, str], name: str, namespace: str) -> dict[str, Any] | None:
    """A release with its chart and its values, or None if there is none. Raises Refused."""
    try:
        where = (f"--namespace={namespace}", "--output=json", "--", name)
        status = json.loads(helm(environ, "Error reading release", "status", *where))
        metadata = json.loads(helm(environ, "Error reading release", "get", "metadata", *where))
    except Refused as refused:
        if "release: not found" in refused.detail:
            return None
        raise
    chart = {
        "name": metadata["chart"],
        "version": metadata["version"],
        "appVersion": metadata.get("appVersion", ""),
    }
    return {**status, "chart": {"metadata": chart}}


def shown(config: Any, hidden: set[str]) -> str:
    """The values as JSON, without those of these names."""

    def clean(value: Any, place: str) -> Any:
        if place in hidden:
            return HIDDEN
        if isinstance(value, Mapping):
            return {
                name: clean(each, f"{place}.{name}" if place else name)
                for name, each in value.items()
            }
        return value

    return json.dumps(clean(config, ""), sort_keys=True)


def seconds(time: str) -> int:
    """A time of Helm's in seconds since 1970."""
    return int(datetime.fromisoformat(whole_seconds(time)).timestamp())


def whole_seconds(time: str) -> str:
    """Without the nanoseconds, which Python 3.11 does not read."""
    whole, dot, rest = time.partition(".")
    zone = rest.lstrip("0123456789")
    return whole + zone if dot else time
