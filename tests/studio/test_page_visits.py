"""Songs of visitors that are cancelled, refused or queued behind others."""

import gc
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
import torch

from bsroformer.studio.limits import Limits
from bsroformer.studio.studio import ABANDONED_SECONDS, REOPEN_SECONDS, Studio
from support.studio.studios import RATE, Model, finished, request_for, song_in, studio_in, wait_until
from support.studio.visitors import PATIENCE as LONG
from support.studio.visitors import Visitor, opened, visiting

LIMITS = Limits(megabytes=1, minutes=0.5, songs=3)


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of songs."""
    folder = tmp_path_factory.mktemp("songs")
    for name in ("A song.wav", "Another.wav", "The example.wav"):
        song_in(folder, 12, name)
    return folder


@pytest.fixture(scope="module")
def running(songs: Path) -> Iterator[tuple[Studio, Model, gr.Blocks]]:
    with studio_in(songs, LIMITS) as (studio, model), opened(studio, songs / "The example.wav") as page:
        yield studio, model, page


@pytest.fixture
def address(running: Any) -> str:
    return running[2].local_url


@pytest.fixture
def visitor(browser: Any, address: str, model: Model) -> Iterator[Visitor]:
    with visiting(browser, address) as visitor:
        yield visitor


def test_progress_is_shown_and_finished_segments_play(visitor: Visitor, songs: Path, model: Model) -> None:
    model.open.clear()
    visitor.separate(songs / "A song.wav", until="separating")
    visitor.page.get_by_text("Separating 0:00 of 0:12").wait_for()
    assert visitor.page.get_by_role("progressbar").evaluate("bar => bar.max") == 12
    assert visitor.page.get_by_label("Solo drums").is_visible()
    assert visitor.page.get_by_label("Download drums").get_attribute("href") is None
    model.open.set()
    visitor.wait("done")
    assert visitor.page.get_by_role("progressbar").is_hidden()
    assert visitor.page.get_by_label("Download drums").get_attribute("href")


def test_a_song_can_be_ended_in_the_middle_and_leaves_no_stem(
    visitor: Visitor, songs: Path, studio: Studio, model: Model
) -> None:
    model.open.clear()
    job = studio.job(visitor.separate(songs / "A song.wav", until="separating"))
    assert job is not None
    visitor.page.locator("stem-player").get_by_role("button", name="Cancel").click()
    wait_until(lambda: job.cancelled)
    model.open.set()
    visitor.wait("cancelled")
    visitor.page.get_by_role("alert").get_by_text("Cancelled. Press Separate to start again.").wait_for()
    assert visitor.page.get_by_label("Download drums").is_hidden()  # it never appears
    assert not list((job.folder / "stems").glob("*"))
    assert httpx.get(f"{visitor.page.url}songs/{job.token}/stems/1.wav", timeout=LONG).status_code == 409

    visitor.separate(songs / "Another.wav")
    assert visitor.page.locator("stem-player h2").inner_text() == "Another"


def test_the_example_needs_no_file(visitor: Visitor) -> None:
    visitor.page.get_by_role("button", name="Try the example song").click()
    visitor.wait("done")
    assert visitor.page.locator("stem-player h2").inner_text() == "The example"


@pytest.mark.parametrize("loaded_again", [False, True])
def test_another_song_replaces_the_previous_one(
    visitor: Visitor, songs: Path, studio: Studio, model: Model, loaded_again: bool
) -> None:
    model.open.clear()
    first = studio.job(visitor.separate(songs / "A song.wav", until="separating"))
    if loaded_again:
        visitor.page.reload()
        visitor.wait("separating")
    second = studio.job(visitor.separate(songs / "Another.wav", until="waiting"))
    assert first is not None
    assert second is not None
    assert first.cancelled
    model.open.set()
    visitor.wait("done")
    assert (first.state, second.state) == ("cancelled", "done")


def test_a_closed_page_releases_its_song(browser: Any, address: str, songs: Path, studio: Studio, model: Model) -> None:
    model.open.clear()
    with visiting(browser, address) as visitor:
        job = studio.job(visitor.separate(songs / "A song.wav", until="separating"))
        visitor.page.close(run_before_unload=True)
        assert job is not None
        wait_until(lambda: time.monotonic() - job.last_seen > ABANDONED_SECONDS - REOPEN_SECONDS - 1)
    studio.submit(request_for(songs / "Another.wav"))
    studio.clean_up(time.monotonic() + REOPEN_SECONDS)
    assert job.cancelled


def test_a_reloaded_page_resumes_its_song(visitor: Visitor, songs: Path, studio: Studio, model: Model) -> None:
    model.open.clear()
    job = studio.job(visitor.separate(songs / "A song.wav", until="separating"))
    assert job is not None
    visitor.page.reload()
    visitor.wait("separating")
    wait_until(lambda: job.last_seen > job.closed_at > 0)
    studio.submit(request_for(songs / "Another.wav"))
    studio.clean_up(time.monotonic() + REOPEN_SECONDS)
    assert not job.cancelled
    model.open.set()
    visitor.wait("done")


@pytest.mark.parametrize("button", ["#start", "#example"])
def test_a_double_click_sends_one_song(
    visitor: Visitor, songs: Path, studio: Studio, model: Model, button: str
) -> None:
    model.open.clear()
    other = studio.submit(request_for(songs / "A song.wav"))
    wait_until(lambda: other.state == "separating")
    so_far = set(studio._jobs)
    visitor.choose(songs / "Another.wav")
    visitor.page.locator(button).evaluate("button => { button.click(); button.click(); }")
    wait_until(lambda: len(studio._jobs.keys() - so_far) == 2)
    jobs = [studio._jobs[token] for token in studio._jobs.keys() - so_far]
    wait_until(lambda: sorted(job.state for job in jobs) == ["cancelled", "waiting"])
    visitor.wait("waiting")
    model.open.set()
    visitor.wait("done")
    assert sorted(job.state for job in jobs) == ["cancelled", "done"]


def test_refusals_are_shown_and_the_page_stays_usable(visitor: Visitor, songs: Path, tmp_path: Path) -> None:
    visitor.start()
    assert visitor.message() == "Drop a song first, or record one."

    text, large = tmp_path / "notes.txt", tmp_path / "large.wav"
    text.write_text("No song.")
    large.write_bytes(bytes(2_000_000))
    chooser = visitor.page.locator("#song input[type=file]")
    chooser.set_input_files(text)
    assert visitor.message().startswith("Invalid file type: notes.txt. Only audio, video")
    chooser.set_input_files(large)
    assert "exceed the maximum allowed size" in visitor.message()

    visitor.choose(text.rename(tmp_path / "notes.mp3"))
    visitor.start()
    assert visitor.message().startswith("notes.mp3 is not an audio file")
    visitor.choose(song_in(tmp_path, 31, "Long.wav"))
    visitor.start()
    assert visitor.message() == "Long.wav is longer than 0.5 minutes, the limit for a song; cut it"
    visitor.page.get_by_label("vocals", exact=True).uncheck()
    visitor.page.get_by_label("drums", exact=True).uncheck()
    visitor.start()
    assert visitor.message() == "choose one or more of the stems vocals, drums of small, each once"

    visitor.page.get_by_label("drums", exact=True).check()
    visitor.separate(songs / "A song.wav")
    assert visitor.levels() == [0, 1]


def test_two_visitors_have_songs_of_their_own(
    browser: Any, visitor: Visitor, address: str, songs: Path, model: Model
) -> None:
    model.open.clear()
    first = visitor.separate(songs / "A song.wav", until="separating")
    with visiting(browser, address) as other:
        second = other.separate(songs / "Another.wav", until="waiting")
        other.page.get_by_text("1 song is before yours").wait_for()
        model.open.set()
        for each, title in ((visitor, "A song"), (other, "Another")):
            each.wait("done")
            assert each.page.locator("stem-player h2").inner_text() == title
        assert first != second
        assert not any(first in asked for asked in other.asked)
        assert first not in other.page.content()
        for public in ("config", "gradio_api/info", "gradio_api/openapi.json"):
            body = httpx.get(f"{address}{public}", timeout=LONG).text
            assert first not in body
            assert "A song.wav" not in body
    for guess in (first[:-1], first[:-1] + "AB"[first.endswith("A")], first.swapcase(), second[:16] + first[16:]):
        assert httpx.get(f"{address}songs/{guess}", timeout=LONG).status_code == 404


def test_a_song_too_many_is_refused_and_the_others_are_done(
    visitor: Visitor, songs: Path, studio: Studio, model: Model
) -> None:
    model.open.clear()
    before = samples_in_memory()
    jobs = [studio.submit(request_for(songs / "A song.wav")) for _ in range(3)]
    wait_until(lambda: jobs[0].state == "separating")
    visitor.choose(songs / "Another.wav")
    visitor.start()
    assert visitor.message() == "3 songs are in the queue, which is full; try again later"

    model.open.set()
    assert [finished(job).state for job in jobs] == ["done"] * 3
    for job, following in itertools.pairwise(jobs):
        assert job.finished_at <= following.started_at
    assert samples_in_memory() - before < 12 * RATE  # a mono song
    visitor.start()
    visitor.wait("done")


def samples_in_memory() -> int:
    """Count the numbers in all live tensors."""
    gc.collect()
    return sum(each.numel() for each in gc.get_objects() if type(each) is torch.Tensor)
