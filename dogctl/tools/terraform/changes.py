"""What a plan of Terraform's changes: its JSON made into a few plain types, without secrets.

https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dogctl.secrets import MASK, Secret

Json = Mapping[str, Any]

# Whoever destroys one of these loses what is in it.
_HOLDS_DATA = (
    *("google_sql_database", "google_storage_bucket", "google_container_cluster"),
    *("google_compute_disk", "google_redis_instance", "google_filestore_instance"),
    *("google_bigquery_", "google_spanner_", "google_firestore_", "google_bigtable_"),
    *("google_secret_manager_secret", "google_kms_", "google_artifact_registry_repository"),
    *(
        "aws_s3_bucket",
        "aws_dynamodb_table",
        "aws_db_instance",
        "aws_rds_cluster",
        "aws_eks_cluster",
    ),
    *("aws_ecr_repository", "aws_efs_file_system", "aws_ebs_volume", "aws_kms_key"),
    *("aws_secretsmanager_secret", "kubernetes_persistent_volume", "kubernetes_namespace"),
)
# Of these types' names only the exact one holds data; what only begins like it is a setting of it.
_EXACT = frozenset({"aws_s3_bucket", "google_storage_bucket", "google_secret_manager_secret"})
_CLUSTERS = frozenset({"google_container_cluster", "aws_eks_cluster"})
_LONGEST_VALUE = 60
_NOT_SECRET_LENGTH = 6


class Action(StrEnum):
    """What is done to a resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    READ = "read"
    FORGET = "forget"
    DRIFT = "drift"


# In the order in which they are told.
_MARKS = {
    Action.READ: ">",
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.FORGET: "=",
    Action.REPLACE: "-/+",
    Action.DELETE: "-",
    Action.DRIFT: "!",
}
_REASONS = {
    "replace_because_tainted": "it was left half made",
    "replace_by_request": "that was asked for",
    "replace_by_triggers": "what it depends on changes",
    "delete_because_no_resource_config": "the configuration has it no more",
    "delete_because_no_module": "its module is gone",
    "delete_because_count_index": "there are fewer of them",
    "delete_because_each_key": "its key is gone",
    "delete_because_wrong_repetition": "it is repeated in another way",
}


@dataclass(frozen=True)
class ResourceChange:
    """What happens to one resource.

    Args:
        fields: what of it changes, such as `node_count: 1 → 3`; secrets are masked.
        reason: why it is replaced or deleted, if Terraform says so.
        protected: whether it is switched to be protected, or data is lost with it.
    """

    address: str
    action: Action
    fields: tuple[str, ...] = ()
    reason: str | None = None
    protected: bool = False

    @property
    def destroys(self) -> bool:
        return self.action in (Action.DELETE, Action.REPLACE)

    @property
    def counts(self) -> int:
        """In how many strokes it is done."""
        if self.action is Action.REPLACE:
            return 2
        return int(self.action not in (Action.DRIFT, Action.FORGET))

    def line(self) -> str:
        """For people; what is destroyed is said in capitals."""
        said = [f"{_MARKS[self.action]} {self.address}"]
        match self.action:
            case Action.DELETE:
                said += [": DESTROYED"]
            case Action.REPLACE:
                said += [": DESTROYED and made anew"]
            case Action.DRIFT:
                said += [": was changed outside of Terraform"]
            case Action.FORGET:
                said += [": stays, and is Terraform's no more"]
        said += [f", since {self.reason}"] if self.reason else []
        said += [", and it is PROTECTED or holds data"] if self.destroys and self.protected else []
        said += [f": {', '.join(self.fields)}"] if self.fields else []
        return "".join(said)

    def data(self) -> dict[str, Any]:
        return {
            "address": self.address,
            "action": self.action,
            "fields": list(self.fields),
            "reason": self.reason,
            "protected": self.protected,
        }


