"""One Docker engine, by what dogctl asks of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from dogctl.errors import ToolError
from dogctl.image import ImageRef
from dogctl.tools.docker.container import PROJECT, Container, read_container
from dogctl.tools.docker.image import Image, Layer, read_image, read_layer
from dogctl.tools.docker.refusal import require_readable_config, told, unreachable
from dogctl.tools.docker.stream import until

if TYPE_CHECKING:
    from docker import DockerClient

CONNECT_SECONDS = 10
# The engine says nothing while a registry stores a large layer.
PUSH_SECONDS = 600
PUSH_REFUSED = "push-refused"
PULL_REFUSED = "pull-refused"
# Without any login the SDK would look for one in the user's configuration.
NOBODY = {"username": "", "password": ""}
CONTAINERD_STORE = "io.containerd.snapshotter.v1"
# What the SDK calls a Unix socket.
SOCKET_URL = "http+docker://"
# What may change whether a container works, or what its health check says.
CHANGES = ("create", "start", "die", "health_status", "exec_die", "destroy")
STALE_SECONDS = 2.0


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
            require_readable_config()
            client = docker.from_env(timeout=CONNECT_SECONDS)
            # No proxy and no .netrc is for a socket, and to look for one takes most of a request.
            client.api.trust_env = not client.api.base_url.startswith(SOCKET_URL)
            client.ping()
        except (docker.errors.DockerException, RequestException, OSError, ValueError) as error:
            raise unreachable(error) from error
        return cls(client)

    def containers(self, project: str) -> tuple[Container, ...]:
        """All containers of a compose project, running or not, by service."""
        with told():
            found = self._client.containers.list(
                all=True, filters={"label": f"{PROJECT}={project}"}, ignore_removed=True
            )
        return tuple(sorted(map(read_container, found), key=lambda each: each.service))

    @contextmanager
    def watch(self, project: str) -> Iterator[Callable[[], tuple[Container, ...]]]:
        """What `containers` answers, asked only when something has happened: for who looks often.

        A container that runs once more keeps the exit code of its last end, which the engine itself
        forgets.
        """
        changed = threading.Event()
        codes: dict[str, int] = {}
        filters = {"type": "container", "label": f"{PROJECT}={project}", "event": [*CHANGES]}
        with told():
            stream = self._client.api.events(filters=filters, decode=True)

        def listen() -> None:
            for event in stream:
                actor = event["Actor"]
                if event["Action"] == "die":
                    codes[actor["ID"]] = int(actor["Attributes"]["exitCode"])
                changed.set()

        found: tuple[Container, ...] = ()
        asked = -STALE_SECONDS

        def look() -> tuple[Container, ...]:
            nonlocal found, asked
            if changed.is_set() or monotonic() - asked >= STALE_SECONDS:
                changed.clear()
                asked = monotonic()
                found = tuple(
                    replace(each, exit_code=codes.get(each.id, each.exit_code))
                    for each in self.containers(project)
                )
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
        with told():
            found = self._client.networks.list(filters={"label": f"{PROJECT}={project}"})
        return tuple(sorted(network.name or "" for network in found))

    def volumes(self, project: str) -> tuple[str, ...]:
        """The names of a compose project's volumes."""
        with told():
            found = self._client.volumes.list(filters={"label": f"{PROJECT}={project}"})
        return tuple(sorted(volume.name for volume in found))

    def image(self, name: str) -> Image | None:
        """A local image, None if there is none of that name."""
        from docker.errors import ImageNotFound

        with told():
            try:
                found = self._client.images.get(name)
            except ImageNotFound:
                return None
        return read_image(found)

    def images(self, label: str) -> tuple[Image, ...]:
        """The local images that have a label."""
        with told():
            ids = {each["Id"] for each in self._client.api.images(filters={"label": label})}
        # Somebody else may be removing some of them.
        return tuple(found for each in sorted(ids) if (found := self.image(each)))

    def used_images(self) -> Mapping[str, str]:
        """The ids of the images of all containers, running or not, with a container's name."""
        with told():
            found = self._client.api.containers(all=True)
        return {each["ImageID"]: (each["Names"] or [each["Id"]])[0].strip("/") for each in found}

    def remove_image(self, name: str) -> None:
        """Take a name from a local image, or the image by its id; the last name takes the image.

        Well done too if there is none. Raises ToolError, as where a container needs it.
        """
        from docker.errors import ImageNotFound

        with told(), suppress(ImageNotFound):
            self._client.api.remove_image(name, noprune=True)

    def tag(self, image: str, name: ImageRef) -> None:
        """Give a local image, by its id, one more name."""
        with told():
            self._client.api.tag(image, name.name, name.tag, force=True)

    def keeps_platforms(self) -> bool:
        """Whether it keeps images of several platforms: the containerd image store does.

        https://docs.docker.com/engine/storage/containerd/
        """
        with told():
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
        with told(), closing(docker.from_env(timeout=PUSH_SECONDS)) as client:
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
                    listen(read_layer(line))
        return digest

    def pull(self, name: str, login: Mapping[str, str] | None = None) -> Iterator[str]:
        """Get an image from its registry; tells the progress.

        `name` has a tag or a digest: without either the engine would pull all tags. Without a
        login, as in `push`, it is the Docker client's own. Raises ToolError, with the code
        PULL_REFUSED and the reason as its detail if it is the registry that does not give it.
        """
        from docker.errors import APIError

        options: dict[str, Any] = {"auth_config": dict(login)} if login else {}
        with told():
            try:
                events = self._client.api.pull(name, stream=True, decode=True, **options)
            except APIError as error:
                raise _pull_refused(name, str(error.explanation or error)) from error
            for event in events:
                if "error" in event:
                    raise _pull_refused(name, str(event["error"]))
                yield " ".join(filter(None, (event.get("id"), event.get("status"))))

    def stacks(self, label: str) -> frozenset[str]:
        """The compose projects of all containers, volumes and networks with a label `name=value`."""
        filters = {"label": label}
        with told():
            api = self._client.api
            labels = [each["Labels"] for each in api.containers(all=True, filters=filters)]
            labels += [each["Labels"] for each in api.networks(filters=filters)]
            labels += [each["Labels"] for each in api.volumes(filters=filters)["Volumes"] or ()]
        return frozenset(each[PROJECT] for each in labels if PROJECT in each)

    def logs(self, container: str, count: int) -> list[str]:
        """The last lines of a container, of stdout and stderr."""
        with told():
            text = self._client.containers.get(container).logs(tail=count)
        return [line.decode(errors="replace") for line in text.splitlines()]

    def follow(
        self, container: str, count: int | None = None, since: float | None = None
    ) -> Iterator[str]:
        """The last `count` lines of a container and every further one, until it ends.

        `since`: only what came after that time, in seconds since 1970.
        """
        with told():
            stream = self._client.containers.get(container).logs(
                stream=True, follow=True, tail="all" if count is None else count, since=since
            )
            rest = b""
            for chunk in stream:
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (line.decode(errors="replace") for line in lines)


def _pull_refused(name: str, why: str) -> ToolError:
    return ToolError(f"cannot pull {name}", code=PULL_REFUSED, detail=(why,))
