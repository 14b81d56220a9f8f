"""`dogctl infra output`: what the infrastructure gives."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dogctl.plan import Plan, Results, Run, Step

if TYPE_CHECKING:
    from dogctl.lifecycle.infra.infra import Infra
    from dogctl.lifecycle.infra.planned import Outputs

OUTPUT = "output"


def plan_output(infra: Infra) -> Plan:
    """Read the outputs out of the state, be somebody else at work on it or not."""

    def run(_: Run) -> Outputs:
        return infra.outputs()

    def change(_: Results) -> str:
        return f"read the outputs in {infra.state.shown}"

    init = replace(infra.init(), done=lambda _: "ready" if infra.is_ready() else None)
    step = Step(OUTPUT, change, run, needs=(init.name,), looks=True, previewed=True)
    return Plan("infra output", (init, step))
