"""Kubeconfigs: the one context that is asked for, with all that belongs to it.

https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
"""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dogctl.clouds import kubernetes_yaml
from dogctl.errors import ConfigError
from dogctl.secrets import Secret

Kubeconfig = Mapping[str, Any]

# Keys that name files, which are relative to the file they stand in.
_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_SECRETS = ("token", "password", "client-key-data")
_FINGERPRINT = 16
NO_CONTEXT = "no-context"
BROKEN = "broken-kubeconfig"


def find(context: str, environ: Mapping[str, str]) -> Kubeconfig:
    """The context from the files of $KUBECONFIG, or the user's own, as a kubeconfig of its own.

    Raises ConfigError: there is no such context, or a file cannot be read.
    """
    known = _merged(environ)
    chosen = known["contexts"].get(context)
    if chosen is None:
        names = ", ".join(sorted(known["contexts"])) or "none"
        raise ConfigError(
            f"the kubeconfig has no context {context!r} (known: {names})",
            code=NO_CONTEXT,
            where=environ.get("KUBECONFIG") or "~/.kube/config",
            hint="set KUBECONFIG to the file that has it, or correct the setting context",
        )
    where = environ.get("KUBECONFIG") or "~/.kube/config"
    try:
        cluster, user = known["clusters"][chosen["cluster"]], known["users"][chosen["user"]]
    except KeyError as missing:
        raise _broken(f"has a context {context!r} without its {missing}", where) from None
    if not cluster.get("server"):
        raise _broken(f"has a cluster {chosen['cluster']!r} without its server", where)
    plugin = user.get("exec") or {}
    if plugin and not (plugin.get("command") and plugin.get("apiVersion")):
        raise _broken(f"has a plugin of {chosen['user']!r} without command or apiVersion", where)
    return make(context, cluster, user)


def make(name: str, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> Kubeconfig:
    """A kubeconfig of one context, and all of it called by one name."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": dict(cluster)}],
        "users": [{"name": name, "user": dict(user)}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }


def secrets(config: Kubeconfig) -> list[Secret]:
    """What in it nobody may see."""
    (entry,) = config["users"]
    user = entry["user"]
    found = [Secret(user[key]) for key in _SECRETS if user.get(key)]
    with suppress(OSError, UnicodeDecodeError):  # whoever needs the file will say so
        found += (
            [Secret(Path(user["tokenFile"]).read_text().strip())] if "tokenFile" in user else []
        )
    return found


def fingerprint(config: Kubeconfig) -> str:
    """A short hash of the authority that the cluster's certificate is of.

    Without one of its own, of the server's address.
    """
    cluster = config["clusters"][0]["cluster"]
    if path := cluster.get("certificate-authority"):
        pem = Path(path).read_text()
    elif data := cluster.get("certificate-authority-data"):
        pem = base64.b64decode(data).decode()
    else:
        return hashlib.sha256(cluster["server"].encode()).hexdigest()[:_FINGERPRINT]
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(_first(pem))).hexdigest()[:_FINGERPRINT]


def _first(pem: str) -> str:
    """The first certificate of a bundle."""
    end = "-----END CERTIFICATE-----"
    return pem[pem.index("-----BEGIN") : pem.index(end) + len(end)]


def _merged(environ: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Clusters, users and contexts by name; the first file that has one wins."""
    known: dict[str, dict[str, Any]] = {"clusters": {}, "users": {}, "contexts": {}}
    for path in _files(environ):
        document = kubernetes_yaml.read(
            path,
            "the kubeconfig",
            code=BROKEN,
            hint="correct the file, or set KUBECONFIG to another",
        )
        for kind, found in known.items():
            singular = kind.removesuffix("s")
            try:
                for each in document.get(kind) or ():
                    value = _absolute(each.get(singular) or {}, path.parent)
                    found.setdefault(each["name"], value)
            except (AttributeError, KeyError, TypeError):
                raise _broken(f"has {kind} that are none", str(path)) from None
    return known


def _broken(message: str, where: str) -> ConfigError:
    return ConfigError(
        f"the kubeconfig {message}", code=BROKEN, where=where, hint="correct the kubeconfig"
    )


def _files(environ: Mapping[str, str]) -> Iterator[Path]:
    """As kubectl has it, a file that is not there counts as empty."""
    given = [Path(name) for name in environ.get("KUBECONFIG", "").split(":") if name]
    home = [Path(environ["HOME"]) / ".kube" / "config"] if environ.get("HOME") else []
    yield from (path for path in given or home if path.is_file())


def _absolute(value: dict[str, Any], folder: Path) -> dict[str, Any]:
    """With the files, and the program that logs in, named as from anywhere."""
    files: dict[str, Any] = {k: str(folder / value[k]) for k in _FILES if value.get(k)}
    plugin = value.get("exec") or {}
    if "/" in plugin.get("command", ""):
        files["exec"] = {**plugin, "command": str(folder / plugin["command"])}
    return {**value, **files}
