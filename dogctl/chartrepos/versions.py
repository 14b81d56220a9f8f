"""The order of charts' versions, as Helm has it: https://semver.org/#spec-item-11"""

from __future__ import annotations

import re
from functools import cache

# Helm also takes 1.2 and v1.2.3: https://github.com/Masterminds/semver#parsing-semantic-versions
_VERSION = re.compile(
    r"v?(\d{1,19})(?:\.(\d{1,19}))?(?:\.(\d{1,19}))?"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?",
    re.ASCII,
)
# What `helm package` takes: https://semver.org/#is-there-a-suggested-regular-expression
_STRICT = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)

Precedence = tuple[object, ...]
# Below every version.
NONE: Precedence = ()


@cache
def precedence(version: str) -> Precedence:
    """What versions are compared by; what is no version comes before every one that is."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return NONE
    core = tuple(int(part or 0) for part in found.groups()[:3])
    before = found[4].split(".") if found[4] else []
    # A release comes after its pre-releases; numbers come before words.
    parts = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in before)
    return (core, not before, parts)


def is_strict(version: str) -> bool:
    """Whether it is SemVer to the letter."""
    return _STRICT.fullmatch(version) is not None


def is_prerelease(version: str) -> bool:
    """Whether Helm passes it over unless it is asked for."""
    found = _VERSION.fullmatch(version)
    return found is None or found[4] is not None
