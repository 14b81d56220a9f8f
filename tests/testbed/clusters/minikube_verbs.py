"""What the stand-in for minikube does.

Known quirks are there too: an image that cannot be loaded into a node, or is loaded while the
cluster is stopped, is no failure.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.testbed.clusters.machine import Leave, run, saved
from tests.testbed.clusters.minikube_asked import Asked, Screen

VERSION = "v1.38.0"
USAGE, GUEST_ERROR, NO_SERVICE = 14, 80, 115
ADDONS = ("dashboard", "default-storageclass", "ingress", "metrics-server", "storage-provisioner")
AT_FIRST = ("default-storageclass", "storage-provisioner")


def start(asked: Asked) -> None:
    """Make a cluster, or start it again."""
    words, screen = asked.words, asked.screen
    screen.say("😄", f"minikube {VERSION} on Debian 12", "step")
    driver = choose_driver(words.driver, screen)
    known = asked.clusters.get(asked.name)
    if known and words.nodes and words.nodes != known["nodes"]:
        complaint = "You cannot change the number of nodes for an existing minikube cluster."
        screen.say("❗", f"{complaint} Please use 'minikube node add'", "warning")
    addons = [name for names in words.addons for name in names.split(",")]
    for addon in addons:
        check_addon(addon, screen, "SVC_ADDON_UNSUPPORTED", 116)
    fresh = {"nodes": words.nodes or 1, "driver": driver, "addons": [*AT_FIRST]}
    cluster = asked.clusters.setdefault(asked.name, fresh)
    cluster["state"] = "Running"
    cluster["addons"] = sorted({*cluster["addons"], *addons})
    asked.machine.configure(
        asked.name,
        asked.kubeconfig,
        embed=words.embed_certs,
        current=not words.keep_context,
    )
    screen.say(
        "🏄",
        f'Done! kubectl is now configured to use "{asked.name}" cluster and "default" namespace by'
        " default",
        "step",
    )


def choose_driver(name: str, screen: Screen) -> str:
    """The driver. Raises Leave where there is none that works."""
    if name not in ("", "docker"):
        words = f"The driver '{name}' is not supported on linux/amd64"
        raise screen.leave("DRV_UNSUPPORTED_OS", 56, words)
    asked = "docker version --format {{.Server.Os}}"
    try:
        done = run(asked.split())
    except FileNotFoundError:
        hint = "Try specifying --driver, or see https://minikube.sigs.k8s.io/docs/start/"
        words = f"No possible driver was detected. {hint}"
        raise screen.leave("DRV_NOT_DETECTED", 55, words) from None
    if done.returncode and name:
        words = f'"{asked}" exit status {done.returncode}: {done.stderr.strip()}'
        raise screen.leave("PROVIDER_DOCKER_NOT_RUNNING", 69, words)
    if done.returncode:
        words = "Found docker, but the docker service isn't running. Try restarting the service."
        raise screen.leave("DRV_DOCKER_NOT_RUNNING", 55, words)
    return "docker"


def status(asked: Asked) -> None:
    """Say what runs; the exit code has a bit for the machine, for the cluster, for kubectl."""
    state = asked.cluster["state"]
    host = "Running" if state == "Paused" else state
    kubelet = "Stopped" if state == "Paused" else state
    known = "Stopped"
    if host == "Running":
        configured = asked.machine.configured(asked.name, asked.kubeconfig)
        known = "Configured" if configured else "Misconfigured"
    found = []
    for name in asked.nodes():
        worker = name != asked.name
        found.append(
            {
                "Name": name,
                "Host": host,
                "Kubelet": kubelet,
                "APIServer": "Irrelevant" if worker and host == "Running" else state,
                "Kubeconfig": "Irrelevant" if worker and host == "Running" else known,
                "Worker": worker,
            }
        )
    if asked.screen.as_json:
        sys.stdout.write(json.dumps(found if len(found) > 1 else found[0]))
    else:
        print("\n\n".join(map(described, found)), end="\n\n")
    code = (host != "Running") * 1 + (state != "Running") * 2
    code += (known != "Configured") * 4
    if code:
        raise Leave(code)


def described(node: dict[str, Any]) -> str:
    """A node for people."""
    lines = [node["Name"], f"type: {'Worker' if node['Worker'] else 'Control Plane'}"]
    kinds = (
        ("Host", "Kubelet") if node["Worker"] else ("Host", "Kubelet", "APIServer", "Kubeconfig")
    )
    return "\n".join([*lines, *(f"{kind.lower()}: {node[kind]}" for kind in kinds)])


def stop(asked: Asked) -> None:
    """Stop it; once more does no harm."""
    count = len(asked.nodes())
    asked.cluster["state"] = "Stopped"
    asked.machine.unconfigure(asked.name, asked.kubeconfig)
    asked.screen.say("🛑", f"{count} node{'s' if count > 1 else ''} stopped.", "step")


def pause(asked: Asked) -> None:
    """Stop its API server for a while."""
    asked.running()["state"] = "Paused"


def unpause(asked: Asked) -> None:
    """Go on."""
    if asked.cluster["state"] == "Paused":
        asked.cluster["state"] = "Running"


def delete(asked: Asked) -> None:
    """Remove it; one that is not there is no failure."""
    for name in list(asked.clusters) if asked.words.all else [asked.name]:
        if asked.clusters.pop(name, None) is None:
            print(f'🙄  "{name}" profile does not exist, trying anyways.', file=sys.stderr)
        asked.machine.unconfigure(name, asked.kubeconfig)
        asked.screen.say("💀", f'Removed all traces of the "{name}" cluster.', "step")


def ip(asked: Asked) -> None:
    """Say its address."""
    asked.running()
    print(asked.machine.settings.address)


def update_context(asked: Asked) -> None:
    """Repair the kubeconfig."""
    asked.running()
    asked.machine.configure(asked.name, asked.kubeconfig, embed=False, current=True)
    asked.screen.say("🎉", f'"{asked.name}" context has been updated')


def version(asked: Asked) -> None:
    """Say which minikube this is."""
    if asked.screen.as_json:
        print(json.dumps({"commit": "", "minikubeVersion": VERSION}))
    else:
        print(VERSION if asked.words.short else f"minikube version: {VERSION}")


def service(asked: Asked) -> None:
    """Say where a service is: a line for each port that is open on the nodes."""
    asked.running()
    words, settings = asked.words, asked.machine.settings
    admin = [
        settings.kubectl,
        "--kubeconfig=/dev/null",
        f"--server={settings.server}",
        f"--certificate-authority={settings.authority}",
        f"--client-certificate={settings.certificate}",
        f"--client-key={settings.key}",
        f"--namespace={words.namespace}",
    ]
    found = run([*admin, "get", "service", words.name, "--output=json"])
    if found.returncode:
        place = f"'{words.name}' was not found in '{words.namespace}' namespace."
        hint = f"You may select another namespace by using 'minikube service {words.name} -n"
        raise asked.screen.leave(
            "SVC_NOT_FOUND", NO_SERVICE, f"Service {place}\n{hint} <namespace>'."
        )
    ports = [port.get("nodePort") for port in json.loads(found.stdout)["spec"]["ports"]]
    scheme = "https" if words.https else "http"
    for port in filter(None, ports):
        print(f"{scheme}://{settings.address}:{port}")
    if not any(ports):
        name = f"{words.namespace}/{words.name}"
        kind = 'have type "ClusterIP" not meant to be exposed'
        print(f"❗  Services [{name}] {kind}", file=sys.stderr)
    pods = run(
        [*admin, "get", "endpointslices", f"-lkubernetes.io/service-name={words.name}", "-ojson"]
    )
    slices = json.loads(pods.stdout)["items"]
    if not any(part.get("endpoints") for part in slices):
        complaint = f"no running pod for service {words.name} found"
        raise asked.screen.leave(
            "SVC_UNREACHABLE", NO_SERVICE, f"service not available: {complaint}"
        )


def check_addon(name: str, screen: Screen, reason: str, code: int) -> None:
    """Raises Leave if there is no such addon."""
    if name not in ADDONS:
        words = f"enable failed: run callbacks: {name} is not a valid addon"
        raise screen.leave(reason, code, words)


def list_addons(asked: Asked) -> None:
    """Say which are enabled; of a profile that is not there, only which there are."""
    known = asked.clusters.get(asked.name)
    state = {True: "enabled", False: "disabled"}
    if asked.screen.as_json:
        found = {
            name: {"Profile": asked.name, "Status": state[name in known["addons"]]} if known else {}
            for name in ADDONS
        }
        print(json.dumps(found))
    else:
        for name in ADDONS:
            print(f"| {name} | {state[bool(known) and name in known['addons']]} |")


def enable(asked: Asked) -> None:
    """Enable an addon; for one that is enabled the same is said."""
    addons = asked.cluster["addons"]
    check_addon(asked.words.name, asked.screen, "MK_ADDON_ENABLE", 10)
    asked.cluster["addons"] = sorted({*addons, asked.words.name})
    asked.screen.say("🌟", f"The '{asked.words.name}' addon is enabled", "step")


def disable(asked: Asked) -> None:
    """Disable an addon."""
    addons = asked.cluster["addons"]
    asked.cluster["addons"] = [name for name in addons if name != asked.words.name]
    asked.screen.say("🌑", f"\"The '{asked.words.name}' addon is disabled", "step")


def load(asked: Asked) -> None:
    """Load images of the engine, or archives, into the nodes of a cluster that runs."""
    names = asked.words.images
    if not names:
        words = "Please provide an image in your local daemon to load into minikube via"
        raise asked.screen.leave("MK_USAGE", USAGE, f"{words} <minikube image load IMAGE_NAME>")
    if asked.name not in asked.clusters:
        words = f"loading profile: cluster {asked.name!r} does not exist"
        raise asked.screen.leave("MK_USAGE", USAGE, words)
    for name in names:
        with archive(name) as found:
            if found is None:
                words = f"Failed to load image: save to dir: caching images: {name}: not found"
                raise asked.screen.leave("GUEST_IMAGE_LOAD", GUEST_ERROR, words)
            if asked.cluster["state"] == "Running":
                asked.machine.load(found)


@contextmanager
def archive(name: str) -> Iterator[Path | None]:
    """The archive of that name, or one of the image."""
    if Path(name).exists():
        yield Path(name)
    else:
        with saved(name) as found:
            yield found


def list_images(asked: Asked) -> None:
    """Say which images the first node has."""
    asked.running()
    for name in asked.machine.images():
        if "@" not in name and not name.startswith("sha256:"):
            print(name)


def list_profiles(asked: Asked) -> None:
    """Say which clusters there are."""
    names = {"Running": "OK"}
    valid = [
        {
            "Name": name,
            "Status": "Skipped" if asked.words.light else names.get(known["state"], known["state"]),
            "Config": {
                "Name": name,
                "Driver": known["driver"],
                "Nodes": [{"Name": "", "ControlPlane": True, "Worker": True}]
                + [
                    {"Name": f"m{number:02}", "ControlPlane": False, "Worker": True}
                    for number in range(2, known["nodes"] + 1)
                ],
            },
            "Active": name == asked.name,
            "ActiveKubeContext": asked.machine.config(asked.kubeconfig, "current-context") == name,
        }
        for name, known in asked.clusters.items()
    ]
    if asked.screen.as_json:
        sys.stdout.write(json.dumps({"invalid": [], "valid": valid}))
        return
    if not valid:
        raise asked.screen.leave("MK_USAGE_NO_PROFILE", USAGE, "No minikube profile was found.")
    for profile in valid:
        print(f"| {profile['Name']} | {profile['Status']} |")


def add_node(asked: Asked) -> None:
    """One more."""
    asked.running()["nodes"] += 1
    asked.screen.say("🏄", f"Successfully added {asked.nodes()[-1]} to {asked.name}!", "step")
