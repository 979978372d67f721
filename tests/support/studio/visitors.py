"""The page of a studio, and visitors with browsers of their own."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from bsroformer.studio.address import Address
from bsroformer.studio.server import open_page
from bsroformer.studio.studio import Studio

PATIENCE = 60.0
"""Timeout of waits in seconds, long enough for slow machines."""
PLAYER = "document.querySelector('stem-player')"


@contextmanager
def opened(studio: Studio, example: Path | None = None, auth: Sequence[tuple[str, str]] = ()) -> Iterator[gr.Blocks]:
    """Open the page of a studio at a free port until the block ends."""

    def example_song() -> tuple[Path, str]:
        assert example is not None
        return example, "The example"

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", os.environ.get("GRADIO_TEMP_DIR", ""))  # open_page sets it
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        page = open_page(studio, example_song, Address(auth=tuple(auth)))
        try:
            yield page
        finally:
            page.close(verbose=False)


class Visitor:
    """A visitor with a browser context of their own.

    Args:
        browser: Chromium.
        address: Of the page.
        context: Of the browser: size, colours...

    Attributes:
        page: Playwright's.
        errors: Errors of the page's scripts.
        asked: All addresses that the page requested.
    """

    def __init__(self, browser: Any, address: str, **context: Any) -> None:
        self._context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
        self._context.set_default_timeout(1000 * PATIENCE)
        self.page = self._context.new_page()
        self.errors: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address)

    def close(self) -> None:
        """Leave."""
        self._context.close()

    def choose(self, song: Path) -> None:
        """Upload a song and replace the previous one."""
        self.remove()
        chosen = self.page.locator("#song")
        chosen.locator("input[type=file]").set_input_files(song)
        chosen.get_by_label(song.name).wait_for()

    def remove(self) -> None:
        """Remove the chosen file, if any."""
        if (clear := self.page.locator("#song").get_by_label("Clear")).is_visible():
            clear.click()

    def start(self) -> None:
        """Start the separation."""
        self.page.get_by_role("button", name="Separate", exact=True).click()

    def separate(self, song: Path, until: str = "done") -> str:
        """Separate a song up to a state and return its token."""
        before = self.token
        self.choose(song)
        with self.page.expect_request(lambda asked: self._token_in(asked.url) not in ("", before)):
            self.start()
        self.wait(until)
        return self.token

    def wait(self, state: str) -> None:
        """Wait until the song reaches a state."""
        self.page.locator(f"stem-player[data-state={state}]").wait_for()

    @property
    def token(self) -> str:
        """Token of the song requested last, or an empty string."""
        return next(filter(None, map(self._token_in, reversed(self.asked))), "")

    def _token_in(self, address: str) -> str:
        """Token of the song in an address, or an empty string."""
        return address.partition("/songs/")[2].split("/")[0]

    def message(self) -> str:
        """Return the message that the page shows, and close it."""
        toast = self.page.locator(".toast-body")
        _, _, text = toast.inner_text().partition("×")
        toast.locator(".toast-close").click()
        toast.wait_for(state="detached")
        return text.strip()

    def levels(self) -> list[float]:
        """Return the linear gains of the tracks."""
        return self.page.evaluate(f"{PLAYER}.levelsHeard()")


@contextmanager
def visiting(browser: Any, address: str, **context: Any) -> Iterator[Visitor]:
    """Open a visitor's page until the block ends; fail on any script error."""
    visitor = Visitor(browser, address, **context)
    try:
        yield visitor
        assert not visitor.errors
    finally:
        visitor.close()
