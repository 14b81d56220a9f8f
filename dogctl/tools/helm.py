"""Helm: charts made into objects of a cluster.

pyhelm3 builds the arguments and reads the answers; our runner starts the program, since pyhelm3's
own goes through a shell, which outlives a stop of ours.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from dogctl.errors import ConfigError, ToolError
from dogctl.tools.runner import LOCAL, NOT_STARTED, Runner

if TYPE_CHECKING:
    from pyhelm3.command import Command

Values = Mapping[str, Any]
Answer = TypeVar("Answer")

HELM = "helm"
OLDEST = (3, 14)
# Variables by which Helm would go to another cluster or namespace than the one it is told, or keep
# its releases elsewhere: https://helm.sh/docs/helm/helm/
_ELSEWHERE = ("HELM_KUBE", "HELM_NAMESPACE", "HELM_DRIVER", "HELM_MAX_HISTORY", "HELM_DEBUG")
# Beyond dogctl's own: hooks of a chart have as long.
TIMEOUT_SECONDS = 300
SECONDS_BEYOND = 30
BUSY = "release-busy"
NO_CHART = "no-chart"
BAD_CHART = "bad-chart"
BAD_VALUES = "bad-values"
NOT_OURS = "resource-taken"
FAILED = "helm-failed"


class Source(Protocol):
    """Where a chart comes from."""

    @property
    def ref(self) -> str: ...
    @property
    def version(self) -> str | None: ...
    @property
    def repository(self) -> str | None: ...


class Helm:
    """The Helm of one namespace.

    Args:
        kubeconfig: gives a file with the kubeconfig, asked before each call: its token expires.
        history: how many revisions of a release are kept.

    `inherit` are open files that Helm keeps open, such as a lock, should we be killed.
    """

    def __init__(
        self,
        kubeconfig: Callable[[], Path],
        namespace: str,
        *,
        history: int = 10,
        timeout: float = TIMEOUT_SECONDS,
        runner: Runner = LOCAL,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._kubeconfig = kubeconfig
        self._namespace = namespace
        self._history = history
        self._timeout = timeout
        self._runner = runner
        self.inherit: tuple[int, ...] = ()
        self._environ = {k: v for k, v in environ.items() if not k.startswith(_ELSEWHERE)}

    @cached_property
    def version(self) -> tuple[int, ...]:
        """Major, minor and patch. Raises ToolError: there is no Helm here, or too old a one."""
        said = self._ask(self._command().version())
        version = tuple(map(int, re.findall(r"[0-9]+", said)[:3]))
        if version < OLDEST:
            raise ToolError(
                f"Helm {said} is too old: dogctl needs {'.'.join(map(str, OLDEST))} or later",
                code="helm-too-old",
                where=HELM,
                hint="install a later one: https://helm.sh/docs/intro/install/",
            )
        return version

    def render(self, release: str, chart: Source, values: Values) -> Any:
        """The release as an upgrade would make it, asked of the cluster; nothing is changed.

        Answers Helm's own description of it, with `manifest`, `hooks` and `chart`.
        """
        return self._upgrade(release, chart, values, dry_run=True)

    def upgrade(
        self,
        release: str,
        chart: Source,
        values: Values,
        *,
        description: str | None = None,
        hooks: bool = True,
        stop: threading.Event | None = None,
    ) -> Any:
        """Install the release, or upgrade it; hooks are waited for, and nothing else is.

        Raises ToolError, and Cancelled once `stop` is set.
        """
        return self._upgrade(
            release, chart, values, description=description, hooks=hooks, stop=stop
        )

    def rollback(self, release: str, revision: int) -> None:
        """Make a new revision of an old one, with the Secrets that it had then."""
        command = self._command()
        self._ask(command.rollback(release, revision, namespace=self._namespace))

    def uninstall(self, release: str, *, wait: bool = True) -> None:
        """Remove the release, and wait until its objects are gone."""
        self._ask(self._command().uninstall(release, namespace=self._namespace, wait=wait))

    def defaults(self, chart: Source) -> Values:
        """What is in its values.yaml."""
        found: Values | None = self._ask(
            self._command().show_values(chart.ref, repo=chart.repository, version=chart.version)
        )
        return found or {}

    @property
    def _seconds(self) -> str:
        return f"{self._timeout:.0f}s"

    def _upgrade(
        self,
        release: str,
        chart: Source,
        values: Values,
        *,
        dry_run: bool = False,
        description: str | None = None,
        hooks: bool = True,
        stop: threading.Event | None = None,
    ) -> Any:
        # Helm 4 takes fields from nobody else unless told; Helm 3 always did.
        newer = {"force_conflicts": True} if self.version >= (4,) else {}
        return self._ask(
            self._command(stop).install_or_upgrade(
                release,
                chart.ref,
                dict(values),
                create_namespace=False,
                description=description,
                dry_run=dry_run,
                namespace=self._namespace,
                no_hooks=not hooks,
                repo=chart.repository,
                version=chart.version,
                **newer,
            )
        )

    def _command(self, stop: threading.Event | None = None) -> Command:
        return _command_class()(self._run(stop), self._history, self._seconds)

    def _run(
        self, stop: threading.Event | None
    ) -> Callable[[Sequence[str], bytes], tuple[int, bytes, bytes]]:
        def run(words: Sequence[str], stdin: bytes) -> tuple[int, bytes, bytes]:
            done = self._runner.run(
                [HELM, *words, "--kubeconfig", str(self._kubeconfig())],
                env=self._environ,
                stdin=stdin,
                timeout=self._timeout + SECONDS_BEYOND,
                stop=stop,
                inherit=self.inherit,
            )
            said = done.stderr or (f"it was killed (signal {-done.code})" if done.code < 0 else "")
            return done.code, done.stdout, said.encode()

        return run

    def _ask(self, asked: Coroutine[Any, Any, Answer]) -> Answer:
        with _refusals():
            return asyncio.run(asked)


def _command_class() -> type[Any]:
    """pyhelm3's command line, started by our runner."""
    from pyhelm3 import command, errors

    class Ours(command.Command):
        def __init__(self, start: Any, history: int, timeout: str) -> None:
            super().__init__(history_max_revisions=history, default_timeout=timeout)
            self._start = start

        async def run(self, command: list[Any], input: bytes | None = None) -> bytes:
            # Only a dry run that asks the cluster knows what the chart looks up there.
            words = ["--dry-run=server" if word == "--dry-run" else str(word) for word in command]
            code, stdout, stderr = self._start(words, input or b"")
            if code:
                raise errors.Error(code, stdout, stderr)
            return bytes(stdout)

    return Ours