@dataclass(frozen=True)
class KnownCluster:
    """A cluster that is in the state: its name, where it is, and the address of its API."""

    name: str
    location: str | None
    endpoint: str | None


def changes(plan: Json) -> tuple[ResourceChange, ...]:
    """All that a plan changes, what is destroyed last, where people look; then what has drifted."""
    found = [_change(each) for each in plan.get("resource_changes") or ()]
    order = list(_MARKS)
    known = sorted((each for each in found if each), key=lambda each: order.index(each.action))
    moved = {each.address for each in known}
    drift = [_drift(each) for each in plan.get("resource_drift") or ()]
    return (*known, *(each for each in drift if each and each.address not in moved))


def output_changes(plan: Json) -> tuple[str, ...]:
    """The names of the outputs that a plan changes."""
    found = plan.get("output_changes") or {}
    return tuple(name for name, each in found.items() if each["actions"] != ["no-op"])


def does_something(plan: Json) -> bool:
    """Whether there is anything in it to apply."""
    return bool(plan.get("applyable", True)) and bool(
        output_changes(plan) or any(each.action is not Action.DRIFT for each in changes(plan))
    )


def summary(found: Sequence[ResourceChange]) -> str:
    """How much there is of what, such as `2 to create, 1 to DESTROY`."""
    words = {
        Action.CREATE: "to create",
        Action.UPDATE: "to change",
        Action.REPLACE: "to DESTROY and make anew",
        Action.DELETE: "to DESTROY",
        Action.READ: "to read",
        Action.FORGET: "to forget",
        Action.DRIFT: "changed outside of Terraform",
    }
    actions = [each.action for each in found]
    counts = [f"{actions.count(each)} {says}" for each, says in words.items() if each in actions]
    lost = sum(each.destroys and each.protected for each in found)
    return ", ".join([*counts, *([f"{lost} of them PROTECTED"] if lost else [])])


def secrets(plan: Json) -> Iterator[Secret]:
    """Every sensitive text in a plan, long enough to be one."""
    for each in (*(plan.get("resource_changes") or ()), *(plan.get("resource_drift") or ())):
        yield from _change_secrets(each["change"])
    for each in (plan.get("output_changes") or {}).values():
        yield from _change_secrets(each)
    known = (plan.get("configuration") or {}).get("root_module", {}).get("variables") or {}
    for name, each in (plan.get("variables") or {}).items():
        if known.get(name, {}).get("sensitive"):
            yield from _texts(each.get("value"), True)


def output_secrets(outputs: Json) -> Iterator[Secret]:
    """Every text in the sensitive ones of some outputs."""
    for each in outputs.values():
        if each.get("sensitive"):
            yield from _texts(each.get("value"), True)


def protections(plan: Json) -> tuple[str, ...]:
    """The resources in the state before a plan that are protected, and by what."""
    return tuple(
        f"{each['address']}: {found}"
        for each in _managed(plan)
        if (found := _switch(each.get("values") or {}))
    )


def clusters(plan: Json) -> tuple[KnownCluster, ...]:
    """The clusters of Kubernetes in the state before a plan."""
    return tuple(
        KnownCluster(values["name"], values.get("location"), values.get("endpoint"))
        for each in _managed(plan)
        if each["type"] in _CLUSTERS and (values := each.get("values") or {})
    )


def is_at_google(plan: Json) -> bool:
    """Whether there is anything of Google's in the state before a plan."""
    return any(each["type"].startswith("google_") for each in _managed(plan))


def _managed(plan: Json) -> list[Json]:
    values = (plan.get("prior_state") or {}).get("values") or {}
    root = values.get("root_module") or {}
    return [each for each in _resources(root) if each.get("mode") == "managed"]


def _resources(module: Json) -> Iterator[Json]:
    yield from module.get("resources") or ()
    for each in module.get("child_modules") or ():
        yield from _resources(each)


