"""A stand-in for minikube on Linux with the docker driver.

https://minikube.sigs.k8s.io/docs/commands/ and, for what is not said there, the exit codes and
words of its source: https://github.com/kubernetes/minikube/tree/master/pkg/minikube/reason
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from typing import Any

from tests.testbed.clusters import minikube_verbs as verbs
from tests.testbed.clusters.machine import Machine, Parser, flags, plain
from tests.testbed.clusters.minikube_asked import Asked, Screen

USAGE = 14
STARTING = {
    "cni": str,
    "container-runtime": str,
    "cpus": str,
    "delete-on-failure": bool,
    "disk-size": str,
    "force": bool,
    "install-addons": bool,
    "interactive": bool,
    "kubernetes-version": str,
    "memory": str,
    "wait": str,
    "wait-timeout": str,
}


class Minikube(Parser):
    """Wrong flags are usage errors."""

    code = USAGE
    form = "Error: {}\nSee 'minikube --help' for usage."


def main(machine: Machine, words: Sequence[str]) -> None:
    """Do what is asked. Raises Leave."""
    asked = parser().parse_args(plain(words))
    asked.profile = asked.profile or os.environ.get("MINIKUBE_PROFILE") or "minikube"
    with machine.clusters() as clusters:
        asked.act(Asked(machine, clusters, asked, Screen(asked.output == "json")))


def parser() -> Minikube:
    """All commands that there are."""
    common = Minikube()
    # A flag of all commands stands before or after their names.
    common.add_argument("-p", "--profile", default=argparse.SUPPRESS)
    common.add_argument("-v", "--v", type=int, default=argparse.SUPPRESS)
    common.add_argument("--alsologtostderr", action="store_true", default=argparse.SUPPRESS)
    common.add_argument("-o", "--output", default=argparse.SUPPRESS)
    top = Minikube(prog="minikube", parents=[common])
    top.set_defaults(profile="", output="")
    commands = top.add_subparsers(required=True)

    def command(act: Callable[[Asked], None], *names: str, below: Any = commands) -> Any:
        made = below.add_parser(names[0], aliases=names[1:], parents=[common])
        made.set_defaults(act=act)
        return made

    def group(name: str) -> Any:
        return commands.add_parser(name, parents=[common]).add_subparsers(required=True)

    starting = command(verbs.start, "start")
    starting.add_argument("-n", "--nodes", type=int)
    starting.add_argument("-d", "--driver", default="")
    starting.add_argument("--addons", action="append", default=[])
    starting.add_argument("--keep-context", action="store_true")
    starting.add_argument("--embed-certs", action="store_true")
    flags(starting, STARTING)
    asking = command(verbs.status, "status")
    asking.add_argument("-f", "--format")
    command(verbs.stop, "stop")
    command(verbs.pause, "pause")
    command(verbs.unpause, "unpause")
    command(verbs.delete, "delete").add_argument("--all", action="store_true")
    command(verbs.ip, "ip")
    command(verbs.update_context, "update-context")
    command(verbs.version, "version").add_argument("--short", action="store_true")
    serving = command(verbs.service, "service")
    serving.add_argument("name")
    serving.add_argument("-n", "--namespace", default="default")
    serving.add_argument("--url", action="store_true")
    serving.add_argument("--https", action="store_true")
    flags(serving, {"wait": int, "interval": int})
    addons = group("addons")
    command(verbs.list_addons, "list", below=addons)
    for name, act in (("enable", verbs.enable), ("disable", verbs.disable)):
        command(act, name, below=addons).add_argument("name")
    images = group("image")
    loading = command(verbs.load, "load", below=images)
    loading.add_argument("images", nargs="*")
    flags(loading, {"daemon": bool, "overwrite": bool, "pull": bool, "remote": bool})
    command(verbs.list_images, "ls", "list", below=images)
    command(verbs.list_profiles, "list", below=group("profile")).add_argument(
        "-l", "--light", action="store_true"
    )
    command(verbs.add_node, "add", below=group("node"))
    return top
