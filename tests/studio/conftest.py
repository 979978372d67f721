import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bsroformer.studio.studio import Studio
from support.studio.players import instrument, noise
from support.studio.pretend_studio import PretendStudio
from support.studio.studios import Model, wait_until

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


@pytest.fixture
def studio(running: Any) -> Studio:
    """The studio of a module's running page."""
    return running[0]


@pytest.fixture
def model(running: Any) -> Iterator[Model]:
    """Release the model when the test ends, even if it failed."""
    yield running[1]
    running[1].open.set()
    wait_until(lambda: not running[0]._queue.jobs())


@pytest.fixture
def pretend() -> Iterator[PretendStudio]:
    """A studio with a separated song of noise."""
    with noise() as studio:
        yield studio


@pytest.fixture
def page(browser: Any, pretend: PretendStudio) -> Iterator[Any]:
    """A page whose player has a song of the pretend studio."""
    with instrument(browser, pretend) as page:
        yield page
