from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from webapp.app import WebApp
from webapp.faults import Faults, parse_faults


def test_all_faults_at_once() -> None:
    text = "slow=0.5,error=0.1,crash=30,unready,unhealthy"

    faults = parse_faults(text)

    assert faults == Faults(slow=0.5, error=0.1, unready=True, unhealthy=True, crash=30)
    assert str(faults) == text


@pytest.mark.parametrize(
    "text", ["slow", "slow=-1", "slow=x", "error=2", "unready=1", "boom", "slow=1,slow=2", "slow="]
)
def test_a_wrong_fault_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_faults(text)


def test_an_error_on_demand_is_an_honest_500(make_app: Callable[..., WebApp]) -> None:
    client = make_app(faults=Faults(error=1.0)).test_client()

    assert client.get("/").status_code == 500
    assert client.get("/healthz").status_code == 200
    assert client.get("/ready").status_code == 200


def test_a_slow_answer_on_demand(make_app: Callable[..., WebApp]) -> None:
    client = make_app(faults=Faults(slow=0.1)).test_client()

    began = time.monotonic()
    client.get("/will")

    assert time.monotonic() - began >= 0.1


def test_the_probes_fail_on_demand(make_app: Callable[..., WebApp]) -> None:
    client = make_app(faults=Faults(unready=True, unhealthy=True)).test_client()

    assert client.get("/healthz").status_code == 503
    ready = client.get("/ready")
    assert (ready.status_code, ready.json) == (503, {"status": "unready", "reason": "fault"})