def _change(found: Json) -> ResourceChange | None:
    change = found["change"]
    action = _action(change["actions"])
    if action is None or (action is Action.READ and found.get("mode") != "data"):
        return None
    before = change.get("before") or {}
    shown = action in (Action.UPDATE, Action.REPLACE)
    return ResourceChange(
        found["address"] + (f" ({found['deposed']})" if found.get("deposed") else ""),
        action,
        _fields(change) if shown else (),
        _reason(found),
        bool(_switch(before)) or _holds_data(found.get("type", "")),
    )


def _drift(found: Json) -> ResourceChange | None:
    action = _action(found["change"]["actions"])
    if action is None:
        return None
    gone = action is Action.DELETE
    fields = ("it is gone",) if gone else _fields(found["change"])
    return ResourceChange(found["address"], Action.DRIFT, fields)


def _action(actions: Sequence[str]) -> Action | None:
    if len(actions) == 2:
        return Action.REPLACE
    return None if actions == ["no-op"] else Action(actions[0])


def _reason(found: Json) -> str | None:
    paths = found["change"].get("replace_paths") or ()
    if paths:
        named = " and ".join(".".join(map(str, path)) for path in paths)
        return f"{named} cannot be changed in place"
    return _REASONS.get(found.get("action_reason", ""))


def _switch(values: Json) -> str | None:
    """By which of its own switches a resource is protected."""
    for name in ("deletion_protection", "deletion_protection_enabled", "disable_api_termination"):
        if values.get(name) is True:
            return f"{name} = true"
    if values.get("deletion_policy") == "PREVENT":
        return 'deletion_policy = "PREVENT"'
    # Cloud SQL has a second one among its settings.
    inner = (each for each in values.get("settings") or () if isinstance(each, dict))
    if any(each.get("deletion_protection_enabled") is True for each in inner):
        return "settings.deletion_protection_enabled = true"
    return None


def _holds_data(kind: str) -> bool:
    return kind in _EXACT or any(
        kind.startswith(each) for each in _HOLDS_DATA if each not in _EXACT
    )


def _fields(change: Json) -> tuple[str, ...]:
    """What of a resource changes, as far as its own fields tell."""
    before, after = change.get("before") or {}, change.get("after") or {}
    unknown = change.get("after_unknown") or {}
    masks = [change.get("before_sensitive"), change.get("after_sensitive")]
    names = {**before, **after, **_dict(unknown)}
    return tuple(
        f"{name}: {_shown(before.get(name), hidden)} → "
        + ("known after apply" if _dict(unknown).get(name) else _shown(after.get(name), hidden))
        for name in names
        if before.get(name) != after.get(name) or _dict(unknown).get(name)
        for hidden in [any(_is_masked(mask, name) for mask in masks)]
    )


def _shown(value: Any, hidden: bool) -> str:
    if hidden:
        return MASK
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else "..."


def _is_masked(mask: Any, name: str) -> bool:
    """Whether a field, or anything in it, is sensitive."""
    if not isinstance(mask, dict):
        return mask is True
    return _any(mask.get(name))


def _any(mask: Any) -> bool:
    if isinstance(mask, dict):
        return any(map(_any, mask.values()))
    if isinstance(mask, list):
        return any(map(_any, mask))
    return mask is True


def _change_secrets(change: Json) -> Iterator[Secret]:
    yield from _texts(change.get("before"), change.get("before_sensitive"))
    yield from _texts(change.get("after"), change.get("after_sensitive"))


def _texts(value: Any, mask: Any) -> Iterator[Secret]:
    """The texts of a value where a mask of the same form says that they are sensitive."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, mask if mask is True else _dict(mask).get(name))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            masks = mask if isinstance(mask, list) else []
            inner = masks[at] if at < len(masks) else None
            yield from _texts(item, True if mask is True else inner)
    elif mask is True and isinstance(value, str) and len(value) >= _NOT_SECRET_LENGTH:
        yield Secret(value)


def _dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}
