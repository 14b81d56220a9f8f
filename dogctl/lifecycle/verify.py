"""Whether what runs is what was released: the digests of its pods, and an answer of the app."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic

from dogctl.clouds.kubernetes import Kubernetes, Object
from dogctl.clouds.kubernetes_errors import AwayError
from dogctl.errors import DogctlError
from dogctl.image import ImageRef
from dogctl.lifecycle.address import http_port
from dogctl.lifecycle.manifest import containers, pod_template
from dogctl.lifecycle.release_parts import SERVING, service_of
from dogctl.lifecycle.workloads import State
from dogctl.plan import Run

# Once pods are ready, the addresses of a service follow within moments.
PATIENCE = 30.0
POLL = 0.3
# How long one answer may take.
SECONDS = 10.0


@dataclass(frozen=True)
class Verified:
    """What was found.

    Args:
        pods: how many pods run the image.
        service: the service that answered; None if the release has none for the app.
        status: the HTTP status of the answer.
    """

    pods: int
    service: str | None
    status: int | None


def verify(
    kubernetes: Kubernetes,
    namespace: str,
    manifest: Sequence[Object],
    state: State,
    image: ImageRef | None,
    health: str,
    step: Run | None,
    check: Callable[[], None] = lambda: None,
) -> Verified:
    """Check that all new pods run the image, and that the app answers through its service.

    Without a step it is asked once, and not waited for. Raises DogctlError, Cancelled.
    """
    pods = state.new_pods()
    if image and (wrong := wrong_images(pods, image)):
        raise DogctlError(
            f"{len(wrong)} pods run another image than {image}",
            code="wrong-image",
            where=wrong[0].partition(":")[0],
            hint="look for what changes images on their way into the cluster",
            detail=tuple(wrong),
        )
    running = sum(image is not None and _runs(pod, image) for pod in pods)
    service = app_service(manifest, image)
    if service is None:
        return Verified(running, None, None)
    status = _ask(kubernetes, namespace, service, health, step, check)
    return Verified(running, service[0], status)


def wrong_images(pods: Sequence[Object], image: ImageRef) -> list[str]:
    """The containers of that repository that run another digest: `pod: digest`.

    What was loaded into the nodes has no digest of a registry to compare.
    """
    return [
        f"{pod['metadata']['name']}: {running}"
        for pod in pods
        for running in running_images(pod, image)
        if image.digest and "@" in running and not running.endswith(str(image.digest))
    ]


def running_images(pod: Object, image: ImageRef) -> list[str]:
    """The image ids of the containers that are of the image's repository.

    https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodStatus
    """
    names = {each["name"] for each in containers(pod) if is_of(each["image"], image)}
    of = ("initContainerStatuses", "containerStatuses")
    found = [each for key in of for each in pod.get("status", {}).get(key, ())]
    return [each["imageID"] for each in found if each["name"] in names and each.get("imageID")]


def is_of(name: str, image: ImageRef) -> bool:
    """Whether an image's name is one of the repository."""
    try:
        return ImageRef.parse(name).name == image.name
    except ValueError:
        return False


def app_service(manifest: Sequence[Object], image: ImageRef | None) -> tuple[str, str] | None:
    """The service before the pods of the image, and its port for HTTP."""
    served = [item for item in manifest if item["kind"] in SERVING]
    services = [item for item in manifest if item["kind"] == "Service"]
    app = [item for item in served if image and _is_made_of(item, image)]
    found = (service_of(item, services, headless=True) for item in app or served)
    service = next(filter(None, found), None)
    return (service["metadata"]["name"], http_port(service)) if service else None


def _is_made_of(item: Object, image: ImageRef) -> bool:
    return any(is_of(each["image"], image) for each in containers(pod_template(item)))


def _runs(pod: Object, image: ImageRef) -> bool:
    return bool(running_images(pod, image))


def _ask(
    kubernetes: Kubernetes,
    namespace: str,
    service: tuple[str, str],
    health: str,
    step: Run | None,
    check: Callable[[], None],
) -> int:
    name, port = service
    deadline = monotonic() + PATIENCE
    ask = partial(kubernetes.ask_service, namespace, name, port, health, SECONDS)
    while True:
        check()
        try:
            status, body = step.interruptible(ask) if step else ask()
        except DogctlError as error:
            if not isinstance(error, AwayError):
                raise
            status, body = None, b""
        if status and 200 <= status < 400:
            return status
        says = f"answers {status}" if status else f"gives no answer within {SECONDS:g} s"
        if step is None or monotonic() > deadline:
            raise DogctlError(
                f"the app {says} to GET {health} through the service {name}",
                code="unhealthy",
                where=f"{namespace}/services/{name}:{port}",
                hint="look at its log, and at the setting health",
                detail=(body[:500].decode(errors="replace"),) if body else (),
            )
        step.progress(f"GET {health} {says}")
        step.sleep(POLL)
