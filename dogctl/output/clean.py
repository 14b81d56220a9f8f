"""Text from outside, made safe to print."""

from __future__ import annotations

import re

# CSI and OSC sequences, then every other control character but tab and newline.
_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


def clean(text: str) -> str:
    """Without terminal control sequences; colours of foreign programs go too."""
    return _CONTROL.sub("", text.replace("\r\n", "\n"))
