"""What the stand-in for minikube is asked, and how it answers: to people, or in events."""

from __future__ import annotations

import argparse
import json
import uuid
from pathlib import Path
from typing import Any

from tests.testbed.clusters.machine import Clusters, Leave, Machine, kubeconfigs

NOT_FOUND, NOT_RUNNING = 85, 83
Words = argparse.Namespace


class Screen:
    """What is said to people, or with `--output json` the same as events."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def say(self, sign: str, words: str, kind: str = "info") -> None:
        """A line on stdout."""
        print(event(kind, message=words) if self.as_json else f"{sign}  {words}")

    def leave(self, name: str, code: int, words: str) -> Leave:
        """The end, with a reason that has a name."""
        if self.as_json:
            print(event("error", exitcode=str(code), message=words, name=name))
            return Leave(code)
        return Leave(code, f"\n❌  Exiting due to {name}: {words}\n")


def event(kind: str, **data: str) -> str:
    """A line of `--output json`."""
    return json.dumps(
        {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": "https://minikube.sigs.k8s.io/",
            "type": f"io.k8s.sigs.minikube.{kind}",
            "datacontenttype": "application/json",
            "data": data,
        }
    )


class Asked:
    """A command with all that it is about."""

    def __init__(self, machine: Machine, clusters: Clusters, words: Words, screen: Screen) -> None:
        self.machine = machine
        self.clusters = clusters
        self.words = words
        self.screen = screen
        self.name: str = words.profile

    @property
    def cluster(self) -> dict[str, Any]:
        """The one of the profile. Raises Leave where there is none."""
        if self.name not in self.clusters:
            hint = 'Run "minikube profile list" to view all profiles.'
            self.screen.say("🤷", f'Profile "{self.name}" not found. {hint}')
            raise self.advice("start", NOT_FOUND)
        return self.clusters[self.name]

    def running(self) -> dict[str, Any]:
        """The cluster, if it runs. Raises Leave."""
        if self.cluster["state"] != "Running":
            state = f"is not running: state={self.cluster['state']}"
            self.screen.say("🤷", f"The control-plane node {self.name} host {state}")
            raise self.advice("start", NOT_RUNNING)
        return self.cluster

    def advice(self, verb: str, code: int) -> Leave:
        """What to do, and the end."""
        command = f"minikube {verb}" + ("" if self.name == "minikube" else f" -p {self.name}")
        self.screen.say("👉", f'To start a cluster, run: "{command}"')
        return Leave(code)

    def nodes(self) -> list[str]:
        """Their names."""
        more = range(2, self.cluster["nodes"] + 1)
        return [self.name, *(f"{self.name}-m{number:02}" for number in more)]

    @property
    def kubeconfig(self) -> Path:
        """The file that is written to."""
        return kubeconfigs()[0]
