import warnings

import pytest
from rich.console import Console

from bsroformer.audio import audio_info
from bsroformer.cli.console import music_progress, warnings_reported
from bsroformer.text import clock


@pytest.mark.parametrize(
    ("seconds", "printed"),
    [(0, "0:00"), (59.4, "0:59"), (59.6, "1:00"), (754, "12:34"), (3600, "1:00:00"), (36_062, "10:01:02")],
)
def test_a_length_is_formatted_as_on_a_clock(seconds, printed):
    assert clock(seconds) == printed


@pytest.mark.parametrize("title", ["song.wav", "a very long title " * 20])
def test_the_bar_shows_share_speed_and_time_left(title):
    now = 0.0
    console = Console(width=80, force_terminal=True, record=True, color_system=None)
    with music_progress(console) as progress:
        progress.get_time = lambda: now
        task = progress.add_task(title, total=100)
        for now in (1.0, 2.0):
            progress.update(task, completed=20 * now)
        progress.refresh()
        shown = console.export_text(clear=False)
    assert "40%" in shown and "20.0 x real time" in shown and "0:00:03" in shown
    assert title[:4] in shown


def test_only_this_packages_warnings_are_printed_as_text(capsys):
    with pytest.warns(UserWarning, match="of somebody else"), warnings_reported(Console(width=200)):
        for _ in range(2):
            audio_info.warn_cut_off("song.wav", "of 5 samples, 3", stacklevel=0)
        warnings.warn("of somebody else", stacklevel=1)
    assert capsys.readouterr().out.count("song.wav is cut off or damaged: of 5 samples, 3 could be read") == 2
