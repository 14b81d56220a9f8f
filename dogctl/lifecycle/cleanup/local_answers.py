"""What `dogctl cleanup local` answers."""

from __future__ import annotations

from typing import Any

from dogctl.answer import Answer, Block, Table, Text
from dogctl.lifecycle.cleanup.local import IMAGES, STACKS, LeftStack, LocalFindings, SweptImages
from dogctl.lifecycle.cleanup.retention import Decision
from dogctl.lifecycle.cleanup.words import mark, short, size
from dogctl.plan import Results


def shown_local(found: LocalFindings) -> tuple[Block, ...]:
    """What goes and what stays, with the reason of each, for people."""
    if not found.stacks and not found.images:
        return (Text("there is nothing of this project on this machine"),)
    rows = (*map(_stack_row, found.stacks), *map(_image_row, found.images))
    says = f"{len(found.dead)} stacks and {len(found.old)} images would go"
    return (Table(("", "kind", "name", "size", "why"), rows), Text(says))


def answer_local_looking(found: LocalFindings) -> Answer:
    """What would be done."""
    return Answer({"dry_run": True, **_data(found)}, shown_local(found))


def answer_local(found: LocalFindings, results: Results) -> Answer:
    """What was done."""
    stacks: tuple[str, ...] = results[STACKS]
    images: SweptImages = results[IMAGES]
    freed = sum(each.size for each in images.deleted)
    data = {
        **_data(found),
        "removed_stacks": list(stacks),
        "deleted": [str(each.digest) for each in images.deleted],
        "dropped": dict(sorted(images.dropped.items())),
        "freed_bytes": freed,
    }
    if not found.dead and not found.old:
        return Answer(data, (Text("nothing is to go from this machine: nothing to do"),))
    says = f"removed {len(stacks)} stacks and {len(images.deleted)} images, {size(freed)} at most"
    dropped = (Text(f"{name} stays: {why}") for name, why in sorted(images.dropped.items()))
    return Answer(data, (Text(says), *dropped))


def _data(found: LocalFindings) -> dict[str, Any]:
    return {
        "stacks": [
            {
                "name": each.name,
                "containers": each.containers,
                "volumes": each.volumes,
                "networks": each.networks,
                "keep": each.keep,
                "reason": each.reason,
            }
            for each in found.stacks
        ],
        "images": [
            {
                "id": str(each.item.digest),
                "tags": list(each.item.tags),
                "tagged": each.item.pushed.isoformat() if each.item.pushed else None,
                "size_bytes": each.item.size,
                "keep": each.keep,
                "reason": each.reason,
            }
            for each in found.images
        ],
    }


def _stack_row(stack: LeftStack) -> tuple[str, ...]:
    parts = f"{stack.containers} containers, {stack.volumes} volumes"
    return (mark(stack.keep), "stack", stack.name, parts, stack.reason)


def _image_row(decision: Decision) -> tuple[str, ...]:
    item = decision.item
    name = ", ".join(item.tags) or short(item.digest)
    return (mark(decision.keep), "image", name, size(item.size), decision.reason)
