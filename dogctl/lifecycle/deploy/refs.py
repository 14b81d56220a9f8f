"""Which branch or tag is deployed, and to which environment that goes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dogctl.errors import ConfigError
from dogctl.tools.git import Git
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

BRANCH, TAG = "branch:", "tag:"
# https://docs.github.com/en/actions/reference/workflows-and-actions/variables
_GITHUB = {"refs/heads/": BRANCH, "refs/tags/": TAG}
# https://docs.gitlab.com/ci/variables/predefined_variables/
_GITLAB = {"CI_COMMIT_BRANCH": BRANCH, "CI_COMMIT_TAG": TAG}


def current_refs(
    project: Project, runner: Runner = LOCAL, environ: Mapping[str, str] = os.environ
) -> tuple[str, ...]:
    """`branch:main`, `tag:v1.4.0`: what a CI system says it runs for, else what is checked out."""
    if github := environ.get("GITHUB_REF"):
        found = (
            f"{kind}{github.removeprefix(prefix)}"
            for prefix, kind in _GITHUB.items()
            if github.startswith(prefix)
        )
        return tuple(found)
    if gitlab := [f"{kind}{environ[name]}" for name, kind in _GITLAB.items() if environ.get(name)]:
        return tuple(gitlab)
    git = Git(project.root, runner)
    if project.bundled or git.checkout() is None:
        return ()
    branch = git.branch()
    return (*([f"{BRANCH}{branch}"] if branch else []), *(f"{TAG}{tag}" for tag in git.tags()))


def ships(patterns: Iterable[str], refs: Iterable[str]) -> bool:
    """Whether one of the refs is one of those that an environment takes."""
    found = list(refs)
    return any(fnmatchcase(ref, pattern) for pattern in patterns for ref in found)


def check_ref(project: Project, refs: tuple[str, ...]) -> None:
    """Raise ConfigError if the environment takes others only."""
    patterns = project.settings.ships_from
    if patterns and not ships(patterns, refs):
        raise ConfigError(
            f"{project.environment} takes {' or '.join(patterns)}, and this is"
            f" {' and '.join(refs) or 'neither a branch nor a tag'}",
            code="wrong-ref",
            where=project.origins["ships_from"],
            hint="check that out, or add --any-ref",
        )


def choose_environment(ships_from: Mapping[str, tuple[str, ...]], refs: tuple[str, ...]) -> str:
    """The only environment that a ref goes to, by its name. Raises ConfigError."""
    found = [name for name, patterns in ships_from.items() if ships(patterns, refs)]
    if len(found) == 1:
        return found[0]
    what = " and ".join(refs) or "this"
    says = f"{what} goes to {' and '.join(found)}" if found else f"{what} goes to no environment"
    raise ConfigError(
        f"{says}: which one?" if found else f"{says} by itself",
        code="no-environment",
        where="--env",
        hint=f"add --env NAME, or ships-from to one of {', '.join(ships_from) or 'them'}",
    )
