"""Helm without a cluster: charts checked and packed.

https://helm.sh/docs/helm/helm_lint/ and https://helm.sh/docs/helm/helm_package/
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dogctl.errors import ToolError
from dogctl.tools.runner import LOCAL, NOT_STARTED, Completed, Runner

HELM = "helm"
TIMEOUT = 120.0


@dataclass(frozen=True)
class Signing:
    """Who signs a chart.

    Args:
        key: the name of the key.
        keyring: the file that it is in.
        passphrase: a file with its passphrase, if it has one.
    """

    key: str
    keyring: Path
    passphrase: Path | None = None


@dataclass(frozen=True)
class Packed:
    """An archive and, if it is signed, its provenance."""

    archive: bytes
    provenance: bytes | None = None


def lint_argv(folder: Path, *, strict: bool) -> list[str]:
    return [HELM, "lint", *(["--strict"] if strict else []), "--", str(folder)]


def package_argv(
    folder: Path, version: str, app_version: str, destination: Path, signing: Signing | None
) -> list[str]:
    words = [f"--version={version}", f"--app-version={app_version}", f"--destination={destination}"]
    if signing:
        words += ["--sign", f"--key={signing.key}", f"--keyring={signing.keyring}"]
        words += [f"--passphrase-file={signing.passphrase}"] if signing.passphrase else []
    return [HELM, "package", *words, "--", str(folder)]


def lint(folder: Path, *, strict: bool = False, runner: Runner = LOCAL) -> tuple[str, ...]:
    """What Helm remarks of a chart, a line each. Raises ToolError: it is not right."""
    done = _run(lint_argv(folder, strict=strict), runner)
    lines = tuple(
        line for line in done.stdout.decode(errors="replace").splitlines() if line.startswith("[")
    )
    if done.code:
        raise ToolError(
            "Helm finds the chart wrong",
            code="bad-chart",
            where=str(folder),
            hint="correct it",
            detail=lines or _said(done),
        )
    return lines


def package(
    folder: Path,
    version: str,
    app_version: str,
    signing: Signing | None = None,
    runner: Runner = LOCAL,
) -> Packed:
    """Pack a chart under a version. Raises ToolError."""
    with tempfile.TemporaryDirectory(prefix="dogctl-package-") as name:
        made = Path(name)
        done = _run(package_argv(folder, version, app_version, made, signing), runner)
        archives = list(made.glob("*.tgz"))
        if done.code or len(archives) != 1:
            raise ToolError(
                "Helm does not pack the chart",
                code="chart-not-packed",
                where=str(folder),
                hint="correct it; missing dependencies are got by helm dependency build",
                detail=_said(done),
            )
        signed = Path(f"{archives[0]}.prov")
        return Packed(archives[0].read_bytes(), signed.read_bytes() if signed.exists() else None)


def _run(argv: Sequence[str], runner: Runner) -> Completed:
    try:
        return runner.run(argv, timeout=TIMEOUT)
    except ToolError as error:
        if error.code == NOT_STARTED:
            error.hint = "install Helm: https://helm.sh/docs/intro/install/"
        raise


def _said(done: Completed) -> tuple[str, ...]:
    return tuple(line for line in done.stderr.strip().splitlines() if line)[-10:]
