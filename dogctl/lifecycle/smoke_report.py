"""What a smoke test found, for people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dogctl.errors import DogctlError
from dogctl.image import ImageRef
from dogctl.lifecycle.image import shown
from dogctl.lifecycle.log_file import LOG_LINES
from dogctl.lifecycle.smoke_checks import Finding
from dogctl.tools.docker import Container, Docker

Row = tuple[str, str, str, str]


def rows(findings: Sequence[Finding]) -> tuple[Row, ...]:
    """The table of checks: result, what was checked, time, what was wrong."""
    return tuple(
        (
            "failed" if each.problem else "passed",
            each.check,
            f"{each.seconds:.2f} s",
            each.problem or "",
        )
        for each in findings
    )


def failed_check(findings: Sequence[Finding]) -> DogctlError | None:
    """The error of the first check that failed."""
    failed = [each for each in findings if each.problem]
    if not failed:
        return None
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    first = failed[0]
    return DogctlError(f"{first.check}: {first.problem}{more}", code="check-failed")


def failure(
    cause: DogctlError,
    image: ImageRef,
    findings: Sequence[Finding],
    services: Sequence[dict[str, Any]],
    kept: str | None = None,
) -> DogctlError:
    """The error of a smoke test that failed: verdict and cause, checks, services with their logs.

    `kept`: the name of its stack, if that stays.
    """
    said = [line for line in cause.detail if not any(line in each["log"] for each in services)]
    logs = [line for each in services for line in _service(each)]
    return DogctlError(
        f"{shown(image)} fails the smoke test: {cause.message}",
        code=cause.code,
        hint=f"docker compose --project-name {kept} ps looks at it; dogctl smoke --clean removes it"
        if kept
        else "correct that, dogctl build, and dogctl smoke again; --keep leaves the stack up",
        detail=(*said, *_aligned(rows(findings)), *logs),
        data={
            "checks": [each.as_data() for each in findings],
            "services": list(services),
            "kept": kept,
        },
    )


def evidence(docker: Docker, containers: Sequence[Container]) -> list[dict[str, Any]]:
    """What the services of a stack say: state, health check and last lines."""
    return [
        {
            "name": each.service,
            "image": each.image_name,
            "state": each.state,
            "exit_code": each.exit_code,
            "restarts": each.restarts,
            "health": each.health,
            "probe": each.probe,
            "log": docker.logs(each.id, LOG_LINES),
        }
        for each in containers
    ]


def _service(service: dict[str, Any]) -> list[str]:
    state = f"{service['state']} ({service['exit_code']})" if service["exit_code"] else ""
    words = [state or service["state"], service["health"]]
    words += [f"restarted {service['restarts']} times"] if service["restarts"] else []
    lines = [f"{service['name']}: {', '.join(filter(None, words))}"]
    if service["probe"]:
        lines.append(f"  health check: {' '.join(service['probe'].split())}")
    return lines + [f"  {line}" for line in service["log"]]


def _aligned(table: Sequence[Row]) -> list[str]:
    if not table:
        return []
    widths = [max(len(row[i]) for row in table) for i in range(3)]
    return [
        "  ".join((*(row[i].ljust(widths[i]) for i in range(3)), row[3])).rstrip() for row in table
    ]
