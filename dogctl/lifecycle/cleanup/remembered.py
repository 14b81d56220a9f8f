"""Manifests that were read once: at Docker Hub each time counts as a pull, and pulls are limited.

A digest names one content for ever, so what is remembered is right, and no proof that it is still
there. All of it may be lost at any time.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection
from pathlib import Path

from dogctl.image import Digest
from dogctl.registries.oci import hashed


class Remembered:
    """Contents by their digests, in a folder of their own. Any thread may use it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, digest: Digest) -> bytes | None:
        """The content of a digest; None if it is not remembered as it was."""
        try:
            content = (self._folder / digest.hex).read_bytes()
        except OSError:
            return None
        return content if hashed(content, digest.algorithm) == digest else None

    def put(self, digest: Digest, content: bytes) -> None:
        """Remember it, unless the disk will not."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            new = self._folder / f".{digest.hex}.{threading.get_ident()}"
            new.write_bytes(content)
            new.replace(self._folder / digest.hex)

    def keep(self, digests: Collection[Digest]) -> None:
        """Forget all others."""
        names = {each.hex for each in digests}
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                if path.name not in names:
                    path.unlink()
