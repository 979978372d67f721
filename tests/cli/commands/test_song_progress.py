import time

import pytest
import torch
from rich.console import Console

from bsroformer.audio.files import write
from bsroformer.cli.commands.separate.song_progress import song_progress
from bsroformer.inference import Separator, SongStems


@pytest.fixture
def song(tiny_model, tmp_path) -> SongStems:
    """A song of 10 windows of 0.1 s, each overlapping the next by half."""
    write(tmp_path / "a.wav", 0.1 * torch.randn(2, 4400), 8000)
    return SongStems(Separator(tiny_model, device="cpu", precision="fp32"), tmp_path / "a.wav")


def shown(song: SongStems, seconds_each: float, monkeypatch, terminal: bool, faster=("separation=fast",)) -> str:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    console = Console(width=100, force_terminal=terminal, color_system=None, record=True)
    with song_progress(song, "a.wav", console, faster) as progress:
        progress.bar.get_time = time.monotonic
        progress.bar.tasks[0].get_time = time.monotonic
        progress.bar.tasks[0].start_time = 0.0
        for _ in range(song.separator.count_windows(4400)):
            now[0] += seconds_each
            song.separator.on_windows(1)
            if terminal and progress.done == 1:
                progress.bar.refresh()
    return console.export_text()


def test_lines_report_windows_and_time_left_where_no_terminal_is(song, monkeypatch):
    printed = shown(song, 30.0, monkeypatch, terminal=False)
    lines = [line for line in printed.splitlines() if line]
    assert lines == [f"a.wav: window {2 * n} of 10, {n}:00 elapsed, {5 - n}:00 left" for n in range(1, 6)]


def test_the_bar_shows_the_time_left_after_the_first_window(song, monkeypatch):
    assert "10%" in (printed := shown(song, 62.0, monkeypatch, terminal=True))
    assert "0:09:18" in printed  # nine windows of 62 s


@pytest.mark.parametrize("terminal", [True, False])
def test_a_song_of_more_than_ten_minutes_is_announced_once(song, monkeypatch, terminal):
    printed = shown(song, 62.0, monkeypatch, terminal)
    announced = "a.wav will take about 10:20 on this machine (62.0 s for each of 10 windows). Faster: separation=fast."
    assert " ".join(printed.split()).count(announced) == 1
    assert "will take" not in shown(song, 59.0, monkeypatch, terminal)
    assert "will take" not in shown(song, 62.0, monkeypatch, terminal, faster=())
