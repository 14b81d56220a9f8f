"""The benchmarks work; what they find is not looked at."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path

import pytest

from tests.bench.charts import measure_index
from tests.bench.cleanup import REGCTL, measure_limit, measure_regctl
from tests.bench.load import Candidate, alternate, figures, measure, serving
from tests.bench.planning import measure_planning, measure_scan
from tests.bench.servers import command
from tests.bench.table import Row
from tests.bench.visits import candidates
from tests.dogctl.chartrepos.charts import helm
from tests.testbed.databases import mariadb
from tests.testbed.debian import ensure
from tests.testbed.registries.registry import binary
from tests.webapp.conftest import number_in

PRINTED = """
  Latency Distribution
     50%    1.20ms
     99%    0.99s
  9 requests in 1.00s, 1.00KB read
Requests/sec:   1234.50
"""


def test_a_row_shows_its_figure_and_its_goal() -> None:
    assert re.split("  +", str(Row("a / b", 12.345, "x", "at most 4"))) == [
        "",
        "a / b",
        "12.35 x",
        "at most 4",
    ]
    assert str(Row("rate", 23456.7, "/s")).endswith(" 23,457 /s")


def test_the_figures_of_wrk() -> None:
    assert figures(PRINTED) == (1234.5, 990)
    with pytest.raises(RuntimeError):
        figures("unable to connect")


@pytest.fixture(scope="module")
def program() -> str:
    """Helm, made where the home directory is the real one."""
    return helm("helm")


@pytest.mark.real
def test_an_index_is_edited(tmp_path: Path, program: str) -> None:
    assert [row.value > 0 for row in measure_index(tmp_path, program)] == [True] * 3


@pytest.fixture(scope="module")
def regctl() -> Path:
    """Likewise, and what a registry is."""
    binary()
    return REGCTL.program()


@pytest.mark.real
def test_old_images_are_deleted_as_fast_as_a_limit_allows(tmp_path: Path) -> None:
    took, each, of_limit = measure_limit(tmp_path, tags=60, rate=100)
    assert min(took.value, each.value, of_limit.value) > 0


@pytest.mark.real
def test_regctl_deletes_as_many(tmp_path: Path, regctl: Path) -> None:
    assert [row.value > 0 for row in measure_regctl(tmp_path, regctl, tags=30)] == [True] * 8


@pytest.mark.real
def test_what_a_cleanup_computes() -> None:
    rows = [*measure_planning(tags=50), *measure_scan(releases=3, revisions=2)]
    assert [row.value >= 0 for row in rows] == [True] * 4


@pytest.mark.real
def test_the_naive_app_counts() -> None:
    with mariadb() as server:
        naive = candidates(server.create(), server.create())[2]
        with serving(naive) as (_, port):
            pages = [
                urllib.request.urlopen(f"http://127.0.0.1:{port}/").read().decode()
                for _ in range(2)
            ]
    first, second = map(number_in, pages)
    assert second == first + 1


@pytest.mark.real
def test_a_server_that_fails_is_not_measured() -> None:
    ensure("wrk")
    failing = Candidate("failing", command("granian", "tests.bench.naive", "app", 1))
    with pytest.raises(RuntimeError, match="Non-2xx"):
        measure(failing, 1)


@pytest.mark.real
def test_a_short_round_of_visits() -> None:
    ensure("wrk")
    with mariadb() as server:
        # The last one answers a few requests a second, and on a busy machine none.
        *quick, _ = candidates(server.create(), server.create())
        found = alternate(quick, rounds=1, seconds=2)
    assert [best.rate > 0 and best.p99 > 0 for best in found.values()] == [True] * 4
