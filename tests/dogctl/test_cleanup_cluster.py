"""`dogctl cleanup` of a real registry whose images a real cluster runs, next to one by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.dogctl.engine_project import EngineProject
from tests.dogctl.release_project import VALUES, ReleaseProject, build, context
from tests.eventually import eventually
from tests.testbed.cluster import node
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.engine import own_engine
from tests.testbed.registries.content import LIST, OCI, SCHEMA2, Uploader
from tests.testbed.registries.registry import RunningRegistry

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
NAME = "shop"
SETTINGS = """
[tool.dogctl]
name = "shop"
health = "/ready"
release-timeout = 90
values = ["values.yaml"]
docker-repo = "REGISTRY/team/tiny"

[tool.dogctl.env.dev]
target = "context"
context = "CONTEXT"
namespace = "shop-dev"

[tool.dogctl.env.qa]
target = "context"
context = "CONTEXT"
namespace = "shop-qa"
"""


@pytest.fixture(scope="module")
def here() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found:
        yield found


class Shop(ReleaseProject):
    """A project with two environments, and images of any age in its repository."""

    def __init__(self, root: Path, cluster: Cluster) -> None:
        EngineProject.__init__(self, root, cluster.engine)
        self.cluster = cluster
        self.name = NAME
        registry = str(cluster.engine.registry)
        settings = SETTINGS.replace("REGISTRY", registry).replace("CONTEXT", context(cluster))
        self.configure(settings)
        self.values({**VALUES, "replicas": 1})
        self.began = datetime.now(UTC)
        self.uploader = Uploader(RunningRegistry(registry, root), "team/tiny")
        built = build(cluster, root, "ok-1")
        self.base = self._get(f"manifests/{built.digest}")
        self.config = self._get(f"blobs/{self.base['config']['digest']}")
        self._ask("DELETE", f"manifests/{built.digest}")

    def image(self, tag: str, text: str, days: float) -> str:
        """The app once more, which answers with `text`; its digest."""
        inside = {**self.config["config"], "Env": [*self._environ(), f"BEHAVIOUR={text}"]}
        blob = self._blob({**self.config, "config": inside}, days)
        body = {**self.base, "config": {**self.base["config"], **blob}}
        return self._manifest(tag, body)

    def signature(self, tag: str, of: str, days: float) -> str:
        """What says something about an image, and names it."""
        config = {"mediaType": f"{OCI}.config.v1+json", **self._blob({"of": of}, days)}
        return self._manifest(tag, {"config": config, "layers": []})

    def index(self, tag: str, digests: Sequence[str]) -> str:
        """An index; the first is for this machine."""
        platforms = ("amd64", "arm64", "s390x")
        with self.cluster.network():
            return self.uploader.index(tag, dict(zip(platforms, digests, strict=False)), LIST)

    def tags(self) -> set[str]:
        """All tags, as the registry lists them."""
        return set(self._get("tags/list")["tags"])

    def there(self, digests: dict[str, str]) -> set[str]:
        """The names of those that the registry has."""
        return {
            name
            for name, digest in digests.items()
            if self._ask("HEAD", f"manifests/{digest}").status_code == 200
        }

    def release(self, env: str, tag: str) -> None:
        done = self.dogctl("release", "--env", env, "--image", f":{tag}", "--yes")
        assert done.code == 0, done.err
        assert self.page(env) == tag
        # The old pod is in use too for as long as it is there.
        eventually(lambda: self.pods(env) == 1)

    def cleanup(self, *words: str) -> Any:
        """What a cleanup that has to succeed says of the images."""
        done = self.dogctl("cleanup", *words, "--json")
        assert done.code == 0, done.err
        return done.json["data"]["images"]

    def pods(self, env: str) -> int:
        words = ("get", "pods", f"--namespace={NAME}-{env}", "--output=name")
        return len(self.cluster.kubectl(*words).split())

    def page(self, env: str) -> str:
        service = f"/api/v1/namespaces/{NAME}-{env}/services/{NAME}:http/proxy/"
        return self.cluster.kubectl("get", "--raw", service)

    def pulls(self, env: str) -> str:
        """What the node says about where it has images from, the last at the end."""
        words = ("--field-selector=reason=Pulled", "--sort-by=.lastTimestamp")
        said = "--output=jsonpath={.items[*].message}"
        return self.cluster.kubectl("get", "events", f"--namespace={NAME}-{env}", *words, said)

    def _environ(self) -> list[str]:
        given: list[str] = self.config["config"]["Env"]
        return [each for each in given if not each.startswith("BEHAVIOUR=")]

    def _blob(self, content: dict[str, Any], days: float) -> dict[str, Any]:
        created = (self.began - timedelta(days=days)).isoformat()
        with self.cluster.network():
            return self.uploader.blob(json.dumps({**content, "created": created}).encode())

    def _manifest(self, tag: str, body: dict[str, Any]) -> str:
        with self.cluster.network():
            return self.uploader.manifest(tag, body, SCHEMA2)

    def _ask(self, method: str, path: str) -> Any:
        with self.cluster.network():
            return self.uploader.session.request(method, f"{self.uploader.base}/{path}")

    def _get(self, path: str) -> Any:
        return self._ask("GET", path).json()


def collect_garbage(here: Cluster) -> None:
    """Have the registry free what no manifest names any more."""
    assert here.engine.run
    settings = here.engine.run.folder / "registry.yml"
    here.run("docker-registry", "garbage-collect", str(settings))


def dashed(digest: str) -> str:
    """How a tag names the digest that it is about."""
    return digest.replace(":", "-")


def fill(shop: Shop) -> dict[str, str]:
    """What is in the repository, each under a name; see EXPECTED for what is to become of it."""
    made = {tag: shop.image(tag, tag, days) for tag, days in AGES.items()}
    shop.image("nightly", "1.3.0", AGES["1.3.0"])  # the same digest under another name

    made["arm of 1.4.0"] = shop.image("", "arm", 60)
    made["amd of 1.4.0"] = shop.image("", "1.4.0", 60)
    made["1.4.0"] = shop.index("1.4.0", [made["amd of 1.4.0"], made["arm of 1.4.0"]])
    made["shared"] = shop.image("", "shared", 35)
    made["only in 1.7.0"] = shop.image("", "alone", 35)
    made["1.7.0"] = shop.index("1.7.0", [made["shared"], made["only in 1.7.0"]])
    made["only in 1.8.0"] = shop.image("", "with", 20)
    made["1.8.0"] = shop.index("1.8.0", [made["shared"], made["only in 1.8.0"]])

    for tag in ("1.5.0", "1.6.0"):
        of = made[tag]
        made[f"signature of {tag}"] = shop.signature(f"{dashed(of)}.sig", of, AGES[tag])
    of = made["1.5.0"]
    made["statement about 1.5.0"] = shop.signature("", of, 49)
    made["referrers of 1.5.0"] = shop.index(dashed(of), [made["statement about 1.5.0"]])
    return made


AGES = {  # in days
    "1.1.0": 90,
    "1.2.0": 80,
    "1.3.0": 70,
    "1.5.0": 50,
    "1.6.0": 40,
    "1.9.0": 10,
    "dev-1": 0.1,
}
# By hand. The newest three with a tag are dev-1, 1.9.0 and 1.8.0. Released were, in dev, 1.1.0,
# 1.2.0 and 1.6.0, and in qa 1.4.0 and 1.6.0.
KEPT = {
    "dev-1": "younger than 24 h",
    "1.9.0": "one of the newest 3",
    "1.8.0": "one of the newest 3",
    "only in 1.8.0": "part of 1.8.0",
    "shared": "part of 1.8.0",
    "1.6.0": "in use: ",
    "signature of 1.6.0": "belongs to ",
    "1.4.0": "in use: ",
    "amd of 1.4.0": "part of 1.4.0",
    "arm of 1.4.0": "part of 1.4.0",
    "1.2.0": "in use: ",
    "1.1.0": "in use: ",
}
GOING = {
    "1.3.0": "beyond the newest 3",
    "1.5.0": "beyond the newest 3",
    "1.7.0": "beyond the newest 3",
    "only in 1.7.0": "has no tag, and is part of nothing that stays",
    "signature of 1.5.0": "belongs to nothing that stays",
    "referrers of 1.5.0": "belongs to nothing that stays",
    "statement about 1.5.0": "has no tag, and is part of nothing that stays",
}


def test_what_a_calculation_by_hand_says_goes_and_an_old_revision_starts(
    here: Cluster, tmp_path: Path
) -> None:
    shop = Shop(tmp_path, here)
    made = fill(shop)
    names = {digest: name for name, digest in made.items()}
    for env, tags in (("dev", ("1.1.0", "1.2.0", "1.6.0")), ("qa", ("1.4.0", "1.6.0"))):
        for tag in tags:
            shop.release(env, tag)

    shown = shop.cleanup("--keep", "3", "--dry-run")
    found = {names[each["digest"]]: (each["keep"], each["reason"]) for each in shown["items"]}
    assert len(shown["items"]) == len(made)
    assert {name for name, (keep, _) in found.items() if not keep} == set(GOING)
    for name, reason in {**KEPT, **GOING}.items():
        assert found[name][1].startswith(reason), name
    assert shop.there(made) == set(made)

    done = shop.cleanup("--keep", "3", "--yes")
    assert {names[digest] for digest in done["deleted"]} == set(GOING)
    assert shop.there(made) == set(KEPT)
    assert shop.tags() == {
        *("1.1.0", "1.2.0", "1.4.0", "1.6.0", "1.8.0", "1.9.0", "dev-1"),
        f"{dashed(made['1.6.0'])}.sig",
    }

    collect_garbage(here)
    node.forget(here.parts, here.node)
    for env, revision, tag in (("dev", "1", "1.1.0"), ("qa", "1", "1.4.0")):
        before = shop.pulls(env).count("Successfully pulled")
        back = shop.dogctl("rollback", revision, "--env", env, "--yes")
        assert back.code == 0, back.err
        assert shop.page(env) == tag
        assert shop.pulls(env).count("Successfully pulled") == before + 1

    again = shop.cleanup("--keep", "3", "--yes")
    assert again["deleted"] == []
    assert shop.there(made) == set(KEPT)

    # As the workflow calls it: one that is over a month old, and one beyond the newest three.
    shop.image("1.0.0", "1.0.0", 45)
    shop.image("1.8.1", "1.8.1", 25)
    before = shop.tags()
    shop.cleanup("--policy", "older-than-a-month", "--yes")
    assert before - shop.tags() == {"1.0.0"}
    shop.cleanup("--policy", "keep-latest", "--keep", "3", "--yes")
    assert before - shop.tags() == {"1.0.0", "1.8.1"}
    assert shop.there(made) == set(KEPT)
