"""Debian's docker-registry as a plain process: open, with passwords or with tokens, with TLS."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import bcrypt
import requests
import trustme

from dogctl.tools.processes import free_port
from tests.testbed.namespaces import WITH_PARENT
from tests.testbed.programs import programs
from tests.testbed.registries.serving import Network

START_SECONDS = 60
USERNAME = "dog"
# No output, log, file or process list may ever show it.
PASSWORD = "canary/pass word%41+ü"


@dataclass(frozen=True)
class RunningRegistry:
    """A registry that answers.

    `host` is its host:port, `ca` the file with the authority that signed its certificate, if it
    has TLS. `log` is where it writes what it does.
    """

    host: str
    folder: Path
    ca: Path | None = None

    @property
    def url(self) -> str:
        """Where its API begins."""
        return f"{'https' if self.ca else 'http'}://{self.host}/v2/"

    @property
    def verify(self) -> str | bool:
        """What `requests` is to trust."""
        return str(self.ca) if self.ca else True

    @property
    def log(self) -> Path:
        """What it says."""
        return self.folder / "registry.log"


@cache
def binary() -> Path:
    """The program. Raises MissingPackages.

    To be asked for once outside of a test's sandbox, which has another home and an empty cache.
    """
    return programs().folder / "usr/bin/docker-registry"


@contextmanager
def registry(
    *,
    password: str | None = None,
    token: Mapping[str, str] | None = None,
    tls: bool = False,
    network: Network = nullcontext,
) -> Iterator[RunningRegistry]:
    """An empty registry, gone at the end. Raises MissingPackages.

    `password` is what USERNAME needs to log in; `token` are the settings of a token server, which
    it then trusts instead; without both, everybody may do everything.
    """
    command = [str(binary()), "serve"]
    with tempfile.TemporaryDirectory(prefix="dogctl-registry-") as name:
        folder = Path(name)
        with network():
            host = f"127.0.0.1:{free_port()}"
        found = RunningRegistry(host, folder, certificate(folder) if tls else None)
        settings = folder / "settings.json"
        settings.write_text(json.dumps(configuration(found, password, token)))
        with running([*command, str(settings)], found, network):
            yield found


def configuration(
    found: RunningRegistry, password: str | None, token: Mapping[str, str] | None
) -> dict[str, Any]:
    """Its settings; YAML is a superset of JSON."""
    http: dict[str, Any] = {"addr": found.host}
    if found.ca:
        files = {"certificate": "server.pem", "key": "server.key"}
        http["tls"] = {name: str(found.folder / file) for name, file in files.items()}
    auth: dict[str, Any] = {}
    if password is not None:
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds=4)).decode()
        (found.folder / "htpasswd").write_text(f"{USERNAME}:{hashed}\n")
        auth = {"htpasswd": {"realm": "tests", "path": str(found.folder / "htpasswd")}}
    elif token is not None:
        auth = {"token": dict(token)}
    return {
        "version": "0.1",
        "log": {"level": "info"},
        "storage": {
            "filesystem": {"rootdirectory": str(found.folder / "data")},
            "delete": {"enabled": True},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": http,
        **({"auth": auth} if auth else {}),
    }


def certificate(folder: Path) -> Path:
    """Make an authority that nobody trusts, and a certificate for loopback signed by it."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    issued.private_key_pem.write_to_path(folder / "server.key")
    for pem in issued.cert_chain_pems:
        pem.write_to_path(folder / "server.pem", append=True)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return folder / "ca.pem"


@contextmanager
def running(command: list[str], found: RunningRegistry, network: Network) -> Iterator[None]:
    """Run it until the end; it dies with us, however we do."""
    with found.log.open("wb") as log, network():
        process = subprocess.Popen(
            [*WITH_PARENT, *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={"OTEL_TRACES_EXPORTER": "none"},
        )
    with process:
        try:
            deadline = time.monotonic() + START_SECONDS
            while not answers(found, network):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"no registry:\n{found.log.read_text()[-2000:]}")
                time.sleep(0.02)
            yield
        finally:
            process.kill()


def answers(found: RunningRegistry, network: Network) -> bool:
    """Whether it takes requests, if only to ask for a login."""
    try:
        with network():
            status = requests.get(found.url, verify=found.verify, timeout=5).status_code
    except requests.ConnectionError:
        return False
    return status in (200, 401)
