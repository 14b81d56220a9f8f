"""The key of what an image is built from."""

from __future__ import annotations

from pathlib import Path

from dogctl.tools.build_context import content_key


def test_a_dockerfile_outside_the_context_counts(tmp_path: Path) -> None:
    context = tmp_path / "app"
    context.mkdir()
    dockerfile = tmp_path / "Dockerfile"
    keys = set()
    for text in ("FROM one", "FROM two"):
        dockerfile.write_text(text)
        keys.add(content_key(context, "../Dockerfile"))
    assert len(keys) == 2
