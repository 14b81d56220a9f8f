"""Projects for a cloud that is empty at first: all that they run on, `dogctl deploy` makes."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.dogctl.deploy_project import DeployProject
from tests.dogctl.live_project import LiveProject
from tests.testbed.google.serving import PROJECT
from tests.testbed.terraform.cloud import Cloud

OWN = """
values = ["values/live.yaml"]
release-timeout = 300
cluster = "dogs-{name}"
namespace = "{name}"
"""
ELSEWHERE = 'target = "context"\ncontext = "{context}"'
AT_GOOGLE = 'target = "gke"\ninfra = "tf/gke"\ncluster = "{name}"'
BACKEND = {
    "AWS_REGION": "eu-west-1",
    "PROJECT_ID": PROJECT,
    "REGION": "europe-west1",
    "TERRAFORM_STATE": "s3://kennel-state/dogs",
}


class CloudApp(LiveProject):
    """The Dog GIF app as its repository has it."""

    patience = 600.0

    def __init__(self, root: Path, cloud: Cloud) -> None:
        self.cloud = cloud
        super().__init__(root, cloud.cluster)
        shutil.copytree(REPOSITORY / "tf", root / "tf")
        for name in ("compose.yaml", "prometheus.yml"):
            shutil.copy(REPOSITORY / name, root)
        text = (root / "pyproject.toml").read_text()
        for name in ("dev", "prod"):
            head = f"[tool.dogctl.env.{name}]"
            text = text.replace(head, f"{head}{OWN.format(name=name)}")
        self.configure(text)
        self.values(service={"type": "LoadBalancer"})
        self.commit("infrastructure")

    def environ(self, **variables: str) -> dict[str, str]:
        return super().environ(**{**self.cloud.environ, **BACKEND, **variables})


class CloudProject(DeployProject):
    """A tiny app."""

    patience = 300.0

    def __init__(self, root: Path, cloud: Cloud, name: str, more: str = "") -> None:
        self.cloud = cloud
        super().__init__(root, cloud.cluster, name, more)
        text = (root / "pyproject.toml").read_text()
        context = text.partition('context = "')[2].partition('"')[0]
        self.configure(text.replace(ELSEWHERE.format(context=context), AT_GOOGLE.format(name=name)))
        shutil.copytree(REPOSITORY / "tf", root / "tf")
        self.commit("infrastructure")

    def environ(self, **variables: str) -> dict[str, str]:
        return super().environ(**{**self.cloud.environ, **BACKEND, **variables})

    def killed_after(self, known: set[str], *words: str) -> str | None:
        """Kill dogctl as soon as it has done a step that is not known yet: which one.

        None if there is no such step, and dogctl has come to its end.
        """
        with self.start(*words, "--events") as (outer, process):
            assert outer.stderr is not None
            for line in outer.stderr:
                if (step := _done(json.loads(line))) and step not in known:
                    process.send_signal(signal.SIGKILL)
                    return step
                said = line
            assert outer.wait() == 0, said
        return None


def _done(event: Mapping[str, object]) -> str | None:
    if event["event"] == "step-finished" and event["status"] == "done":
        return str(event["step"])
    return None
