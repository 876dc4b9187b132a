"""Debian's Chromium, driven by playwright, and what every page must pass."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
WIDTHS = (1280, 390)
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
# Set it to a folder to keep a picture of every page that a test opens.
SCREENSHOTS = os.environ.get("WELLSPRING_SCREENSHOTS", "")


@contextmanager
def chromium() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("Chromium is not installed: apt-get install chromium fonts-noto-cjk")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """One person in a browser. Collects everything that the console or the network complains about."""

    def __init__(self, browser: Browser, base_url: str, *, width: int = 1280, language: str = "en", dark: bool = False):
        self.base_url = base_url
        self.context = browser.new_context(
            viewport={"width": width, "height": 900},
            locale="zh-CN" if language == "zh-hans" else "en-GB",
            color_scheme="dark" if dark else "light",
        )
        self.width = width
        self.complaints: list[str] = []
        self.page = self.context.new_page()
        self.page.on("console", lambda m: m.type in {"error", "warning"} and self.complaints.append(m.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._watch_host)

    def _watch_host(self, request) -> None:
        if not request.url.startswith((self.base_url, "data:", "blob:")):
            self.complaints.append(f"foreign address {request.url}")

    def log_in(self, name: str, password: str) -> None:
        self.page.goto(f"{self.base_url}/login")
        self.page.fill("input[name=username]", name)
        self.page.fill("input[name=password]", password)
        self.press("main button")
        assert "/login" not in self.page.url, f"{name} could not log in"

    def open(self, path: str) -> Page:
        answer = self.page.goto(self.base_url + path, wait_until="load")
        assert answer is not None
        assert answer.status == 200, f"{path} → {answer.status}"
        return self.page

    def press(self, selector: str) -> None:
        """Click what leads to another page, and wait for that page: a click alone returns before it has begun."""
        with self.page.expect_navigation(wait_until="load"):
            self.page.click(selector)

    def check_looks(self, name: str) -> None:
        """No sideways scrolling, one h1, every field labelled, every picture described, nothing in the console."""
        if SCREENSHOTS:
            folder = Path(SCREENSHOTS)
            folder.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=str(folder / f"{name}-{self.width}.png"), full_page=True)
        overflow = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{name} is {overflow} px wider than {self.width} px"
        assert self.page.locator("h1").count() == 1, f"{name} has {self.page.locator('h1').count()} h1"
        unlabelled = self.page.evaluate(
            "[...document.querySelectorAll('input:not([type=hidden]):not([type=submit]), select, textarea')]"
            ".filter(e => !e.labels?.length && !e.ariaLabel && !e.getAttribute('aria-labelledby')).map(e => e.name)"
        )
        assert unlabelled == [], f"{name}: fields without label {unlabelled}"
        undescribed = self.page.evaluate("[...document.querySelectorAll('img:not([alt])')].map(e => e.src)")
        assert undescribed == [], f"{name}: pictures without alt {undescribed}"
        assert self.complaints == [], f"{name}: {self.complaints}"

    def close(self) -> None:
        self.context.close()
