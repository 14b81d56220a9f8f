"""Image names, by the grammar of distribution."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dogctl.image import Digest, ImageRef

HEX = "0123456789abcdef" * 4
DIGEST = f"sha256:{HEX}"
COMPONENT = st.from_regex(r"[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}", fullmatch=True)
REGISTRIES = st.from_regex(r"([a-z0-9]{1,6}\.){1,3}[a-z]{2,4}(:[0-9]{1,5})?", fullmatch=True)
TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}", fullmatch=True)
DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64).map(lambda x: Digest("sha256", x))
REFS = st.builds(
    ImageRef,
    registry=st.one_of(REGISTRIES, st.sampled_from(["docker.io", "localhost", "[::1]:5000"])),
    # Docker Hub has no repository without a namespace.
    repository=st.lists(COMPONENT, min_size=2, max_size=4).map("/".join),
    tag=st.none() | TAGS,
    digest=st.none() | DIGESTS,
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    {
        "app": "docker.io/library/app",
        "app:1.0": "docker.io/library/app:1.0",
        "team/app": "docker.io/team/app",
        "docker.io/app": "docker.io/library/app",
        "index.docker.io/team/app:1": "docker.io/team/app:1",
        "localhost/app": "localhost/app",
        "localhost:5000/app": "localhost:5000/app",
        "127.0.0.1:5000/team/app:1": "127.0.0.1:5000/team/app:1",
        "Host/app": "Host/app",
        "[2001:db8::1]:5000/app:1": "[2001:db8::1]:5000/app:1",
        "gcr.io/project/app": "gcr.io/project/app",
        f"app:1@{DIGEST}": f"docker.io/library/app:1@{DIGEST}",
        f"ghcr.io/team/app@{DIGEST}": f"ghcr.io/team/app@{DIGEST}",
    }.items(),
)
def test_what_people_write(text: str, canonical: str) -> None:
    assert str(ImageRef.parse(text)) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":1",
        "-app",
        "--privileged",
        "team/-app",
        "app:-1",
        "app:",
        "app@",
        "app:1:2",
        "App",
        "team//app",
        "app_",
        "a..b/c",
        "-host.example/app",
        "host.example:port/app",
        "app name",
        "app\n",
        "app:1\n",
        "äpp",
        "app@sha256:12",
        f"app@sha1:{HEX}",
        f"app@{DIGEST.upper()}",
        f"app:{'x' * 129}",
        "x" * 256,
        "https://host.example/app",
    ],
)
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        ImageRef.parse(text)


@given(REFS)
def test_what_is_written_is_read_again(ref: ImageRef) -> None:
    assert ImageRef.parse(str(ref)) == ref


@given(
    st.text(string.printable + "äß\x00\x7f", max_size=40) | st.from_regex(r"[-./:@a-z0-9]{0,20}")
)
@example("--help")
@example("docker.io/-/x")
def test_nothing_that_is_read_could_be_an_option_or_leave_its_place(text: str) -> None:
    try:
        ref = ImageRef.parse(text)
    except ValueError:
        return
    assert re.fullmatch(r"[][A-Za-z0-9._:/@-]+", str(ref))
    assert not any(
        part.startswith(("-", "."))
        for part in (*ref.repository.split("/"), ref.tag or "x", ref.registry)
    )
    assert ImageRef.parse(str(ref)) == ref


def test_a_ref_is_retagged_and_pinned() -> None:
    ref = ImageRef.parse("team/app:1.0").pinned(Digest.parse(DIGEST))
    assert str(ref) == f"docker.io/team/app:1.0@{DIGEST}"
    assert str(ref.tagged("latest")) == "docker.io/team/app:latest"
    with pytest.raises(ValueError, match="no tag"):
        ref.tagged("--all")
