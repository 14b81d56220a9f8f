"""minikube: a cluster on this machine.

https://minikube.sigs.k8s.io/docs/commands/
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from dogctl.errors import Cancelled, ToolError
from dogctl.image import ImageRef
from dogctl.tools.runner import LOCAL, NOT_STARTED, Completed, Listener, Runner

MINIKUBE = "minikube"
FAILED = "minikube-failed"
INSTALL = "install minikube: https://minikube.sigs.k8s.io/docs/start/"
LOOK_SECONDS = 30
LOAD_SECONDS = 600
START_SECONDS = 1200
# https://minikube.sigs.k8s.io/docs/contrib/errorcodes/
NO_PROFILE = 85
# The bits of `minikube status` that say what does not run; any other code is an error of its own.
NOT_RUNNING = range(1, 8)
# https://minikube.sigs.k8s.io/docs/contrib/json_output/
EVENT = "io.k8s.sigs.minikube."
RUNNING, PAUSED, STALE = "running", "paused", "stale kubeconfig"
# What is mended without a start.
REPAIRS = {PAUSED: "unpause", STALE: "update-context"}
# Where node ports cannot be reached, `service` opens a tunnel and stays.
TUNNEL = "terminal needs to be open"


@dataclass(frozen=True)
class Minikube:
    """The cluster of one profile. Every method raises ToolError."""

    profile: str
    runner: Runner = field(default=LOCAL, repr=False)
    environ: Mapping[str, str] | None = field(default=None, repr=False)

    def nodes(self) -> tuple[str, ...] | None:
        """What each node does: `running`, or else, as minikube has it; None without a cluster."""
        done = self._run("status", "--output=json")
        if done.code == NO_PROFILE:
            return None
        if done.code and done.code not in NOT_RUNNING:
            raise self._failure(done)
        return read_status(done.stdout)

    def start(
        self, nodes: int | None, listen: Listener | None = None, stop: threading.Event | None = None
    ) -> None:
        """Start the cluster, or make it with so many nodes, with metrics for the autoscaler."""

        def hear(line: str) -> None:
            for event in read_events(line):
                if listen and event["type"] == f"{EVENT}step":
                    listen(event["data"]["message"].strip())

        states = self.nodes() or ()
        for state, repair in REPAIRS.items():
            if state in states:
                self._check(self._run(repair, timeout=LOAD_SECONDS, stop=stop))
                states = self.nodes() or ()
        if states and set(states) == {RUNNING}:
            return
        count = [f"--nodes={nodes}"] if nodes and not states else []
        words = ("start", "--output=json", "--addons=metrics-server", *count)
        self._check(self._run(*words, timeout=START_SECONDS, listen=hear, stop=stop))

    def holds(self, image: ImageRef) -> bool:
        """Whether the cluster has an image of this name."""
        done = self._check(self._run("image", "ls"))
        return image in read_images(done.stdout)

    def load(
        self, image: ImageRef, listen: Listener | None = None, stop: threading.Event | None = None
    ) -> None:
        """Bring an image of the local engine into the cluster.

        minikube is silent where that fails: https://github.com/kubernetes/minikube/issues/16032
        """
        words = ("image", "load", str(image), "--daemon")
        done = self._check(self._run(*words, timeout=LOAD_SECONDS, listen=listen, stop=stop))
        if not self.holds(image):
            raise self._failure(done, f"minikube did not load {image}")

    def url(self, namespace: str, service: str) -> str | None:
        """Where a service answers; None if only a tunnel leads to it."""
        stop = threading.Event()

        def hear(line: str) -> None:
            if TUNNEL in line:
                stop.set()

        words = ("service", service, f"--namespace={namespace}", "--url")
        try:
            done = self._run(*words, listen=hear, stop=stop)
        except Cancelled:
            return None
        lines = done.stdout.decode(errors="replace").splitlines()
        return next((line for line in lines if line.startswith("http")), None)

    def _run(
        self,
        *words: str,
        timeout: float = LOOK_SECONDS,
        listen: Listener | None = None,
        stop: threading.Event | None = None,
    ) -> Completed:
        argv = [MINIKUBE, *words, f"--profile={self.profile}"]
        try:
            return self.runner.run(
                argv, env=self.environ, timeout=timeout, listen=listen, stop=stop
            )
        except ToolError as error:
            if error.code == NOT_STARTED:
                error.hint = INSTALL
            raise

    def _check(self, done: Completed) -> Completed:
        if done.code:
            raise self._failure(done)
        return done

    def _failure(self, done: Completed, message: str | None = None) -> ToolError:
        said = [done.stdout.decode(errors="replace"), done.stderr]
        lines = [line for text in said for line in text.splitlines()]
        errors = [
            event["data"]
            for line in lines
            for event in read_events(line)
            if event["type"] == f"{EVENT}error"
        ]
        plain = [line.strip() for line in lines if line.strip() and not line.startswith("{")]
        told = [error["message"].strip() for error in errors] or plain[:1]
        return ToolError(
            message or f"minikube: {told[-1] if told else f'exit code {done.code}'}",
            code=FAILED,
            where=f"minikube profile {self.profile}",
            hint=next((e["advice"].strip() for e in errors if e.get("advice")), None)
            or f"minikube logs --profile={self.profile} tells more",
            detail=tuple(plain[-10:]),
        )


def read_status(text: bytes) -> tuple[str, ...] | None:
    """What `minikube status --output=json` says of each node; one alone is no list."""
    said: Any = _json(text)
    nodes = [said] if isinstance(said, dict) and "Host" in said else said
    if not isinstance(nodes, list):
        raise ToolError(
            "minikube says nothing of its nodes", code=FAILED, where="minikube status", hint=INSTALL
        )
    states = tuple(map(_node, nodes))
    return None if "nonexistent" in states else states


def _node(node: Mapping[str, str]) -> str:
    parts = [node["Host"], node["Kubelet"], *([] if node.get("Worker") else [node["APIServer"]])]
    # The kubelet of a paused node is stopped, which is no news.
    if "Paused" in parts:
        return PAUSED
    if others := [part for part in parts if part != "Running"]:
        return others[0].lower()
    return STALE if node.get("Kubeconfig") == "Misconfigured" else RUNNING


def read_images(text: bytes) -> frozenset[ImageRef]:
    """The names that `minikube image ls` lists, one on a line."""
    found = set()
    for line in text.decode(errors="replace").split("\n"):
        with suppress(ValueError):  # an image without a name
            found.add(ImageRef.parse(line.strip()))
    return frozenset(found)


def read_events(line: str) -> Iterator[Mapping[str, Any]]:
    """The event of a line, if it is one."""
    event = _json(line.encode())
    if isinstance(event, dict) and str(event.get("type")).startswith(EVENT):
        yield event


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
