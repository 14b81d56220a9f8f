"""The stages of a deploy, and what each of them waits for once others are left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from dogctl.config.hooks import Stage
from dogctl.plan import Step

More = Mapping[Stage, tuple[Stage, ...]]
# What each uses. The infrastructure is made meanwhile, unless its configuration asks for the image.
NEEDS: Mapping[Stage, tuple[Stage, ...]] = {
    Stage.BUILD: (),
    Stage.PUSH: (Stage.BUILD,),
    Stage.SMOKE: (Stage.BUILD,),
    Stage.TAG: (Stage.PUSH, Stage.SMOKE),
    Stage.LOAD: (Stage.SMOKE,),
    Stage.INFRA: (),
    # What a release would change is looked at while the image is tested.
    Stage.COMPARE: (Stage.PUSH, Stage.INFRA),
    # Only what was tested is published; and if it cannot be, nothing is released.
    Stage.PUBLISH: (Stage.TAG, Stage.LOAD),
    Stage.RELEASE: (Stage.TAG, Stage.INFRA, Stage.COMPARE, Stage.PUBLISH),
    # What is old may be in use until then.
    Stage.PRUNE: (Stage.RELEASE,),
}


def needs(
    stage: Stage, there: Collection[Stage], more: More = MappingProxyType({})
) -> tuple[str, ...]:
    """The stages that a stage waits for, among those that are there.

    One that is left out is waited for no longer, but what it would have waited for is. `more` are
    further needs of single stages.
    """
    found: dict[Stage, None] = {}
    wanted = [*NEEDS[stage], *more.get(stage, ())]
    while wanted:
        each = wanted.pop(0)
        if each in there:
            found[each] = None
        else:
            wanted += NEEDS[each]
    return tuple(map(str, found))


def ordered(steps: Iterable[Step], more: More = MappingProxyType({})) -> tuple[Step, ...]:
    """The steps, each after what it needs."""
    by_stage = {Stage(step.name): step for step in steps}
    waiting = [each for each in Stage if each in by_stage]
    done: list[Stage] = []
    while waiting:
        ready = next(each for each in waiting if set(needs(each, by_stage, more)) <= set(done))
        waiting.remove(ready)
        done.append(ready)
    return tuple(replace(by_stage[each], needs=needs(each, by_stage, more)) for each in done)
