"""What happens to archives while readers may still be shown the old index."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from dogctl.chartrepos.pages import Pages
from dogctl.config.load import load
from dogctl.errors import Cancelled
from dogctl.execution import execute, look
from dogctl.lifecycle.charts.repository import address_of
from dogctl.lifecycle.cleanup.charts import Charts
from dogctl.lifecycle.cleanup.guards import Guard
from dogctl.lifecycle.cleanup.parts import Cleanup
from dogctl.lifecycle.cleanup.references import References
from dogctl.lifecycle.cleanup.retention import keep_latest
from dogctl.plan import Report, Step
from tests.dogctl.cleanup.chart_stores import Kennel, Store, store
from tests.dogctl.conftest import Project
from tests.dogctl.infra_project import Silent

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]


@pytest.fixture
def charts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(Pages, "cache", property(lambda _: 600.0))
    with store("pages") as found:
        for number in range(3):
            found.publish("dogs", f"1.{number}.0", 50 - number)
        yield found


@pytest.fixture
def kennel(charts: Store, new_project: Callable[[], Project]) -> Kennel:
    return Kennel(new_project(), charts)


class Stops(Silent):
    """Asks to stop once it is waited."""

    def __init__(self) -> None:
        self.stop = threading.Event()

    def progress(self, _: Step, message: str) -> None:
        if "waiting 600 s" in message:
            self.stop.set()


def clean(kennel: Kennel, days: float = 0, *, waits: bool = True) -> Report:
    """The cleanup of all but one, so many days from now."""
    project = load(folder=kennel.project.root)
    part = Charts(
        project,
        keep_latest(1),
        frozenset(Guard),
        address=address_of(project),
        chart="dogs",
        waits=waits,
        now=datetime.now(UTC) + timedelta(days=days),
    )
    cleanup = Cleanup([part], lambda _: References(None, "dogs"), "no environment")
    looked = cleanup.looked(look(cleanup.looking())[1])
    reporter = Stops()
    return execute(cleanup.deleting(looked), reporter, reporter.stop)


def test_who_does_not_wait_leaves_them_to_the_next(kennel: Kennel, charts: Store) -> None:
    first = clean(kennel, waits=False)
    assert first.error is None
    assert (charts.versions(), len(charts.archives())) == ({"1.2.0"}, 3)
    # Those of a run that has just ended are as young as they look.
    assert not clean(kennel, waits=False).changed
    assert clean(kennel, 2, waits=False).changed
    assert charts.archives() == {"dogs-1.2.0.tgz"}


def test_who_stops_while_it_waits_leaves_them_too(kennel: Kennel, charts: Store) -> None:
    stopped = clean(kennel)
    assert isinstance(stopped.error, Cancelled)
    assert (charts.versions(), len(charts.archives())) == ({"1.2.0"}, 3)
    assert clean(kennel, 2).error is None
    assert charts.archives() == {"dogs-1.2.0.tgz"}


def test_a_version_that_is_published_again_meanwhile_stays(kennel: Kennel, charts: Store) -> None:
    clean(kennel, waits=False)
    charts.publish("dogs", "1.1.0", 0)
    again = clean(kennel, 2, waits=False)
    assert again.error is None
    assert charts.versions() == {"1.1.0"}
    assert charts.archives() == {"dogs-1.1.0.tgz", "dogs-1.2.0.tgz"}
