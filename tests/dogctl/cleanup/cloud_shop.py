"""A repository of a cloud's, and a project whose images it has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Thread
from typing import Any

from dogctl.image import Digest
from dogctl.plan import settle
from tests.dogctl.conftest import Done, Project
from tests.testbed.registries.content import MANIFEST, OCI, Uploader
from tests.testbed.registries.registry import PASSWORD, RunningRegistry
from tests.testbed.registries.stored import Stored

# Nothing runs anywhere in these tests, and most of it goes.
UNUSED = ("--allow-nothing-in-use", "--allow-most")


@dataclass
class CloudShop:
    """`environ` leads to the cloud, and logs `user` in there."""

    project: Project
    stored: Stored
    uploader: Uploader
    environ: Mapping[str, str]
    user: str
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def open(
        cls,
        project: Project,
        registry: RunningRegistry,
        stored: Stored,
        repository: str,
        environ: Mapping[str, str],
        user: str,
    ) -> CloudShop:
        """A project with that repository, which is `stored` in a registry."""
        project.configure(f'[tool.dogctl]\nname = "shop"\ndocker-repo = "{repository}"\n')
        name = stored.address.removeprefix(registry.url)
        return cls(project, stored, Uploader(registry, name), environ, user)

    def image(self, tag: str, text: str, days: float, *, subject: Digest | None = None) -> Digest:
        """An image that was pushed so long ago, and made long before."""
        config = self.uploader.blob(
            json.dumps({"created": "2020-01-01T00:00:00Z", "t": text}).encode()
        )
        described = {"mediaType": f"{OCI}.config.v1+json", **config}
        refers = {"mediaType": MANIFEST, "digest": str(subject), "size": 1}
        body = {"config": described, "layers": [], **({"subject": refers} if subject else {})}
        return self._pushed(tag, self.uploader.manifest(tag, body, MANIFEST), days)

    def index(self, tag: str, days: float, **digests: Digest) -> Digest:
        """An index of such images."""
        named = {architecture: str(digest) for architecture, digest in digests.items()}
        return self._pushed(tag, self.uploader.index(tag, named), days)

    def has(self, digest: Digest) -> bool:
        """Whether a manifest is there."""
        return str(digest) in self.stored.manifests()

    def cleanup(self, *words: str) -> Done:
        """Run it."""
        return self.project.dogctl("cleanup", "images", *words, **self.variables)

    def start(self, *words: str) -> Future[Done]:
        """Run it in a thread, whose end is its own limit."""
        found: Future[Done] = Future()
        work = partial(settle, found, partial(self.cleanup, *words))
        Thread(target=work, daemon=True).start()
        return found

    @property
    def variables(self) -> dict[str, str]:
        """What the command needs besides its words."""
        return {**self.environ, "DOCKER_USERNAME": self.user, "DOCKER_PASSWORD": PASSWORD}

    def _pushed(self, tag: str, digest: str, days: float) -> Digest:
        moment = self.now - timedelta(days=days)
        self.stored.pushed[digest] = moment
        if tag:
            self.stored.pushed[tag] = moment
        return Digest.parse(digest)


def decisions(done: Done) -> dict[str, Any]:
    """Why each image stays, by its tags; None for what goes."""
    assert done.code == 0, done.err
    items = done.json["data"]["items"]
    named = ((",".join(each["tags"]) or each["digest"], each) for each in items)
    return {name: each["reason"] if each["keep"] else None for name, each in named}
