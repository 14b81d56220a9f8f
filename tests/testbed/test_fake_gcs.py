"""What fake-gcs-server is a judge of: conditions on writes, and not those on reads."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from tests.testbed.google.fake_gcs import BUILD, FakeGcs, fake_gcs

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
NAME = "kennel"


@pytest.fixture(scope="module")
def program() -> Path:
    return BUILD.program()


def test_conditions_on_writes_are_kept(program: Path) -> None:
    with fake_gcs(program) as found:
        found.create(NAME)
        assert put(found, "one", 0) == 200
        assert put(found, "two", 0) == 412
        now = generation(found)
        assert put(found, "two", now + 1) == 412
        assert found.content(NAME) == {"a/dog": b"one"}
        assert put(found, "two", now) == 200
        assert put(found, "three", now) == 412
        assert found.content(NAME) == {"a/dog": b"two"}


def test_conditions_on_reads_are_not(program: Path) -> None:
    """Google answers 412; so the test bed's own has to, where a read is tested for it."""
    with fake_gcs(program) as found:
        found.create(NAME)
        put(found, "one", 0)
        url = f"{found.url}/download/storage/v1/b/{NAME}/o/a%2Fdog"
        wrong = {"alt": "media", "ifGenerationMatch": str(generation(found) + 1)}
        assert requests.get(url, wrong, timeout=10).status_code == 200


def test_a_program_that_ends_at_once_is_told() -> None:
    with pytest.raises(RuntimeError, match="did not start"), fake_gcs(Path("/bin/false")):
        pytest.fail("nothing runs")


def put(found: FakeGcs, text: str, mark: int) -> int:
    """The status of writing over that generation."""
    query = {"uploadType": "media", "name": "a/dog", "ifGenerationMatch": str(mark)}
    url = f"{found.url}/upload/storage/v1/b/{NAME}/o"
    return requests.post(url, text.encode(), params=query, timeout=10).status_code


def generation(found: FakeGcs) -> int:
    url = f"{found.url}/storage/v1/b/{NAME}/o/a%2Fdog"
    return int(requests.get(url, timeout=10).json()["generation"])
