"""The key of what an image is built from."""

from __future__ import annotations

import os
from pathlib import Path

from dogctl.tools.build_context import content_key, place_dockerfile


def test_a_dockerfile_outside_the_context_counts(tmp_path: Path) -> None:
    context = tmp_path / "app"
    context.mkdir()
    dockerfile = tmp_path / "Dockerfile"
    keys = set()
    for text in ("FROM one", "FROM two"):
        dockerfile.write_text(text)
        keys.add(content_key(context, "../Dockerfile"))
    assert len(keys) == 2


def test_what_dogctl_keeps_is_no_part_of_it_at_any_depth(tmp_path: Path) -> None:
    """The context of a project may be a folder above it."""
    (tmp_path / "app" / ".dogctl").mkdir(parents=True)
    (tmp_path / "app" / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    before = content_key(tmp_path, "app/Dockerfile")
    (tmp_path / "app" / ".dogctl" / "password").touch()
    assert content_key(tmp_path, "app/Dockerfile") == before
    placed = place_dockerfile(tmp_path, "app/Dockerfile", tmp_path / "placed")
    ignored = placed.with_name("Dockerfile.dockerignore").read_text()
    assert ignored.splitlines()[-1] == "**/.dogctl"
    assert [path.name for path in placed.parent.glob(".*")] == []


def test_names_and_patterns_that_are_no_text_count(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").touch()
    (tmp_path / os.fsdecode(b"caf\xe9")).touch()
    before = content_key(tmp_path)
    (tmp_path / ".dockerignore").write_bytes(b"\xef\xbb\xbfcaf\xe9\n.dockerignore\n")
    assert content_key(tmp_path) != before
    placed = place_dockerfile(tmp_path, "Dockerfile", tmp_path / "placed")
    assert b"caf\xe9\n" in placed.with_name("Dockerfile.dockerignore").read_bytes()
