"""What `dogctl cleanup` answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dogctl.answer import Answer, Block, Table, Text
from dogctl.errors import DogctlError, ExitCode
from dogctl.lifecycle.cleanup.parts import VERIFY, Cleanup, Findings, Looked, Part
from dogctl.lifecycle.cleanup.retention import Decision
from dogctl.lifecycle.cleanup.sweep import Swept
from dogctl.lifecycle.cleanup.words import mark, short, size
from dogctl.plan import Results


def shown(cleanup: Cleanup, looked: Looked) -> tuple[Block, ...]:
    """What goes and what stays of each part, with the reason of each, for people."""
    return tuple(block for each in cleanup.parts for block in _shown(each, looked[each.name]))


def answer_looking(cleanup: Cleanup, looked: Looked) -> Answer:
    """What would be done. Raises DogctlError: nothing of it can be told."""
    data = {each.name: _looked(each, looked[each.name]) for each in cleanup.parts}
    errors = [each for each in looked.values() if isinstance(each, DogctlError)]
    if errors and len(cleanup.parts) == 1:
        raise errors[0]
    code = errors[0].exit_code if errors else ExitCode.DONE
    return Answer({"dry_run": True, **_whole(cleanup, data)}, shown(cleanup, looked), code)


def answer_cleanup(cleanup: Cleanup, looked: Looked, results: Results) -> Answer:
    """What was done, of each part that has come to its end."""
    done = [
        (each, found, results[each.name][VERIFY])
        for each in cleanup.parts
        if each.name in results and isinstance(found := looked[each.name], Findings)
    ]
    data = {each.name: _done(each, found, swept) for each, found, swept in done}
    lines = [line for each, found, swept in done for line in _lines(each, found, swept)]
    changed = any(swept.deleted for _, _, swept in done)
    return Answer(_whole(cleanup, data), tuple(map(Text, lines)), summary=changed)


def left_changed(cleanup: Cleanup, looked: Looked, results: Results) -> list[str]:
    """What was done of the parts that have come to their end, where another one has not."""
    answer = answer_cleanup(cleanup, looked, results)
    return [each.text for each in answer.blocks if isinstance(each, Text)]


def _whole(cleanup: Cleanup, data: dict[str, Any]) -> dict[str, Any]:
    """Of the one part that was asked for as it is, else of each by its name."""
    return data if cleanup.named is None else data.get(cleanup.named, {})


def _shown(part: Part, found: Findings | DogctlError) -> Iterator[Block]:
    if isinstance(found, DogctlError):
        yield Text(f"what is in {part.place} cannot be told: {found}")
        return
    if not found.decided:
        yield Text(f"{part.place} is empty")
        return
    yield Table(("", "tags", "digest", "pushed", "why"), tuple(map(_row, found.decided)))
    going = f"{len(found.going)} of {len(found.decided)} {part.name} of {part.place} would go"
    yield Text(f"{going}, {size(found.size)} at most")
    yield from (Text(f"{each.says}: --{each.guard}") for each in found.objections)
    yield from map(Text, found.inventory.notes)


def _looked(part: Part, found: Findings | DogctlError) -> dict[str, Any]:
    if isinstance(found, DogctlError):
        return {"repository": part.place, "error": {"code": found.code, "message": found.message}}
    return _data(part, found)


def _done(part: Part, found: Findings, swept: Swept) -> dict[str, Any]:
    return {
        **_data(part, found),
        "deleted": [str(each.digest) for each in swept.deleted],
        "dropped": {str(digest): why for digest, why in sorted(swept.dropped.items())},
        "freed_bytes": _freed(swept),
    }


def _lines(part: Part, found: Findings, swept: Swept) -> Iterator[str]:
    if not found.going:
        yield f"no {part.name} are to go from {part.place}: nothing to do"
        return
    freed = size(_freed(swept))
    yield f"deleted {len(swept.deleted)} {part.name} of {part.place}, {freed} at most"
    yield from (f"{digest} stays: {why}" for digest, why in sorted(swept.dropped.items()))


def _freed(swept: Swept) -> int:
    return sum(each.size for each in swept.deleted)


def _data(part: Part, found: Findings) -> dict[str, Any]:
    return {
        "repository": part.place,
        "items": [_item(each) for each in found.decided],
        "objections": [{"flag": f"--{o.guard}", "says": o.says} for o in found.objections],
        "gaps": list(found.gaps),
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
    return (
        mark(decision.keep),
        ", ".join(item.tags) or "-",
        short(item.digest),
        pushed,
        decision.reason,
    )
