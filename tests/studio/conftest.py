import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


@pytest.fixture(scope="module")  # not longer: as long as Playwright runs, no other test can call asyncio.run
def browser() -> Iterator[Any]:
    """Headless Chromium, installed or Playwright's; tests are skipped without one.

    Its microphone is Chromium's fake device, which beeps.
    """
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")
    own = next(filter(None, map(shutil.which, CHROMES)), None)
    with sync_api.sync_playwright() as playwright:
        # An installed Chromium that does not start is an error, not a reason to skip.
        if own is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("needs Chromium: playwright install chromium")
        chromium = playwright.chromium.launch(executable_path=own, args=ARGUMENTS, timeout=120_000)
        yield chromium
        chromium.close()
