"""The Docker engine's API, over the docker SDK."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from dogctl.errors import Cancelled, ToolError
from dogctl.image import ImageRef

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container as SdkContainer

CONNECT_SECONDS = 10
# The engine says nothing while a registry stores a large layer.
PUSH_SECONDS = 600
POLL = 0.1
PUSH_REFUSED = "push-refused"
# Without any login the SDK would look for one in the user's configuration.
NOBODY = {"username": "", "password": ""}
# Set by Compose: https://docs.docker.com/compose/how-tos/project-name/
PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
CONTAINERD_STORE = "io.containerd.snapshotter.v1"
# What the engine gives for a time that has not come.
NEVER = "0001-"
# What the SDK calls a Unix socket.
SOCKET_URL = "http+docker://"
# What may change whether a container works, or what its health check says.
CHANGES = ("create", "start", "die", "health_status", "exec_die", "destroy")
STALE_SECONDS = 2.0
INSTALL = "https://docs.docker.com/engine/install/"


@dataclass(frozen=True)
class Container:
    """A container as the engine sees it.

    Args:
        id: its full id.
        service: the compose service it belongs to, or "".
        state: created, running, restarting, exited ...
        exit_code: of its last end; 0 while it has not ended.
        restarts: how often the engine has started it again.
        health: starting, healthy, unhealthy, or None without a health check.
        probe: what the health check said last.
        image: the id of its image.
        image_name: as the configuration names it.
        started: ISO 8601; None if it never was.
        ports: ports on this machine, by port of the container.
        user: whom it runs as, as configured; "" for the engine's default, which is root.
        read_only: whether its root file system is.
    """

    id: str
    service: str
    state: str
    exit_code: int
    restarts: int
    health: str | None
    probe: str
    image: str
    image_name: str
    started: str | None
    ports: Mapping[int, int]
    user: str
    read_only: bool
    labels: Mapping[str, str] = field(repr=False)

    @property
    def works(self) -> bool:
        """Whether it does what it is for: serves in health, or has done its one task."""
        if self.state == "running":
            return self.health in (None, "healthy")
        return self.state == "exited" and self.exit_code == 0


@dataclass(frozen=True)
class Image:
    """An image that the engine keeps.

    Args:
        id: the hash of its configuration or, in a containerd image store, of its manifest.
        platform: the one it is for, such as linux/amd64.
        known: what registries have it as, by digest, as far as the engine knows.
        size: of its layers, unpacked, in bytes.
    """

    id: str
    platform: str
    labels: Mapping[str, str] = field(repr=False)
    known: tuple[ImageRef, ...] = ()
    size: int = 0


@dataclass(frozen=True)
class Layer:
    """What the engine says of a layer under way: `Pushing`, and how many bytes are there."""

    id: str
    state: str
    sent: int
    size: int


class Docker:
    """One engine. Every method raises ToolError when it cannot be reached any more."""

    def __init__(self, client: DockerClient) -> None:
        self._client = client

    @classmethod
    def connect(cls) -> Docker:
        """The engine that the environment or the docker context names.

        Raises ToolError: there is none, or it cannot be used.
        """
        import docker
        from requests import RequestException

        try:
            client = docker.from_env(timeout=CONNECT_SECONDS)
            # No proxy and no .netrc is for a socket, and to look for one takes most of a request.
            client.api.trust_env = not client.api.base_url.startswith(SOCKET_URL)
            client.ping()
        except (docker.errors.DockerException, RequestException, OSError, ValueError) as error:
            raise _unreachable(error) from error
        return cls(client)

    def containers(self, project: str) -> tuple[Container, ...]:
        """All containers of a compose project, running or not, by service."""
        with _told():
            found = self._client.containers.list(
                all=True, filters={"label": f"{PROJECT}={project}"}, ignore_removed=True
            )
        return tuple(sorted(map(_container, found), key=lambda each: each.service))

    @contextmanager
    def watch(self, project: str) -> Iterator[Callable[[], tuple[Container, ...]]]:
        """What `containers` answers, asked only when something has happened: for who looks often."""
        changed = threading.Event()
        filters = {"type": "container", "label": f"{PROJECT}={project}", "event": [*CHANGES]}
        with _told():
            stream = self._client.api.events(filters=filters)

        def listen() -> None:
            for _ in stream:
                changed.set()

        found: tuple[Container, ...] = ()
        asked = -STALE_SECONDS

        def look() -> tuple[Container, ...]:
            nonlocal found, asked
            if changed.is_set() or monotonic() - asked >= STALE_SECONDS:
                changed.clear()
                asked = monotonic()
                found = self.containers(project)
            return found

        thread = threading.Thread(target=listen, name="events", daemon=True)
        thread.start()
        try:
            yield look
        finally:
            stream.close()
            thread.join()

    def networks(self, project: str) -> tuple[str, ...]:
        """The names of a compose project's networks."""
        with _told():
            found = self._client.networks.list(filters={"label": f"{PROJECT}={project}"})
        return tuple(sorted(network.name or "" for network in found))

    def volumes(self, project: str) -> tuple[str, ...]:
        """The names of a compose project's volumes."""
        with _told():
            found = self._client.volumes.list(filters={"label": f"{PROJECT}={project}"})
        return tuple(sorted(volume.name for volume in found))

    def image(self, name: str) -> Image | None:
        """A local image, None if there is none of that name."""
        from docker.errors import ImageNotFound

        with _told():
            try:
                found = self._client.images.get(name)
            except ImageNotFound:
                return None
        variant = found.attrs.get("Variant")
        parts = (found.attrs["Os"], found.attrs["Architecture"], *([variant] if variant else []))
        digests = found.attrs.get("RepoDigests") or ()
        return Image(
            id=found.id or "",
            platform="/".join(parts),
            labels=dict(found.labels),
            known=tuple(ImageRef.parse(name) for name in digests if not name.startswith("<none>")),
            size=found.attrs.get("Size", 0),
        )

    def tag(self, image: str, name: ImageRef) -> None:
        """Give a local image, by its id, one more name."""
        with _told():
            self._client.api.tag(image, name.name, name.tag, force=True)

    def keeps_platforms(self) -> bool:
        """Whether it keeps images of several platforms: the containerd image store does.

        https://docs.docker.com/engine/storage/containerd/
        """
        with _told():
            status = self._client.info().get("DriverStatus") or ()
        return any(value == CONTAINERD_STORE for _, value in status)

    def push(
        self,
        ref: ImageRef,
        login: Mapping[str, str] | None,
        listen: Callable[[Layer], None],
        stop: threading.Event,
    ) -> str | None:
        """Push a local image; answers its digest, None if the engine ends without one.

        Args:
            login: as the SDK's `auth_config`; it goes to the engine in a header.
            listen: hears of every layer.
            stop: when it is set, the push is left alone; it ends with this process at the latest.

        Raises:
            ToolError: with the code PUSH_REFUSED and the reason as its detail.
            Cancelled: `stop` was set.
        """
        import docker

        digest = None
        with _told(), closing(docker.from_env(timeout=PUSH_SECONDS)) as client:
            said = client.api.push(
                ref.name, ref.tag, stream=True, decode=True, auth_config=dict(login or NOBODY)
            )
            for line in until(stop, said):
                # https://docs.docker.com/reference/api/engine/version/v1.45/#tag/Image/operation/ImagePush
                if "error" in line:
                    raise ToolError(
                        f"cannot push {ref}",
                        code=PUSH_REFUSED,
                        detail=(str(line["error"]),),
                    )
                digest = (line.get("aux") or {}).get("Digest", digest)
                if "id" in line and "progressDetail" in line:
                    listen(_layer(line))
        return digest

    def image_id(self, name: str) -> str | None:
        """The id of a local image, None if there is none of that name."""
        from docker.errors import ImageNotFound

        with _told():
            try:
                return self._client.images.get(name).id
            except ImageNotFound:
                return None

    def pull(self, name: str) -> Iterator[str]:
        """Get an image from its registry, logged in as the Docker client is; tells the progress.

        `name` has a tag or a digest: without either the engine would pull all tags.
        """
        with _told():
            for event in self._client.api.pull(name, stream=True, decode=True):
                if "error" in event:
                    raise ToolError(
                        f"cannot pull {name}: {event['error']}", code="image-pull-failed"
                    )
                yield " ".join(filter(None, (event.get("id"), event.get("status"))))

    def stacks(self, label: str) -> frozenset[str]:
        """The compose projects of all containers, volumes and networks with a label `name=value`."""
        filters = {"label": label}
        with _told():
            api = self._client.api
            labels = [each["Labels"] for each in api.containers(all=True, filters=filters)]
            labels += [each["Labels"] for each in api.networks(filters=filters)]
            labels += [each["Labels"] for each in api.volumes(filters=filters)["Volumes"] or ()]
        return frozenset(each[PROJECT] for each in labels if PROJECT in each)

    def logs(self, container: str, count: int) -> list[str]:
        """The last lines of a container, of stdout and stderr."""
        with _told():
            text = self._client.containers.get(container).logs(tail=count)
        return [line.decode(errors="replace") for line in text.splitlines()]

    def follow(
        self, container: str, count: int | None = None, since: float | None = None
    ) -> Iterator[str]:
        """The last `count` lines of a container and every further one, until it ends.

        `since`: only what came after that time, in seconds since 1970.
        """
        with _told():
            stream = self._client.containers.get(container).logs(
                stream=True, follow=True, tail="all" if count is None else count, since=since
            )
            rest = b""
            for chunk in stream:
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (line.decode(errors="replace") for line in lines)


