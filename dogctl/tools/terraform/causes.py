"""Why Terraform did not do it: one code for each cause, and what to type next.

Terraform and its providers have no codes, so causes are known by their words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from dogctl.errors import ConfigError, DogctlError, ToolError
from dogctl.tools.terraform.events import Diagnostic, Transcript

LOCKED = "state-locked"
NOT_SAVED = "state-not-saved"
STALE = "plan-stale"
BAD_PLAN = "plan-unusable"
NO_BUCKET = "state-bucket-missing"
NO_TABLE = "state-table-missing"
CREDENTIALS = "cloud-credentials"
API_DISABLED = "api-disabled"
QUOTA = "cloud-quota"
FORBIDDEN = "cloud-forbidden"
NO_PROVIDER = "provider-unavailable"
LOCK_FILE = "lock-file-outdated"
NO_VALUE = "variable-missing"
BAD_CONFIGURATION = "bad-configuration"
PROTECTED = "infra-protected"
EXISTS = "already-exists"
LOST = "cloud-unreachable"
FAILED = "terraform-failed"


class Verb(StrEnum):
    """What Terraform was asked for."""

    INIT = "init"
    PLAN = "plan"
    APPLY = "apply"
    SHOW = "show"
    LOOK = "look"
    PUSH = "push"


@dataclass(frozen=True)
class Lock:
    """Who holds the lock of a state, as Terraform tells it."""

    id: str
    path: str
    operation: str
    who: str
    created: str

    @classmethod
    def find(cls, text: str) -> Lock | None:
        """What a complaint says of the lock; None if that is held by nobody known."""
        found = dict(
            re.findall(r"^\s*(ID|Path|Operation|Who|Created):\s*(.*?)\s*$", text, re.MULTILINE)
        )
        if not found.get("ID"):
            return None
        names = ("ID", "Path", "Operation", "Who", "Created")
        return cls(*(found.get(name, "") for name in names))

    def age(self, now: datetime) -> str | None:
        """How old it is, for people; None where that cannot be read."""
        # Go writes nanoseconds, and the zone twice.
        stamp = re.match(r"(\S+ \d\d:\d\d:\d\d)", self.created)
        try:
            made = datetime.fromisoformat(stamp[1]).replace(tzinfo=UTC) if stamp else None
        except ValueError:
            return None
        return _duration((now - made).total_seconds()) if made else None

    @property
    def doing(self) -> str:
        return self.operation.removeprefix("OperationType").lower() or "something"


@dataclass(frozen=True)
class _Cause:
    """One cause: how its complaint reads, and what there is to do about it.

    `{0}` in message or hint is what the pattern's group has found. Without a message it is
    Terraform's own.
    """

    code: str
    pattern: str
    hint: str
    message: str | None = None
    configuration: bool = False
    verbs: tuple[Verb, ...] = tuple(Verb)


# The first that fits.
_CAUSES = (
    _Cause(
        STALE,
        r"Saved plan is stale|Saved plan does not match the given state|different state lineage",
        "dogctl infra plan, and look at it anew",
        "the state has changed since this plan was made: nothing was done",
    ),
    _Cause(
        BAD_PLAN,
        r"Failed to (?:load|read) .*plan|Error reading plan|not a (?:valid )?zip file"
        r"|plan file was created (?:by|with)|couldn't load the provided path as either a local plan",
        "dogctl infra plan makes a new one",
        "the saved plan cannot be used by this Terraform: nothing was done",
        verbs=(Verb.APPLY, Verb.SHOW),
    ),
    _Cause(
        NOT_SAVED,
        r"[Cc]annot (?:import|overwrite|push).*(?:serial|lineage)|serial|lineage",
        "see which of the two states is right",
        "another state has been saved since this one",
        verbs=(Verb.PUSH,),
    ),
    _Cause(
        NO_BUCKET,
        r"S3 bucket \"([^\"]+)\" does not exist|NoSuchBucket|bucket doesn't exist"
        r"|The specified bucket does not exist",
        "dogctl infra bootstrap makes it",
        "the bucket for Terraform's state does not exist",
        verbs=(Verb.INIT, Verb.PLAN, Verb.LOOK, Verb.PUSH),
    ),
    _Cause(
        NO_TABLE,
        r"DynamoDB.*ResourceNotFoundException",
        "dogctl infra bootstrap makes it",
        "the table for the lock of Terraform's state does not exist",
    ),
    _Cause(
        NOT_SAVED,
        r"Failed to (?:save|persist) state|errored\.tfstate",
        "dogctl infra plan saves it, once the place of the state can be reached again",
        "Terraform could not save its state",
    ),
    _Cause(
        CREDENTIALS,
        r"No valid credential sources|ExpiredToken|InvalidAccessKeyId|InvalidClientTokenId"
        r"|SignatureDoesNotMatch|could not find default credentials|oauth2: |invalid_grant"
        r"|invalid authentication credentials|Error 401|StatusCode: 401|security token .* expired"
        r"|failed to refresh cached credentials",
        "log in to the cloud again, or set GCP_CREDENTIALS, AWS_PROFILE or AWS_ACCESS_KEY_ID",
        "the cloud does not accept our login, or there is none",
    ),
    _Cause(
        API_DISABLED,
        r"([a-z0-9]+\.googleapis\.com)(?:.|\n)*SERVICE_DISABLED"
        r"|SERVICE_DISABLED(?:.|\n)*?\b([a-z0-9]+\.googleapis\.com)"
        r"|it is disabled\. Enable it by visiting \S*/api/([a-z0-9]+\.googleapis\.com)",
        "gcloud services enable {0}, wait a minute, and run the command again",
        "the API {0} is disabled in the project",
    ),
    _Cause(
        QUOTA,
        r"[Qq]uota '?([A-Z][A-Z0-9_-]+)'? exceeded|QUOTA_EXCEEDED|quotaExceeded|RESOURCE_EXHAUSTED"
        r"|RATE_LIMIT_EXCEEDED|rateLimitExceeded|[Qq]uota.{0,80}exceeded|LimitExceeded"
        r"|Insufficient \w+ quota",
        "ask the cloud for more of it, or need less, and run the command again",
    ),
    _Cause(
        FORBIDDEN,
        r"Required [\"']([\w.]+)[\"'] permission|Permission [\"']([\w.]+)[\"'] denied"
        r"|not authorized to perform: ([\w:]+)|Error 403|StatusCode: 403|AccessDenied"
        r"|PERMISSION_DENIED|does not have ([\w.]+) access",
        "let the owner of the project grant that, and run the command again",
    ),
    _Cause(
        LOCK_FILE,
        r"Provider dependency changes detected|Inconsistent dependency lock file"
        r"|does not match any of the checksums recorded",
        "terraform init -upgrade in its folder, and commit .terraform.lock.hcl",
        "the .terraform.lock.hcl does not fit the configuration",
        configuration=True,
        verbs=(Verb.INIT, Verb.PLAN),
    ),
    _Cause(
        NO_PROVIDER,
        r"Failed to query available provider packages|Failed to install provider"
        r"|Could not retrieve the list of available versions|Failed to download module"
        r"|Could not download module",
        "check the network and the proxy, or have a mirror: "
        "https://developer.hashicorp.com/terraform/cli/config/config-file#provider-installation",
        verbs=(Verb.INIT,),
    ),
    _Cause(
        NO_VALUE,
        r"No value for required variable(?:.|\n)*?variable \"([\w-]+)\"",
        "give it one in ENVIRONMENT.tfvars beside it, or as TF_VAR_{0}",
        "the variable {0} has no value",
        configuration=True,
    ),
    _Cause(
        PROTECTED,
        r"Instance cannot be destroyed|[Dd]eletion[_ ]protection|prevent_destroy"
        r"|deletionProtection|DELETION_PROTECTION",
        "if it is meant to go, switch its protection off in the configuration and apply that first",
    ),
    _Cause(
        EXISTS,
        r"alreadyExists|Error 409|already exists|EntityAlreadyExists|BucketAlreadyOwnedByYou",
        "bring it into the state with an import block, or remove it:"
        " https://developer.hashicorp.com/terraform/language/import",
    ),
    _Cause(
        LOST,
        r"connection refused|no such host|i/o timeout|connection reset|TLS handshake timeout"
        r"|dial tcp|unexpected EOF|context deadline exceeded|request send failed|: EOF\b"
        r"|StatusCode: 50[0234]|Error 50[0234]",
        "check the network and the proxy, and run the command again: it goes on from here",
    ),
)


def refusal(heard: Transcript, verb: Verb, folder: Path) -> DogctlError:
    """What went wrong, by its cause.

    Args:
        folder: where Terraform was run, for commands to type there.
    """
    errors = heard.errors or [_diagnostic(heard.other)]
    text = "\n".join(each.text for each in errors)
    lock = Lock.find(text) if "state lock" in text else None
    if lock:
        return locked(lock, folder, datetime.now(UTC))
    lines = tuple(line for each in errors for line in each.lines())
    for cause in _CAUSES:
        if verb in cause.verbs and (found := re.search(cause.pattern, text)):
            return _known(cause, found, errors, lines)
    return _unknown(errors[0], verb, lines)


def locked(lock: Lock, folder: Path, now: datetime) -> DogctlError:
    """Somebody else works on the state, or has died at it."""
    age = lock.age(now)
    since = f"for {age}" if age else f"since {lock.created}"
    return DogctlError(
        f"the state is locked: {lock.who} has been at its {lock.doing} {since}",
        code=LOCKED,
        where=lock.path,
        hint="wait for it and run the command again; only if that run is dead:"
        f" terraform -chdir={folder} force-unlock {lock.id}",
        data={"lock": {"id": lock.id, "who": lock.who, "created": lock.created}},
    )


def _known(
    cause: _Cause, found: re.Match[str], errors: Sequence[Diagnostic], lines: tuple[str, ...]
) -> DogctlError:
    named = next((each for each in found.groups() if each), "")
    message, detail = (cause.message, lines) if cause.message else (lines[0], lines[1:])
    kind = ConfigError if cause.configuration else ToolError
    return kind(
        message.format(named) if cause.message else message,
        code=cause.code,
        where=_where(errors),
        hint=cause.hint.format(named),
        detail=detail,
    )


def _unknown(first: Diagnostic, verb: Verb, lines: tuple[str, ...]) -> DogctlError:
    if first.where and verb in (Verb.INIT, Verb.PLAN):
        message, *others = [line.removeprefix(f"{first.where}: ") for line in lines]
        return ConfigError(
            message,
            code=BAD_CONFIGURATION,
            where=first.where,
            hint="correct the configuration",
            detail=tuple(others),
        )
    return ToolError(
        f"Terraform: {lines[0]}",
        code=FAILED,
        where=_where([first]),
        hint="correct that and run the command again",
        detail=lines[1:],
    )


def _where(errors: Sequence[Diagnostic]) -> str | None:
    places: Iterator[str | None] = (each.where for each in errors)
    return next((each for each in places if each), None)


def _diagnostic(lines: Sequence[str]) -> Diagnostic:
    """What Terraform says in a frame, where it has no JSON for it."""
    bare = [line.strip("╷│╵ ") for line in lines]
    said = [line for line in bare if line] or ["it ended without a word"]
    start = next((at for at, line in enumerate(said) if line.startswith("Error: ")), 0)
    return Diagnostic(said[start].removeprefix("Error: "), "\n".join(said[start + 1 :]))


def _duration(seconds: float) -> str:
    """Such as `12 s`, `7 min` or `3 h`."""
    if seconds < 120:
        return f"{max(seconds, 0):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
