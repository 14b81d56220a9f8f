"""A stand-in for kind with Docker.

https://kind.sigs.k8s.io/docs/user/quick-start/ and, for what is not said there, its source:
https://github.com/kubernetes-sigs/kind/tree/main/pkg/cmd/kind
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.testbed.clusters.machine import (
    Clusters,
    Leave,
    Machine,
    Parser,
    kubeconfigs,
    plain,
    run,
    saved,
)

VERSION = "0.31.0"
LISTING = "docker ps -a --filter label=io.x-k8s.kind.cluster --format {{.Names}}"
DURATION = re.compile(r"(\d+(\.\d+)?(ns|us|ms|s|m|h))+|0")


class Kind(Parser):
    """Whatever is wrong ends with 1."""

    form = "ERROR: {}"


def failure(words: str) -> Leave:
    """The end of a command that failed."""
    return Leave(1, f"ERROR: {words}")


def tell(words: str) -> None:
    """Progress is on stderr."""
    print(words, file=sys.stderr)


def main(machine: Machine, words: Sequence[str]) -> None:
    """Do what is asked. Raises Leave."""
    asked = parser().parse_args(plain(words))
    # An empty name is that of the environment, or the usual one.
    asked.name = asked.name or os.environ.get("KIND_CLUSTER_NAME") or "kind"
    with machine.clusters() as clusters:
        asked.act(machine, clusters, asked)


def parser() -> Kind:
    """All commands that there are."""
    common = Kind()
    common.add_argument("-v", "--verbosity", type=int, default=argparse.SUPPRESS)
    common.add_argument("-q", "--quiet", action="store_true", default=argparse.SUPPRESS)
    top = Kind(prog="kind", parents=[common])
    top.set_defaults(name="", kubeconfig="", quiet=False)
    commands = top.add_subparsers(required=True)
    groups: dict[str, Any] = {}

    def command(path: str, act: Callable[..., None]) -> argparse.ArgumentParser:
        *above, name = path.split()
        below = commands
        for word in above:
            if word not in groups:
                made = commands.add_parser(word, parents=[common])
                groups[word] = made.add_subparsers(required=True)
            below = groups[word]
        made = below.add_parser(name, parents=[common])
        made.set_defaults(act=act)
        return made

    def named(path: str, act: Callable[..., None]) -> argparse.ArgumentParser:
        made = command(path, act)
        made.add_argument("-n", "--name", default="")
        return made

    creating = named("create cluster", create)
    for flag in ("--config", "--image", "--kubeconfig"):
        creating.add_argument(flag, default="")
    creating.add_argument("--wait", type=duration, default="0s")
    creating.add_argument("--retain", action="store_true")
    named("delete cluster", delete).add_argument("--kubeconfig", default="")
    command("get clusters", list_clusters)
    named("get nodes", list_nodes)
    named("get kubeconfig", print_kubeconfig).add_argument("--internal", action="store_true")
    exporting = named("export kubeconfig", export)
    exporting.add_argument("--kubeconfig", default="")
    exporting.add_argument("--internal", action="store_true")
    for path, act in (("load docker-image", load_images), ("load image-archive", load_archives)):
        loading = named(path, act)
        loading.add_argument("names", nargs="*")
        loading.add_argument("--nodes", default="")
    command("version", version)
    return top


def duration(text: str) -> str:
    """Go's form of a time: `60s`, `2m`."""
    if not DURATION.fullmatch(text):
        raise argparse.ArgumentTypeError(f'time: invalid duration "{text}"')
    return text


def engine_answers() -> None:
    """Raises Leave if there is no engine to ask for containers."""
    done = run(LISTING.split())
    if done.returncode:
        said = f"\n\nCommand Output: {done.stderr.strip()}"
        words = f'failed to list clusters: command "{LISTING}" failed with error: exit status 1'
        raise failure(words + said)


def target(explicit: str) -> Path:
    """The kubeconfig that is written to: the first that is there, else the last."""
    listed = kubeconfigs(explicit)
    return next((path for path in listed if path.is_file()), listed[-1])


def nodes_of(name: str, cluster: dict[str, Any]) -> list[str]:
    """Their names: one for what decides, and the workers."""
    workers = range(1, cluster["nodes"])
    others = (f"{name}-worker{number if number > 1 else ''}" for number in workers)
    return [f"{name}-control-plane", *others]


