"""What nobody could prove about what is in use: it takes a flag of its own to go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from dogctl.config.load import load
from dogctl.execution import execute, look
from dogctl.lifecycle.cleanup.cleanup import cleanup_of
from dogctl.lifecycle.cleanup.guards import Guard
from dogctl.lifecycle.cleanup.references import References
from dogctl.lifecycle.cleanup.retention import keep_latest
from tests.dogctl.cleanup.chart_stores import UNUSED, Kennel, Store, filled, store
from tests.dogctl.conftest import Project
from tests.dogctl.infra_project import Silent
from tests.testbed.google.resources import BUCKET
from tests.testbed.google.serving import PROJECT, google_alone
from tests.testbed.registries.registry import binary

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
WORDS = ("--keep", "2", "--json", *UNUSED)
STATES = "kennel-states"
GAP = (
    "qa: counts as never made, since this machine has no state of Terraform's for it, and another"
    " one may have it"
)


@pytest.fixture(scope="module", autouse=True)
def unpacked() -> None:
    """Before the sandbox of the first test."""
    binary()


@pytest.fixture
def charts() -> Iterator[Store]:
    """A registry, and a Google that has a bucket and no cluster."""
    with store("oci") as found, google_alone() as google:
        google.resources.create(BUCKET, {"project": PROJECT, "name": STATES})
        key = google.key(google.account("cleaner"))
        yield replace(found, environ={**google.environ, "GCP_CREDENTIALS": key})


Make = Callable[[str], Kennel]


@pytest.fixture
def kennel(charts: Store, new_project: Callable[[], Project]) -> Make:
    """Four images and four versions of a chart, and qa, whose state is there."""

    def make(state: str) -> Kennel:
        place = f'cluster = "kennel"\nregion = "europe-west1"\nproject-id = "{PROJECT}"'
        table = f'[tool.dogctl.env.qa]\ntarget = "gke"\ninfra = "tf"\nstate = "{state}"\n{place}\n'
        return filled(new_project(), charts, table)

    return make


def gaps(kennel: Kennel) -> dict[str, list[str]]:
    """Those of each part."""
    done = kennel.cleanup(*WORDS, "--dry-run", what=())
    assert done.code == 0, done.err
    return {name: done.json["data"][name]["gaps"] for name in ("images", "charts")}


def test_a_state_that_another_machine_may_have_is_a_gap(kennel: Make, charts: Store) -> None:
    made = kennel("local")
    assert gaps(made) == {"images": [GAP], "charts": [GAP]}
    refused = made.cleanup(*WORDS, "--yes", what=())
    assert (refused.code, refused.json["error"]["code"]) == (2, "guarded")
    assert refused.json["error"]["where"] == "--allow-gaps"
    assert GAP in refused.json["error"]["message"]
    assert len(charts.versions()) == 4
    done = made.cleanup(*WORDS, "--yes", "--allow-gaps", what=())
    assert done.code == 0, done.err
    assert charts.versions() == {"1.2.0", "1.3.0"}


def test_a_state_that_has_nothing_is_none(kennel: Make) -> None:
    made = kennel("local")
    path = made.project.root / ".dogctl/infra-state/kennel-qa.tfstate"
    path.parent.mkdir(parents=True)
    path.write_text('{"resources": []}')
    assert gaps(made) == {"images": [], "charts": []}


def test_a_bucket_without_the_state_is_none(kennel: Make) -> None:
    assert gaps(kennel(f"gs://{STATES}/app")) == {"images": [], "charts": []}


def test_a_bucket_that_is_not_there_proves_nothing(kennel: Make, charts: Store) -> None:
    done = kennel("gs://kennle-states/app").cleanup(*WORDS, "--yes", "--allow-gaps", what=())
    assert (done.code, done.json["error"]["code"]) == (1, "state-bucket-missing")
    assert done.json["error"]["message"].startswith("what qa uses cannot be told: there is no such")
    assert len(charts.versions()) == 4


@pytest.mark.parametrize("kind", ["gcs", "oci"])
def test_a_gap_that_came_meanwhile_stops_it(kind: str, new_project: Callable[[], Project]) -> None:
    allowed = frozenset(Guard) - {Guard.GAPS}
    with store(kind) as found:
        kennel = Kennel(new_project(), found)
        for number in range(3):
            found.publish("dogs", f"1.{number}.0", 50 - number)
        project = load(folder=kennel.project.root)
        cleanup = cleanup_of(project, (), keep_latest(1), allowed, "charts", waits=False)
        looked = cleanup.looked(look(cleanup.looking())[1])
        later = References(None, "dogs", gaps=["qa: nobody knows"])
        report = execute(replace(cleanup, scan=lambda _: later).deleting(looked), Silent())
        assert "qa: nobody knows" in str(report.error)
        assert len(found.versions()) == 3
