"""A whole deploy, against the shell script that people write for the same work."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.commands import DOGCTL, seconds
from tests.bench.table import Row
from tests.conftest import REPOSITORY
from tests.dogctl.cloud_project import BACKEND, CloudApp
from tests.dogctl.live_project import push_mysql
from tests.testbed.cluster.cluster import cluster
from tests.testbed.engine import own_engine
from tests.testbed.google.serving import PROJECT
from tests.testbed.terraform.cloud import Cloud, cloud

TITLE = (
    "dogctl deploy, over docker build, push, compose smoke, terraform apply, helm upgrade --wait"
)
ROUNDS = 3
BUCKET = "kennel-state"
SCRIPT = """
set -e
image=$DOCKER_REPO:$(git rev-parse --short HEAD)
docker build --quiet --tag $image .
docker push --quiet $image
APP_IMAGE=$image docker compose up --wait --no-build
curl --fail --silent --output /dev/null http://127.0.0.1:$FLASK_PORT/
docker compose down --volumes
terraform -chdir=tf/gke init -input=false
terraform -chdir=tf/gke apply -input=false -auto-approve -var-file=dev.tfvars
helm upgrade --install dog-gif-app $CHART --namespace $NAMESPACE --create-namespace \\
  --values $CHART/values-dev.yaml --values values/live.yaml --set image.repository=$DOCKER_REPO \\
  --set image.tag=$(git rev-parse --short HEAD) --set env.COLLECTION=dogs --wait --timeout 5m
curl --fail --silent --output /dev/null $(kubectl get service dog-gif-app \\
  --namespace $NAMESPACE --output 'jsonpath=http://{.status.loadBalancer.ingress[0].ip}/')
"""
OURS = f"{DOGCTL} deploy --env dev --yes"


def measure_deploy(folder: Path) -> Iterator[Row]:
    """The ratios of medians, in turn; a first deploy is one round, since there is only one."""
    with own_engine() as engine, cluster(engine) as here, cloud(here) as around:
        push_mysql(here)
        warm = _Clone(folder / "deploy-warm", around, "warm")
        # What both have in common: base images, the layers of the dependencies, Terraform's state.
        warm.run("docker build --quiet --tag warm .")
        clones = [_Clone(folder / f"deploy-{each}", around, each) for each in ("script", "dogctl")]
        clones[1].run(f"{DOGCTL} infra bootstrap --env dev")
        for clone in clones:
            clone.change(0)
        scripts = dict(zip(clones, (SCRIPT, OURS), strict=True))
        first = [[clone.run(scripts[clone]) for clone in clones]]
        changed, same = [], []
        for number in range(1, ROUNDS + 1):
            for clone in clones:
                clone.change(number)
            changed.append([clone.run(scripts[clone]) for clone in clones])
            same.append([clone.run(scripts[clone]) for clone in clones])
    for name, rounds, goal in (
        ("a first deploy", first, "at most 0.85"),
        ("a one-line change", changed, "at most 0.75"),
        ("nothing changed", same, "at most 0.3"),
    ):
        script, dogctl = (median(column) for column in zip(*rounds, strict=True))
        yield Row(f"{name}, the script", script, "s")
        yield Row(f"{name}, dogctl", dogctl, "s")
        yield Row(f"{name}, dogctl / script", dogctl / script, "x", goal)


class _Clone(CloudApp):
    """A clone with an environment of its own, and what the script wants to know."""

    def __init__(self, root: Path, cloud: Cloud, name: str) -> None:
        root.mkdir()
        self.called = name
        super().__init__(root, cloud)
        shutil.copytree(REPOSITORY / "charts", root / "charts")
        checks = re.compile(r"^checks = \[.*?^\]", re.DOTALL | re.MULTILINE)
        text = (root / "pyproject.toml").read_text().replace("dogs-dev", f"dogs-{name}")
        # No more checks than the script makes.
        text = checks.sub('checks = [{ path = "/" }]', text)
        self.configure(text.replace('namespace = "dev"', f'namespace = "{name}"'))
        backend = {"bucket": BUCKET, "key": f"{name}.tfstate", "use_path_style": True}
        declared = {"terraform": {"backend": {"s3": {**backend, "use_lockfile": True}}}}
        (root / "tf/gke/backend.tf.json").write_text(json.dumps(declared))
        self.commit("everything")

    def environ(self, **variables: str) -> dict[str, str]:
        told = {"name": "dog-gif-app", "environment": self.called, "project_id": PROJECT}
        told |= {"region": BACKEND["REGION"], "cluster": f"dogs-{self.called}"}
        given = {
            "CHART": "charts/dogapp",
            "COMPOSE_PROJECT_NAME": f"bench-{self.called}",
            "NAMESPACE": self.called,
            # Its logins are as if they had been made before.
            "KUBECONFIG": self.cluster.environ["KUBECONFIG"],
            **{f"TF_VAR_{each}": value for each, value in told.items()},
        }
        return {**super().environ(**variables), **given}

    def change(self, number: int) -> None:
        """One more line in the app, committed."""
        with (self.root / "webapp/probe.py").open("a") as file:
            file.write(f"# {number}\n")
        self.commit(f"change {number}")

    def run(self, script: str) -> float:
        """The seconds of a script where the engine's ports are published."""
        argv = self.docker.command("env", f"--chdir={self.root}", "sh", "-c", script)
        return seconds(tuple(argv), self.environ(), self.root)
