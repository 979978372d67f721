import shutil
from collections.abc import Iterator
from typing import Any

import pytest

CHROMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")  # not longer: as long as Playwright runs, no other test can call asyncio.run
def browser() -> Iterator[Any]:
    """A Chromium without a window: the machine's own, else Playwright's; the test is skipped if there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")
    own = next(filter(None, map(shutil.which, CHROMES)), None)
    arguments = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
    with sync_api.sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=own, args=arguments)
        except sync_api.Error as error:
            pytest.skip(f"needs Chromium: playwright install chromium ({str(error).splitlines()[0]})")
        yield chromium
        chromium.close()
