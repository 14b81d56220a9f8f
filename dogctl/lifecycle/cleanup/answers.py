"""What `dogctl cleanup` answers."""

from __future__ import annotations

from typing import Any

from dogctl.answer import Answer, Block, Table, Text
from dogctl.image import ImageRef
from dogctl.lifecycle.cleanup.images import DELETE, Findings
from dogctl.lifecycle.cleanup.retention import Decision
from dogctl.lifecycle.cleanup.sweep import Swept
from dogctl.plan import Results

_SHORT = 12


def shown(found: Findings) -> tuple[Block, ...]:
    """What goes and what stays, with the reason of each, for people."""
    if not found.decided:
        return (Text("the repository is empty"),)
    rows = tuple(_row(each) for each in found.decided)
    says = f"{len(found.going)} of {len(found.decided)} would go, {_bytes(found.size)} at most"
    warnings = (Text(f"{each.says}: --{each.guard}") for each in found.objections)
    notes = map(Text, found.inventory.notes)
    return (Table(("", "tags", "digest", "pushed", "why"), rows), Text(says), *warnings, *notes)


def answer_looking(repository: ImageRef, found: Findings) -> Answer:
    """What would be done."""
    return Answer({"dry_run": True, **_data(repository, found)}, shown(found))


def answer_cleanup(repository: ImageRef, found: Findings, results: Results) -> Answer:
    """What was done."""
    swept: Swept = results[DELETE]
    freed = sum(each.size for each in swept.deleted)
    data = {
        **_data(repository, found),
        "deleted": [str(each.digest) for each in swept.deleted],
        "dropped": {str(digest): why for digest, why in sorted(swept.dropped.items())},
        "freed_bytes": freed,
    }
    if not found.going:
        return Answer(data, (Text(f"nothing is to go from {repository.name}: nothing to do"),))
    says = f"deleted {len(swept.deleted)} images of {repository.name}, {_bytes(freed)} at most"
    dropped = (Text(f"{digest} stays: {why}") for digest, why in sorted(swept.dropped.items()))
    return Answer(data, (Text(says), *dropped), summary=True)


def _data(repository: ImageRef, found: Findings) -> dict[str, Any]:
    return {
        "repository": repository.name,
        "items": [_item(each) for each in found.decided],
        "objections": [{"flag": f"--{o.guard}", "says": o.says} for o in found.objections],
        "gaps": list(found.inventory.gaps),
        "notes": list(found.inventory.notes),
    }


def _item(decision: Decision) -> dict[str, Any]:
    item = decision.item
    return {
        "digest": str(item.digest),
        "kind": item.kind.value,
        "tags": list(item.tags),
        "pushed": item.pushed.isoformat() if item.pushed else None,
        "size_bytes": item.size,
        "keep": decision.keep,
        "reason": decision.reason,
    }


def _row(decision: Decision) -> tuple[str, ...]:
    item = decision.item
    pushed = item.pushed.date().isoformat() if item.pushed else "-"
    mark = "keep" if decision.keep else "delete"
    return (
        mark,
        ", ".join(item.tags) or "-",
        item.digest.hex[:_SHORT],
        pushed,
        decision.reason,
    )


def _bytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
