"""The page as a person sees it: in a real browser, at a desk and on a phone, by day and night."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, Request

from tests.conftest import REPOSITORY
from tests.testbed.browser import chromium
from tests.testbed.ports import free_port

pytestmark = pytest.mark.real
OUTPUT = REPOSITORY / "tests" / "output"
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(params=["dogs", "stars"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a running app."""
    port = free_port()
    environ = {
        **os.environ,
        "FLASK_PORT": str(port),
        "COLLECTION": request.param,
        "DATABASE_URL": f"sqlite:///{tmp_path}/app.db",
    }
    command = [sys.executable, "-m", "dogctl", "up", "--port", str(port)]
    stack = tmp_path / "project"
    stack.mkdir()
    environ["XDG_DATA_HOME"] = str(tmp_path)
    subprocess.run(command, cwd=stack, env=environ, check=True, capture_output=True)
    yield f"http://127.0.0.1:{port}"
    down = [sys.executable, "-m", "dogctl", "down"]
    subprocess.run(down, cwd=stack, env=environ, check=True, capture_output=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_the_page(browser: Browser, app: str, screen: dict[str, int], scheme: str) -> None:
    asked: list[Request] = []
    complaints: list[str] = []
    context = browser.new_context(viewport=screen, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.on("request", lambda request: asked.append(request))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(app)
    assert picture_is_shown(page)
    assert complaints == []
    assert all(request.url.startswith(app) for request in asked)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert is_dark(page) == (scheme == "dark")
    assert page.locator("#visitor").is_visible()
    save(page, f"{page.title()}-{screen['width']}-{scheme}")
    context.close()


def test_another_one_counts_on_without_javascript(browser: Browser, app: str) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(app)
    first = int(page.locator("#visitor").get_attribute("data-count") or 0)
    page.get_by_role("link", name="Another one").click()
    assert page.locator("#visitor").get_attribute("data-count") == str(first + 1)
    page.context.close()


def test_a_wrong_address_is_a_friendly_page(browser: Browser, app: str) -> None:
    page = browser.new_page(viewport=DESK)  # type: ignore[arg-type]
    answer = page.goto(f"{app}/nonsense")
    assert answer is not None
    assert answer.status == 404
    assert page.get_by_role("heading").first.is_visible()
    page.context.close()


def test_every_refresh_shows_another_picture_now_and_then(app: str) -> None:
    pages = [requests.get(app, timeout=5).text for _ in range(30)]
    shown = {line for page in pages for line in page.splitlines() if 'id="picture"' in line}
    assert len(shown) > 3


def picture_is_shown(page: Page) -> bool:
    page.wait_for_function("document.querySelector('#picture').complete")
    return bool(page.evaluate("document.querySelector('#picture').naturalWidth > 100"))


def is_dark(page: Page) -> bool:
    background = page.evaluate("getComputedStyle(document.body).color.match(/[0-9.]+/g)")
    return sum(float(part) for part in background[:3]) > 3 * 128


def save(page: Page, name: str) -> None:
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=OUTPUT / f"{name.replace(' ', '-').lower()}.png")
