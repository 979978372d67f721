"""Accessibility of the page: keyboard, phone, dark mode, no other internet hosts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.studio.studios import Model, song_in, studio_in, wait_until
from support.studio.visitors import PATIENCE, Visitor, opened, visiting

CONTRAST = 4.5
"""Least contrast of text by WCAG 2 (level AA)."""
CONTRAST_OF = """async (element) => {
  const changes = document.getAnimations().filter((each) => each instanceof CSSTransition);
  await Promise.allSettled(changes.map((each) => each.finished));
  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const luminance = (...colours) => { // of colours one over the other
    pen.clearRect(0, 0, 1, 1);
    for (const colour of colours) { pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); }
    const parts = [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => part / 255);
    const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const grounds = ["white"], chain = [];
  for (let each = element; each; each = each.parentElement) chain.unshift(getComputedStyle(each).backgroundColor);
  grounds.push(...chain);
  const pair = [luminance(...grounds), luminance(...grounds, getComputedStyle(element).color)];
  const [low, high] = pair.sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}"""
TEXTS = {
    "title of the page": "#greeting h1",
    "greeting": "#greeting p",
    "checkpoint's scores": "#checkpoint :text-is('No scores are known.')",
    "stems to choose": "#stems :text-is('vocals')",
    "start": "#start",
    "example": "#example",
    "title of the song": "stem-player h2",
    "names of the stems": "stem-player .name",
    "solo": "stem-player [data-part=solo]",
    "levels": "stem-player .value",
    "time": "stem-player .time",
    "view that is not chosen": "stem-player .choice input:not(:checked) + span",
    "view that is chosen": "stem-player .choice input:checked + span",
}


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return song_in(tmp_path_factory.mktemp("song"), 12)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Model, str]]:
    with studio_in(tmp_path_factory.mktemp("studio")) as (studio, model), opened(studio) as page:
        yield model, page.local_url
        model.open.set()
        wait_until(lambda: not studio._queue.jobs())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read_in_the_light_and_in_the_dark(browser: Any, running: Any, song: Path, scheme: str) -> None:
    model, address = running
    with visiting(browser, address, color_scheme=scheme) as visitor:
        model.open.clear()
        visitor.separate(song, until="separating")
        found = {"progress": contrast(visitor, "stem-player .progress p")}
        model.open.set()
        visitor.wait("done")
        assert visitor.page.locator("body.dark").count() == (scheme == "dark")
        found |= {name: contrast(visitor, selector) for name, selector in TEXTS.items()}
        found["how long it is kept"] = contrast(visitor, "stem-player [data-part=expiry]")
    assert {name: round(ratio, 2) for name, ratio in found.items() if ratio < CONTRAST} == {}


def contrast(visitor: Visitor, selector: str) -> float:
    """Contrast ratio of a text and its background, from 1 (none) to 21."""
    return visitor.page.locator(selector).first.evaluate(CONTRAST_OF)


def test_a_finished_song_fits_a_phone_upright(browser: Any, running: Any, song: Path) -> None:
    with visiting(browser, running[1], viewport={"width": 360, "height": 740}) as visitor:
        visitor.separate(song)
        assert visitor.page.evaluate("document.documentElement.scrollWidth") == 360
        visitor.page.get_by_text("Overlap and shifts").click()
        visitor.page.get_by_text("Share of a window").wait_for()
        visitor.page.get_by_text("Keyboard", exact=True).click()
        assert visitor.page.evaluate("document.documentElement.scrollWidth") == 360


def test_a_phone_shows_one_left_edge_and_no_hidden_text(browser: Any, running: Any, song: Path) -> None:
    with visiting(browser, running[1], viewport={"width": 390, "height": 844}) as visitor:
        visitor.separate(song)
        parts = ("#greeting h1", "#song", "#start", "stem-player h2", "stem-player .lane")
        edges = {part: visitor.page.locator(part).first.bounding_box()["x"] for part in parts}
        assert len(set(edges.values())) == 1, edges
        chosen = visitor.page.get_by_label("Checkpoint")
        assert chosen.evaluate("input => getComputedStyle(input).textOverflow") == "ellipsis"
        box, arrow = chosen.bounding_box(), visitor.page.locator("#checkpoint .dropdown-arrow").bounding_box()
        padding = chosen.evaluate("input => parseFloat(getComputedStyle(input).paddingRight)")
        assert box["x"] + box["width"] - padding <= arrow["x"]


def test_the_keyboard_suffices(browser: Any, running: Any, song: Path) -> None:
    with visiting(browser, running[1]) as visitor:
        keys = visitor.page.keyboard
        visitor.page.locator("#start").wait_for()
        file_chooser(visitor, "#song button").set_files(song)
        visitor.page.locator("#song").get_by_label(song.name).wait_for()
        tab_to(visitor, "#start")
        keys.press("Enter")
        visitor.wait("done")

        tab_to(visitor, "stem-player [aria-label=Play]")
        keys.press("Enter")
        visitor.page.get_by_label("Pause").wait_for()
        keys.press("Enter")
        visitor.page.get_by_label("Play", exact=True).wait_for()
        tab_to(visitor, "stem-player [role=slider]")
        keys.press("2")
        assert visitor.levels() == [0, 0, 1]
        tab_to(visitor, "stem-player [aria-label='Download drums']")
        with visitor.page.expect_download() as coming:
            keys.press("Enter")
        assert coming.value.suggested_filename == "A song - drums.wav"


def file_chooser(visitor: Visitor, selector: str) -> Any:
    """Open a button's file chooser by keyboard; retry until Gradio handles the key."""
    from playwright.sync_api import TimeoutError

    each = 5.0  # seconds
    for _ in range(round(PATIENCE / each)):
        tab_to(visitor, selector)
        try:
            with visitor.page.expect_file_chooser(timeout=1000 * each) as chooser:
                visitor.page.keyboard.press("Enter")
        except TimeoutError:
            continue
        return chooser.value
    raise AssertionError(f"{selector} opens nothing")


def tab_to(visitor: Visitor, selector: str) -> None:
    """Press Tab until the element has the focus, and check that the focus is visible."""
    for _ in range(100):
        visitor.page.keyboard.press("Tab")
        if visitor.page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab does not lead to {selector}")


def test_the_page_requests_nothing_from_other_servers(browser: Any, running: Any, song: Path) -> None:
    with visiting(browser, running[1]) as visitor:
        visitor.separate(song)
        visitor.page.get_by_label("Spectrogram").check()
        visitor.page.get_by_label("Play", exact=True).click()
        visitor.page.get_by_label("Pause").wait_for()
        visitor.page.reload()
        visitor.wait("done")
        asked = [urlsplit(address) for address in visitor.asked]
    assert {address.netloc for address in asked if address.scheme not in ("data", "blob")} == {
        urlsplit(running[1]).netloc
    }
    assert len(asked) > 20