def until(stop: threading.Event, items: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The items as they come. Raises Cancelled soon after `stop`, however long there is none."""
    came: queue.SimpleQueue[dict[str, Any] | BaseException | None] = queue.SimpleQueue()

    def read() -> None:
        try:
            for item in items:
                came.put(item)
        except BaseException as error:  # noqa: BLE001  (raised by who waits for it)
            came.put(error)
        came.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        if stop.is_set():
            raise Cancelled
        try:
            item = came.get(timeout=POLL)
        except queue.Empty:
            continue
        if item is None:
            return
        if isinstance(item, BaseException):
            raise item
        yield item


def _layer(line: Mapping[str, Any]) -> Layer:
    numbers = line["progressDetail"] or {}
    return Layer(line["id"], line["status"], numbers.get("current", 0), numbers.get("total", 0))


@contextmanager
def _told() -> Iterator[None]:
    """Turn what the SDK raises into ToolError."""
    from docker.errors import APIError, DockerException
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except APIError as error:
        raise ToolError(
            f"the Docker engine refused: {error.explanation or error}", code="engine-refused"
        ) from error
    except (DockerException, RequestException, HTTPError) as error:
        raise _unreachable(error) from error


def _container(found: SdkContainer) -> Container:
    attributes: dict[str, Any] = found.attrs
    state = attributes["State"]
    health = state.get("Health") or {}
    probes = health.get("Log") or []
    return Container(
        id=found.id or "",
        service=found.labels.get(SERVICE, ""),
        state=state["Status"],
        exit_code=state["ExitCode"],
        restarts=attributes.get("RestartCount", 0),
        # The check of a container that has ended says nothing.
        health=health.get("Status") if state["Status"] == "running" else None,
        probe=" ".join(probes[-1]["Output"].split()) if probes else "",
        image=attributes["Image"],
        image_name=attributes["Config"]["Image"],
        started=None if state["StartedAt"].startswith(NEVER) else state["StartedAt"],
        ports=_ports(attributes["NetworkSettings"].get("Ports") or {}),
        user=attributes["Config"].get("User") or "",
        read_only=attributes["HostConfig"]["ReadonlyRootfs"],
        labels=found.labels,
    )


def _ports(published: Mapping[str, list[Mapping[str, str]] | None]) -> Mapping[int, int]:
    return {
        int(inside.partition("/")[0]): int(outside[0]["HostPort"])
        for inside, outside in published.items()
        if outside and inside.endswith("/tcp")
    }


def _unreachable(error: Exception) -> ToolError:
    host = os.environ.get("DOCKER_HOST")
    address = host or "the default socket"
    text = str(error)
    if "Permission" in text:
        return ToolError(
            "you may not use the Docker engine",
            code="engine-denied",
            where=address,
            hint="sudo usermod -aG docker $USER, then log in again",
        )
    return ToolError(
        "cannot reach a Docker engine",
        code="engine-unreachable",
        where=address,
        hint=f"start Docker ({INSTALL})" + (", or correct DOCKER_HOST" if host else ""),
        detail=(text.splitlines()[0],) if text else (),
    )
