"""What people read of sizes."""

from __future__ import annotations

import pytest

from dogctl.lifecycle.cleanup.words import size


@pytest.mark.parametrize(
    ("count", "says"),
    [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (40_000, "40.0 kB"), (2_460_000, "2.5 MB")],
)
def test_a_small_size_is_still_one(count: int, says: str) -> None:
    assert size(count) == says
