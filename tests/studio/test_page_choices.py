"""Choices on the page: recording or file, checkpoint, stems and quality."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bsroformer.audio.files import read
from bsroformer.studio.catalog import CheckpointOption
from bsroformer.studio.page import QUALITIES
from bsroformer.studio.studio import Studio
from support.studio.studios import OPTION, RATE, Model, song_in, studio_in
from support.studio.visitors import Visitor, opened, visiting

SCORED = CheckpointOption("scored", "scored.ckpt", ("bass",), RATE, metric="SI-SDR", score=6.12, scores={"bass": 6.12})


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return song_in(tmp_path_factory.mktemp("song"), 3)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Studio, Model, str]]:
    folder = tmp_path_factory.mktemp("studio")
    with studio_in(folder, offers=[OPTION, SCORED]) as (studio, model), opened(studio) as page:
        yield studio, model, page.local_url


@pytest.fixture
def visitor(browser: Any, running: Any) -> Iterator[Visitor]:
    with visiting(browser, running[2]) as visitor:
        yield visitor


def test_the_song_of_the_open_tab_is_separated(visitor: Visitor, running: Any, song: Path, tmp_path: Path) -> None:
    visitor.choose(song)
    page, recording = visitor.page, visitor.page.locator("#recording")
    page.get_by_role("tab", name="Record").click()
    recording.get_by_role("button", name="Record", exact=True).click()
    recording.get_by_text(re.compile(r"^0:0[1-9]$")).first.wait_for()  # seconds recorded
    recording.get_by_role("button", name="Stop").click()
    recording.get_by_label("Trim audio to selection").wait_for()  # it is at the studio
    visitor.start()
    visitor.wait("done")
    assert page.locator("stem-player h2").inner_text() == "Recording"
    job = running[0].job(visitor.token)
    samples, _ = read(job.files[0])
    assert samples.shape[-1] >= RATE
    assert samples.abs().max() > 0.05

    page.get_by_role("tab", name="A file").click()
    visitor.start()
    page.get_by_role("heading", name=song.stem, exact=True).wait_for()
    visitor.wait("done")
    visitor.remove()
    visitor.start()
    page.get_by_role("heading", name="Recording", exact=True).wait_for()
    visitor.wait("done")


def test_a_missing_recording_is_not_replaced_by_the_file(visitor: Visitor, song: Path) -> None:
    visitor.choose(song)
    visitor.page.get_by_role("tab", name="Record").click()
    visitor.page.locator("#recording").get_by_role("button", name="Record", exact=True).wait_for()
    visitor.start()
    assert visitor.message() == "Drop a song first, or record one."


def test_stems_scores_and_the_rest_follow_the_checkpoint(visitor: Visitor, running: Any, song: Path) -> None:
    page = visitor.page
    page.get_by_label("vocals", exact=True).uncheck()
    assert boxes(visitor) == {"vocals": False, "drums": True}
    choose_checkpoint(visitor, SCORED)
    page.get_by_text("SI-SDR in dB: bass 6.1").wait_for()
    page.get_by_label("bass", exact=True).wait_for()
    page.locator("#rest input:checked").wait_for()
    assert boxes(visitor) == {"bass": True}
    assert wanted(visitor, running[1], song)[:2] == ("scored", ("bass",))
    names = page.locator("stem-player .name").all_inner_texts()
    assert [name.lower() for name in names] == ["mixture", "bass", "no bass"]

    choose_checkpoint(visitor, OPTION)
    page.get_by_text("No scores are known.").wait_for()
    page.get_by_label("drums", exact=True).wait_for()
    page.locator("#rest input:not(:checked)").wait_for()
    assert boxes(visitor) == {"vocals": True, "drums": True}
    assert wanted(visitor, running[1], song)[:2] == ("small", ("vocals", "drums"))


def test_quality_moves_the_sliders(visitor: Visitor, running: Any, song: Path) -> None:
    visitor.page.get_by_text("Overlap and shifts").click()
    assert visitor.page.get_by_label("Good", exact=True).is_checked()
    for quality in ("Fast", "Best"):
        overlap, shifts = QUALITIES[quality]
        visitor.page.get_by_label(quality, exact=True).check()
        for name, value in (("Overlap", overlap), ("Shifts", shifts)):
            number = visitor.page.locator("input[type=number]").and_(visitor.page.get_by_label(name)).element_handle()
            visitor.page.wait_for_function("([input, value]) => Number(input.value) === value", arg=[number, value])
    assert wanted(visitor, running[1], song)[2:] == (overlap, shifts)


def boxes(visitor: Visitor) -> dict[str, bool]:
    """Return the selectable stems and whether each is selected."""
    labels = visitor.page.locator("#stems label").filter(has=visitor.page.locator("input[type=checkbox]"))
    return {label.inner_text(): label.locator("input").is_checked() for label in labels.all()}


def choose_checkpoint(visitor: Visitor, offer: CheckpointOption) -> None:
    """Choose a checkpoint in the menu."""
    visitor.page.get_by_label("Checkpoint").click()
    visitor.page.get_by_role("option", name=offer.label).click()


def wanted(visitor: Visitor, model: Model, song: Path) -> tuple[Any, ...]:
    """Separate a song; return the requested checkpoint, stems, overlap and shifts."""
    while not model.asked.empty():
        model.asked.get_nowait()
    visitor.separate(song)
    return model.asked.get_nowait()
