"""The Minikube root as somebody uses it by hand, with the real Helm on the real cluster."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.dogctl import released
from tests.eventually import eventually
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.engine import own_engine
from tests.testbed.terraform.plugins import Parts, parts, terraform_plugins
from tests.tf.terraform import Copy, copy

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

PAGE = "http://127.0.0.1:30500/"
IN = "--namespace=mytomorrow"
NO_CHANGES = "No changes. Your infrastructure matches the configuration."


@pytest.fixture(scope="module")
def made() -> Parts:
    return parts()


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found:
        yield found


@pytest.fixture
def minikube(running: Cluster, made: Parts, tmp_path: Path) -> Iterator[Copy]:
    (tmp_path / "image").mkdir()
    repository, _, digest = released.image(running, tmp_path / "image").partition("@")
    given = {
        **running.environ,
        "TF_VAR_kubeconfig": str(running.kubeconfig),
        "TF_VAR_context": released.context(running),
        "TF_VAR_image_repository": repository,
        "TF_VAR_image_digest": digest,
    }
    with terraform_plugins(made=made) as plugins, running.network():
        path = f"{plugins.environ['PATH']}:{running.environ['PATH']}"
        yield copy("minikube", tmp_path, {**given, **plugins.environ, "PATH": path})


def answers() -> bool:
    """Whether the page does; the packet filter learns of new pods within moments."""
    try:
        return requests.get(PAGE, timeout=5).ok
    except requests.ConnectionError:
        return False


def secret(running: Cluster) -> dict[str, str]:
    """What the app has for secrets."""
    found = json.loads(running.kubectl("get", "secret", "dev-flask-app", IN, "--output=json"))
    return {name: base64.b64decode(value).decode() for name, value in found["data"].items()}


def test_from_a_plain_apply_to_a_page_and_back(running: Cluster, minikube: Copy) -> None:
    said = minikube.do("apply", "-no-color", "-auto-approve", stdin="dev\n")
    assert "Where to deploy: dev or prod." in said
    assert 'release = "dev-flask-app"' in said
    eventually(answers)
    before = secret(running)
    assert {name: len(value) for name, value in before.items()} == {
        "DB_SECRET": 48,
        "SECRET_KEYS": 48,
    }
    assert not any(value in said for value in before.values())
    assert NO_CHANGES in minikube.do("plan", "-no-color", stdin="dev\n")
    rotated = ("-no-color", "-auto-approve", "-var=environment=dev", "-var=secrets_rotation=again")
    minikube.do("apply", *rotated)
    after = secret(running)
    assert all(after[name] != before[name] for name in before)
    eventually(answers)
    minikube.do("destroy", "-no-color", "-auto-approve", "-var=environment=dev")
    assert running.run("helm", "list", IN, "--all", "--short") == ""
