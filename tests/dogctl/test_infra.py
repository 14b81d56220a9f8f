"""`dogctl infra`, with real Terraform and its state in a store that speaks S3."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.dogctl.conftest import Project
from tests.dogctl.infra_project import KEY, InfraProject, Store, store

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def s3() -> Iterator[Store]:
    with store() as found:
        yield found


@pytest.fixture
def infra(s3: Store, new_project: Callable[[], Project]) -> InfraProject:
    """A project whose state has a bucket."""
    s3.empty()
    s3.make_bucket()
    return InfraProject(new_project(), s3)


def test_what_is_planned_is_applied_and_then_there_is_nothing_to_do(infra: InfraProject) -> None:
    planned = infra.dogctl("infra", "plan", "--detailed-exitcode")
    assert planned.code == 10, planned.err
    assert "+ module.kennel.terraform_data.kennel" in planned.out
    assert "dev: 3 to create" in planned.out
    assert KEY not in infra.store.names()

    applied = infra.dogctl("infra", "apply", ".dogctl/infra/dev/plan", "--json")
    assert applied.code == 0, applied.err
    assert applied.json["data"]["changed"] is True
    assert applied.json["data"]["outputs"] == {
        "kennel": "tiny-dev",
        "bowl": {"size": 1, "full": True},
        "password": "***",
    }
    state = json.loads(infra.store.read(KEY))
    assert len(state["resources"]) == 3
    assert infra.store.names() == [KEY]  # no lock is left

    again = infra.dogctl("infra", "plan", "--detailed-exitcode")
    assert (again.code, again.out) == (0, "dev: nothing changes\n")
    assert "nothing to do" in infra.dogctl("infra", "apply").out
