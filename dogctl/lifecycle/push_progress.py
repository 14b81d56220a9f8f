"""How far a push is: what the engine says of each layer, in few words."""

from __future__ import annotations

import re

from dogctl.tools.docker import Layer

# It counts down the seconds until it tries a layer again.
_COUNTDOWN = re.compile(r" in \d+ seconds?$")
_DULL = ("Preparing", "Waiting")
_THERE = ("Pushed", "Layer already exists", "Mounted from")
MEGABYTE = 1_000_000


class Layers:
    """The layers of a push that is under way."""

    def __init__(self) -> None:
        self._layers: dict[str, Layer] = {}
        self._states: dict[str, str] = {}

    def hear(self, layer: Layer) -> str | None:
        """Take note of it; answers a line where a layer is in another state than before."""
        state = _COUNTDOWN.sub("", layer.state)
        before = self._states.get(layer.id)
        self._states[layer.id] = state
        # Only while it is pushed the engine tells its size.
        if layer.size or layer.id not in self._layers:
            self._layers[layer.id] = layer
        if state == before or state.startswith(_DULL):
            return None
        return f"{layer.id} {state[:1].lower()}{state[1:]}"

    def __str__(self) -> str:
        there = sum(state.startswith(_THERE) for state in self._states.values())
        sizes = self._layers.values()
        # The engine counts a layer's own bytes, headers included, and so more than its size.
        sent = sum(min(each.sent, each.size) for each in sizes)
        text = f"{there} of {len(self._states)} layers"
        size = sum(each.size for each in sizes)
        return f"{text}, {sent / MEGABYTE:.1f} of {size / MEGABYTE:.1f} MB" if size else text
