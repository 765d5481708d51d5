"""Make docs/images/html-report.png from an HTML report: its first screen on a desk and, beside it, on a phone.

    python docs/images/html-report.py shown.html docs/images/html-report.png

It needs Playwright and a Chromium on the machine.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

_DESK, _PHONE = (1440, 900), (390, 844)
_GAP, _GROUND = 24, "#b9c0c9"


def first_screen(browser: Browser, report: Path, size: tuple[int, int]) -> Image.Image:
    """The page as it opens on a screen of that size, in pixels."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.goto(report.resolve().as_uri())
    page.wait_for_selector("html[data-ready]")
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def main() -> None:
    report, output = map(Path, sys.argv[1:])
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        screens = [first_screen(browser, report, size) for size in (_DESK, _PHONE)]
        browser.close()
    width = sum(screen.width for screen in screens) + 3 * _GAP
    height = max(screen.height for screen in screens) + 2 * _GAP
    sheet = Image.new("RGB", (width, height), _GROUND)
    left = _GAP
    for screen in screens:
        sheet.paste(screen, (left, _GAP))
        left += screen.width + _GAP
    sheet.save(output, optimize=True)


if __name__ == "__main__":
    main()