def create(machine: Machine, clusters: Clusters, asked: argparse.Namespace) -> None:
    """Make a cluster with as many nodes as its configuration says."""
    config = ""
    if asked.config:
        try:
            config = sys.stdin.read() if asked.config == "-" else Path(asked.config).read_text()
        except OSError as error:
            raise failure(f"failed to create cluster: error reading file: {error}") from None
    engine_answers()
    if asked.name in clusters:
        words = f'node(s) already exist for a cluster with the name "{asked.name}"'
        raise failure(f"failed to create cluster: {words}")
    tell(f'Creating cluster "{asked.name}" ...')
    roles = re.findall(r"\brole['\"]?\s*:\s*['\"]?([a-z-]+)", config)
    clusters[asked.name] = {"nodes": max(1, len(roles))}
    context = f"kind-{asked.name}"
    machine.configure(context, target(asked.kubeconfig), embed=True, current=True)
    tell(f'Set kubectl context to "{context}"')


def delete(machine: Machine, clusters: Clusters, asked: argparse.Namespace) -> None:
    """Remove it; one that is not there is no failure."""
    engine_answers()
    tell(f'Deleting cluster "{asked.name}" ...')
    machine.unconfigure(f"kind-{asked.name}", target(asked.kubeconfig))
    if asked.name in clusters:
        tell(f"Deleted nodes: {nodes_of(asked.name, clusters.pop(asked.name))}")


def list_clusters(_: Machine, clusters: Clusters, __: argparse.Namespace) -> None:
    """A name on each line."""
    engine_answers()
    if not clusters:
        tell("No kind clusters found.")
    for name in sorted(clusters):
        print(name)


def list_nodes(_: Machine, clusters: Clusters, asked: argparse.Namespace) -> None:
    """A name on each line."""
    engine_answers()
    if asked.name not in clusters:
        tell(f'No kind nodes found for cluster "{asked.name}".')
        return
    for name in nodes_of(asked.name, clusters[asked.name]):
        print(name)


def check(clusters: Clusters, name: str) -> None:
    """Raises Leave if there is no such cluster to make a kubeconfig for."""
    engine_answers()
    if name not in clusters:
        words = f"could not locate any control plane nodes for cluster named '{name}'."
        raise failure(f"{words} Use the --name option to select a different cluster")


def print_kubeconfig(machine: Machine, clusters: Clusters, asked: argparse.Namespace) -> None:
    """The kubeconfig on stdout."""
    check(clusters, asked.name)
    with tempfile.TemporaryDirectory(prefix="dogctl-kind-") as folder:
        path = Path(folder, "config")
        machine.configure(f"kind-{asked.name}", path, embed=True, current=True)
        print(path.read_text())


def export(machine: Machine, clusters: Clusters, asked: argparse.Namespace) -> None:
    """The kubeconfig into a file."""
    check(clusters, asked.name)
    context = f"kind-{asked.name}"
    machine.configure(context, target(asked.kubeconfig), embed=True, current=True)
    tell(f'Set kubectl context to "{context}"')


def load_images(machine: Machine, clusters: Clusters, asked: argparse.Namespace) -> None:
    """Load images of the engine into the nodes."""
    if not asked.names:
        raise failure("a list of image names is required")
    for name in asked.names:
        if run(["docker", "image", "inspect", "-f", "{{ .Id }}", name]).returncode:
            raise failure(f'image: "{name}" not present locally')
    check_nodes(clusters, asked)
    with saved(*asked.names) as archive:
        load(machine, archive)
    for name in asked.names:
        tell(f'Image: "{name}" not yet present on node "{asked.name}-control-plane", loading...')


def load_archives(machine: Machine, clusters: Clusters, asked: argparse.Namespace) -> None:
    """Load archives of images into the nodes."""
    if not asked.names:
        raise failure("name of image archive is required")
    for name in asked.names:
        if not Path(name).exists():
            raise failure(f"stat {name}: no such file or directory")
    check_nodes(clusters, asked)
    for name in asked.names:
        load(machine, Path(name))


def check_nodes(clusters: Clusters, asked: argparse.Namespace) -> None:
    """Raises Leave if there are not all nodes that are asked for."""
    engine_answers()
    if asked.name not in clusters:
        raise failure(f'no nodes found for cluster "{asked.name}"')
    known = nodes_of(asked.name, clusters[asked.name])
    for name in filter(None, asked.nodes.split(",")):
        if name not in known:
            raise failure(f'unknown node: "{name}"')


def load(machine: Machine, archive: Path | None) -> None:
    """Raises Leave if a node does not take it."""
    if archive is None or not machine.load(archive):
        raise failure('failed to load image: command "ctr images import" failed')


def version(*_: Any) -> None:
    """Say which kind this is."""
    print(f"kind v{VERSION} go1.25 linux/amd64")
