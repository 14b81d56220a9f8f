"""Cloud Storage as fake-gcs-server has it, a program of others: conditions on writes are kept.

It knows nobody, and so it asks for no login, and it takes no notice of conditions on reads.
https://github.com/fsouza/fake-gcs-server
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from tests.testbed.cluster.builds import Build
from tests.testbed.namespaces import WITH_PARENT, killed
from tests.testbed.ports import free_port

MODULE = "github.com/fsouza/fake-gcs-server"
BUILD = Build("fake-gcs-server", "fakegcs", MODULE, MODULE)
START_SECONDS = 60
ASK_SECONDS = 10


@dataclass(frozen=True)
class FakeGcs:
    """A server with nothing in it; `environ` leads gcloud's users to it, and dogctl."""

    url: str

    @property
    def environ(self) -> Mapping[str, str]:
        return {"CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": f"{self.url}/"}

    def create(self, bucket: str) -> None:
        """Make a bucket. Raises requests.HTTPError."""
        self._ask("POST", "b", json={"name": bucket})

    def content(self, bucket: str) -> dict[str, bytes]:
        """The objects of a bucket by name. Raises requests.HTTPError."""
        objects = f"b/{bucket}/o"
        listed = self._ask("GET", objects).json().get("items", ())
        names = [each["name"] for each in listed]
        return {
            name: self._ask("GET", f"{objects}/{quote(name, safe='')}?alt=media").content
            for name in names
        }

    def _ask(self, verb: str, path: str, **more: Any) -> requests.Response:
        url = f"{self.url}/storage/v1/{path}"
        answer = requests.request(verb, url, timeout=ASK_SECONDS, **more)
        answer.raise_for_status()
        return answer


@contextmanager
def fake_gcs(program: Path) -> Iterator[FakeGcs]:
    """Run the program of BUILD, with its objects in memory, until the end."""
    port = free_port()
    words = ["-backend=memory", "-scheme=http", "-host=127.0.0.1", f"-port={port}"]
    found = FakeGcs(f"http://127.0.0.1:{port}")
    with tempfile.TemporaryDirectory(prefix="dogctl-fake-gcs-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*WITH_PARENT, str(program), *words],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={},
            )
        with killed(process):
            wait(process, f"{found.url}/_internal/healthcheck", log)
            yield found


def wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return as soon as it answers. Raises RuntimeError with what it complained of."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(url, timeout=ASK_SECONDS).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.02)
    raise RuntimeError(f"fake-gcs-server did not start:\n{log.read_text()[-2000:]}")
