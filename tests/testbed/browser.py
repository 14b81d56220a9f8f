"""A headless Chromium from Debian's packages, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests.testbed.debian import MissingPackages

ARGUMENTS = (
    "--no-sandbox",  # Chromium's own needs a user other than root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, closed at the end. Raises MissingPackages if there is none."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise MissingPackages("needs Debian's chromium; as root: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()