@contextmanager
def _refusals() -> Iterator[None]:
    """Raises what Helm complains of as DogctlError."""
    from pyhelm3 import errors

    try:
        yield
    except errors.Error as error:
        raise _refusal(error.stderr.decode(errors="replace")) from None
    except ToolError as error:
        if error.code == NOT_STARTED:
            error.hint = "install Helm: https://helm.sh/docs/intro/install/"
        raise


# In Helm's words, as it has no codes.
_CAUSES = (
    (BUSY, r"another operation .* is in progress", "run the command again in a minute"),
    (
        BAD_VALUES,
        r"values don't meet the specifications of the schema|schema\(s\)",
        "correct the values: dogctl config --env NAME shows the files they are in",
    ),
    (
        NO_CHART,
        r"chart \"[^\"]+\" .*not found|path \"[^\"]+\" not found|Chart.yaml file is missing",
        "correct the setting chart, or --chart",
    ),
    (
        NOT_OURS,
        r"cannot be imported into the current release|already exists and cannot",
        "remove the object that is in the way, or let it belong to the release",
    ),
    (BAD_CHART, r"(failed to render chart|parse error|execution error|template:)", "correct it"),
)


def _refusal(said: str) -> ToolError:
    lines = [line for line in said.strip().splitlines() if line and not line.startswith("level=")]
    text = "\n".join(lines)
    known = ((code, hint) for code, pattern, hint in _CAUSES if re.search(pattern, text))
    code, hint = next(known, (FAILED, "correct that and run the command again"))
    kind = ConfigError if code in (BAD_VALUES, NO_CHART) else ToolError
    first, *others = lines or ["no reason given"]
    message = f"Helm: {first.removeprefix('Error: ')}"
    return kind(message, code=code, where=HELM, hint=hint, detail=tuple(others))  # type: ignore[return-value]
