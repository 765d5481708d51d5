"""An HTML report in a real browser, opened from disk."""

from __future__ import annotations

import time
from pathlib import Path

from playwright.sync_api import BrowserContext, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Opened:
    """A page, and all that went wrong in it. requests: whatever the page asked for besides itself."""

    def __init__(self, context: BrowserContext, path: Path) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        began = time.perf_counter()
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready]")
        self.ready_seconds = time.perf_counter() - began
        self.requests = [
            url for url in self.requests if url != path.as_uri() and not url.startswith(("data:", "blob:"))
        ]

    def open(self, sections: str = "details.section") -> None:
        """As a reader does, who presses on a section's heading."""
        self.page.evaluate(
            "which => document.querySelectorAll(which).forEach((each) => { each.open = true; })", sections
        )

    def draw(self, charts: str = "figure.chart") -> None:
        """They are scrolled to, and waited for."""
        self.open()
        for chart in self.page.query_selector_all(charts):
            chart.scroll_into_view_if_needed()
            chart.wait_for_selector(".main-svg")

    def contenders(self) -> list[str]:
        """The contenders that the first leaderboard shows, in order."""
        rows = self.page.locator("#board-1 table >> nth=0 >> tbody >> nth=0 >> tr:not([hidden])")
        return rows.evaluate_all("rows => rows.map((row) => row.dataset.model)")  # type: ignore[no-any-return]
