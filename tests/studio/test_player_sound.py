"""Sound of the player, recorded in a browser at the end of its audio graph."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from support.studio.players import (
    RATE,
    SECONDS,
    SEGMENT,
    listen,
    listen_to_the_end,
    now,
    place_in,
    show,
    stems_of,
)
from support.studio.pretend_studio import TOKEN, PretendStudio

INEXACT = 3 * 2 / 2**15  # three stems, each off by a step of 16 bits at most, doubled by the headroom
SETTLED = round(0.1 * RATE)  # after a start, all fades are over
EXCERPT = 4000  # samples; enough to be found in the song


def place_of_start(page: Any, source: NDArray[np.float64], start: int = 0) -> int:
    """The sample of the source with which a start begins."""
    return place_in(source, listen(page, EXCERPT, start, skip=SETTLED)) - SETTLED


def gains_in(pretend: PretendStudio, heard: NDArray[np.float64], begin: int) -> tuple[NDArray[np.float64], float]:
    """Fit the gains of the stems from `begin` on; return gains and peak error."""
    stems = stems_of(pretend)[:, begin : begin + len(heard)]
    gains, *_ = np.linalg.lstsq(stems.T, heard, rcond=None)
    return gains, float(np.abs(gains @ stems - heard).max())


def test_segments_join_as_they_were_cut(page: Any, pretend: PretendStudio) -> None:
    show(page)
    page.get_by_label("Play").click()
    heard, song = listen(page, 2 * SEGMENT + 2 * EXCERPT, skip=SETTLED), stems_of(pretend).sum(0)

    begin = place_in(song, heard[:EXCERPT])
    assert begin + len(heard) > 2 * SEGMENT + EXCERPT
    np.testing.assert_allclose(heard, song[begin : begin + len(heard)], atol=INEXACT)


def test_playback_waits_for_the_next_segment(page: Any, pretend: PretendStudio) -> None:
    pretend.separating(1)
    show(page, "separating")
    page.get_by_label("Play").click()
    waiting = page.get_by_text("waiting for the separation")
    waiting.wait_for()
    before, song = listen_to_the_end(page), stems_of(pretend).sum(0)
    assert 0 <= SEGMENT - len(before) <= 1  # the first sample of a fade is zero
    np.testing.assert_allclose(before[SETTLED:], song[SEGMENT - len(before) + SETTLED : SEGMENT], atol=INEXACT)

    pretend.separating(3)
    waiting.wait_for(state="hidden")
    assert abs(place_of_start(page, song, start=1) - SEGMENT) <= 1


def test_an_unmuted_stem_joins_the_others_in_time(page: Any, pretend: PretendStudio) -> None:
    show(page)
    page.get_by_label("Mute drums").click()
    page.get_by_label("Level of vocals").fill("-6")
    page.get_by_label("Play").click()
    begin = place_of_start(page, stems_of(pretend)[2])
    assert not [address for address in pretend.asked if address.endswith((".0.flac", ".2.flac"))]

    def excerpt(at: int) -> tuple[NDArray[np.float64], float]:
        return gains_in(pretend, listen(page, EXCERPT, skip=at), begin + at)

    page.get_by_label("Mute drums").click()
    at, vocals = SETTLED, 10 ** (-6 / 20)
    without = excerpt(at)
    while excerpt(at)[0][1] < 0.5:  # fails at the end of the song
        at += EXCERPT
    for (gains, other), expected in ((without, [vocals, 0, 1]), (excerpt(at + SETTLED + EXCERPT), [vocals, 1, 1])):
        assert gains == pytest.approx(expected, abs=1e-3)
        assert other < 2 * INEXACT


def test_a_jump_plays_from_its_target(page: Any, pretend: PretendStudio) -> None:
    show(page)
    page.get_by_label("Play").click()
    listen(page, EXCERPT)
    lane = page.locator(".lane").nth(2).bounding_box()
    page.mouse.click(lane["x"] + lane["width"] * 8.5 / SECONDS, lane["y"] + 20)
    onset = place_of_start(page, stems_of(pretend).sum(0), start=1) / RATE
    assert onset == pytest.approx(8.5, abs=2 * SECONDS / lane["width"])


def test_only_segments_around_the_playhead_are_fetched(page: Any, pretend: PretendStudio) -> None:
    show(page)
    page.get_by_label("Position").press("End")
    page.get_by_label("Position").press("ArrowLeft")
    page.get_by_label("Play").click()
    listen(page, EXCERPT)
    pretend.wait_asked(f"GET /songs/{TOKEN}/listen/9.3.flac")
    page.get_by_label("Pause").click()
    fetched = {int(address.split("/")[-1].split(".")[0]) for address in pretend.asked if address.endswith(".flac")}
    assert {7, 8, 9} <= fetched <= set(range(7, now(page) + 3))


def test_a_missing_segment_is_requested_again(page: Any, pretend: PretendStudio) -> None:
    show(page)
    pretend.away = True
    page.get_by_label("Play").click()
    pretend.wait_asked(f"GET /songs/{TOKEN}/listen/0.1.flac")
    pretend.away = False
    assert place_of_start(page, stems_of(pretend).sum(0)) in (0, 1)


def test_at_the_end_it_stops_and_starts_again_from_the_beginning(page: Any, pretend: PretendStudio) -> None:
    show(page)
    position = page.get_by_label("Position")
    position.press("End")
    assert position.get_attribute("aria-valuenow") == "12"
    page.get_by_label("Play").click()
    assert place_of_start(page, stems_of(pretend).sum(0)) in (0, 1)
    page.get_by_label("Pause").click()
    assert now(page) < 12
