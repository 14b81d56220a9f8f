"""The image of the container that holds the namespaces of each pod."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path
from typing import Any

NAME = "testbed.local/pause:1"
ARCHITECTURES = {"aarch64": "arm64", "x86_64": "amd64"}


def write(program: Path, into: Path) -> None:
    """Write the image with this program as an archive, in the form of `docker save`."""
    layer = archive({"pause": program.read_bytes()})
    config = {
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [NAME], "Layers": ["layer.tar"]}]
    files = {"layer.tar": layer, "config.json": as_json(config), "manifest.json": as_json(manifest)}
    into.write_bytes(archive(files))


def archive(files: dict[str, bytes]) -> bytes:
    """A tar archive of programs and files."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as target:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.mode = 0o755
            target.addfile(member, io.BytesIO(data))
    return content.getvalue()


def as_json(value: Any) -> bytes:
    """The bytes of a JSON file."""
    return json.dumps(value).encode()
