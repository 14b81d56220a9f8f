"""docker compose: a stack of containers from a compose file."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dogctl.errors import ConfigError, ToolError
from dogctl.tools.runner import Completed, Listener, Runner

INSTALL = "https://docs.docker.com/compose/install/"
# Without a terminal nothing is drawn over, and every step is a line.
COMMAND = ("docker", "compose", "--progress=plain", "--ansi=never")
SECONDS = 30.0
# Compose looks for a file in the current folder and in all above it.
NO_FILE = Path("/")
STDIN = Path("-")
LINES = 20


@dataclass(frozen=True)
class Build:
    """How a service's image is built.

    Args:
        image: the name of the image.
        context: the folder that is sent to the builder.
        dockerfile: relative to it.
        args: build arguments.
        target: the stage that becomes the image, if not the last one.
        platforms: what it is built for, if not for this engine.
    """

    image: str
    context: Path
    dockerfile: str
    args: Mapping[str, str]
    target: str | None = None
    platforms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Compose:
    """One compose project.

    Args:
        file: its compose file; paths in it are relative to its folder.
        name: the project's name, which its containers, networks and volumes carry.
        environ: the environment that fills the file's variables; holds secrets.
        runner: starts the program.
        overrides: further files, each on top of those before it.
        text: the file itself, where `file` is STDIN.
    """

    file: Path
    name: str
    environ: Mapping[str, str] = field(repr=False)
    runner: Runner
    overrides: tuple[Path, ...] = ()
    text: bytes = field(default=b"", repr=False)

    def argv(self, *words: str) -> list[str]:
        named = [f"--file={file}" for file in (self.file, *self.overrides)]
        return [*COMMAND, f"--project-name={self.name}", *named, *words]

    def config(self) -> Mapping[str, Any]:
        """The file with its variables filled in; holds secrets.

        Raises ConfigError if Compose refuses the file, ToolError if there is no answer.
        """
        done = self._run("config", "--format", "json", timeout=SECONDS)
        if done.code:
            raise ConfigError(
                "docker compose refuses the file",
                code="compose-file-refused",
                where=str(self.file),
                hint="correct it and run the command again",
                detail=_lines(done.stderr),
            )
        value: Mapping[str, Any] = json.loads(done.stdout)
        return value

    def build(
        self,
        services: Sequence[str],
        listen: Listener,
        stop: threading.Event,
        inherit: Sequence[int] = (),
    ) -> Completed:
        """Build the images of these services, and answer how that ended. Raises Cancelled."""
        return self._run("build", *services, listen=listen, stop=stop, inherit=inherit)

    def up(self, listen: Listener, stop: threading.Event, inherit: Sequence[int] = ()) -> Completed:
        """Start what does not run or has changed, each service once those it needs are ready.

        Images that are missing are pulled first, which may take minutes.

        A stack that cannot be started is a non-zero exit code. Raises Cancelled.
        """
        words = ("up", "--detach", "--no-build", "--remove-orphans")
        return self._run(*words, listen=listen, stop=stop, inherit=inherit)

    def stop(self, services: Sequence[str], stop: threading.Event) -> None:
        """End these services, as a machine that goes down would. Raises ToolError, Cancelled."""
        done = self._run("stop", *services, stop=stop)
        if done.code:
            raise ToolError(
                "docker compose cannot stop the services",
                code="compose-failed",
                where=self.name,
                detail=_lines(done.stderr),
            )

    def _run(self, *words: str, **options: Any) -> Completed:
        options |= {"cwd": self.file.parent, "env": self.environ, "stdin": self.text}
        return self.runner.run(self.argv(*words), **options)


def builds(config: Mapping[str, Any]) -> dict[str, Build]:
    """The builds of a configuration, by service."""
    found = {}
    for service, values in config.get("services", {}).items():
        if build := values.get("build"):
            found[service] = Build(
                image=values.get("image") or f"{config['name']}-{service}",
                context=Path(build["context"]),
                dockerfile=build.get("dockerfile", "Dockerfile"),
                args={k: v or "" for k, v in (build.get("args") or {}).items()},
                target=build.get("target"),
                platforms=tuple(build.get("platforms") or ()),
            )
    return found


def published_ports(config: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Each TCP port of this machine that a service is to get; ranges leave the choice to Compose."""
    for service, values in config.get("services", {}).items():
        for port in values.get("ports") or ():
            published = port.get("published", "")
            if port.get("protocol") == "tcp" and published.isdecimal() and int(published):
                yield service, int(published)


def remove(
    name: str,
    runner: Runner,
    *,
    volumes: bool,
    stop: threading.Event,
    inherit: Sequence[int] = (),
    kill: bool = False,
) -> None:
    """Remove all containers and networks of a project, with `volumes` the data too.

    `kill`: do not give the containers time to end well.

    They are found by their labels: what the compose file says now does not matter, and it may be
    gone. Raises ToolError, Cancelled.
    """
    words = ["down", "--remove-orphans"]
    words += ["--volumes"] if volumes else []
    words += ["--timeout=0"] if kill else []
    done = runner.run(
        [*COMMAND, f"--project-name={name}", *words],
        cwd=NO_FILE,
        env={k: v for k, v in os.environ.items() if k != "COMPOSE_FILE"},
        stop=stop,
        inherit=inherit,
    )
    if done.code:
        raise ToolError(
            "docker compose cannot remove the stack",
            code="compose-failed",
            where=name,
            hint="run the command again; docker ps --all shows what is left",
            detail=_lines(done.stderr),
        )


def require_compose(runner: Runner) -> None:
    """Raise ToolError where the docker command or its compose plugin is missing."""
    try:
        done = runner.run(["docker", "compose", "version"], timeout=SECONDS)
    except ToolError as error:
        raise _missing("the docker command is not on the PATH") from error
    if done.code:
        raise _missing("docker has no compose plugin")


def _missing(what: str) -> ToolError:
    return ToolError(
        what,
        code="compose-missing",
        where="docker compose",
        hint=f"install Docker Compose ({INSTALL})",
    )


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line for line in text.splitlines() if line.strip())[-LINES:]
