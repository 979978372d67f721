import io
import re
from dataclasses import replace

import pytest
from made_scores import evaluation_of, song_scores
from rich.console import Console

from bsroformer.evaluation import (
    Failure,
    Results,
    bootstrap,
    differences_table,
    results_table,
    running_table,
)

CONSOLES = {"default": {}, "terminal": {"soft_wrap": True, "markup": False, "highlight": False}}
"""Options of rich's console as it is, and of that of `bsroformer.cli.console`."""


def console_of(kind, width=80, **styled):
    return Console(width=width, file=io.StringIO(), **CONSOLES[kind], **styled)


def printed(table, width=120, kind="default"):
    console = console_of(kind, width)
    console.print(table)
    return [line.strip() for line in console.file.getvalue().splitlines()]


def words(table, kind="default"):
    return " ".join(filter(None, printed(table, kind=kind)))


def cells(table):
    """The rows of a table, cells by their columns' order."""
    return [re.split(r"\s{2,}", line) for line in printed(table, 200)]


def test_the_table_has_every_stem_and_the_mean_under_each_method(results):
    lines = printed(results_table(results, "On three songs"))
    assert lines[0] == "On three songs"
    assert lines[2].split() == ["stem", "method", "cSDR", "uSDR", "SI-SDR"]
    firsts = [line.split()[:2] for line in lines[4:19] if line]
    assert firsts[0] == ["bass", "mixture"]
    assert [first[0] for first in firsts[1:4]] == ["lite", "full", "IRM1"]
    assert [first[0] for first in firsts if first[1] == "mixture"] == ["bass", "vocals", "mean"]


def test_a_score_stands_before_its_interval(results):
    rows = [re.sub(r"\s+", " ", line) for line in printed(results_table(results))]
    assert "lite 2.00 [1.0, 9.0] 4.00 [1.0, 9.0] 4.00 [1.0, 9.0]" in rows
    assert "bass mixture -5.00 [-5.0, -5.0] -5.00 [-5.0, -5.0] -5.00 [-5.0, -5.0]" in rows


def test_where_there_is_no_room_scores_go_without_intervals(results):
    assert "[1.0, 9.0]" in words(results_table(results, width=80))
    narrow = results_table(results, width=50)
    assert "[" not in words(narrow)
    assert "lite 2.00 4.00 4.00" in [re.sub(r"\s+", " ", line) for line in printed(narrow, 50)]


def test_an_undefined_score_is_a_dash_and_has_no_interval(evaluation):
    silent = Results((evaluation_of("lite", "model", *evaluation.songs[2:]),))
    (line,) = [line for line in printed(results_table(silent)) if line.startswith("vocals")]
    assert line.split() == ["vocals", "lite", "–", "–", "–"]


def test_a_metric_that_a_method_lacks_is_a_dash():
    song = song_scores("A", 1.0, 2.0)
    mixture = evaluation_of("mixture", "mixture", song)
    full = evaluation_of("lite", "model", song, metrics=("cSDR", "SIR", "uSDR", "SI-SDR"))
    (line,) = [line for line in printed(results_table(Results((mixture, full)))) if line.startswith("bass")]
    assert line.split() == ["bass", "mixture", "1.00", "–", "1.00", "1.00"]


def test_of_one_stem_there_is_no_mean_row():
    table = results_table(Results((evaluation_of("a", "model", song_scores("A", 1.0, stems=("vocals",))),)))
    assert not any(line.startswith("mean") for line in printed(table))
    assert "mean over stems" not in words(table)


def test_the_caption_explains_averages_and_undefined_scores(results):
    text = words(results_table(results))
    assert "median over songs for cSDR, mean over songs for uSDR and SI-SDR; the last row: mean over stems" in text
    assert "95% confidence, from 10,000 bootstrap resamples of the songs" in text
    assert "silent under mixture and IRM1: 0 of 30 seconds." in text
    assert "silent under lite: 2 of 30 seconds, in 1 song: Three, Sung (2)." in text
    assert "silent under full: 3 of 20 seconds, in 1 song: Three, Sung (3)." in text
    assert "Silent or unknown, and without a score: 1 of 6 stems: Three, Sung (vocals)." in text
    assert "Not scored: Two by full: The estimates hold NaN; separate in float32." in text
    assert "Not scored: Four: vocals.wav cannot be read." in text
    assert "The averages of full are over 2 of 3 songs." in text
    assert "results.md" not in text


def test_the_caption_names_the_first_songs_and_the_full_file():
    songs = [song_scores(f"Song {n}", 1.0, 1.0, undefined=1) for n in range(6)]
    failures = tuple(Failure(f"Lost {n}", None, "Gone.") for n in range(5))
    text = words(results_table(Results((evaluation_of("a", "model", *songs),), failures)))
    assert "6 of 60 seconds, in 6 songs: Song 0 (1), Song 1 (1), Song 2 (1) and 3 more." in text
    assert "Lost 2: Gone. … and 2 more that could not be scored." in text
    assert "Lost 3" not in text
    assert "results.md names all of them." in text


@pytest.fixture
def bracketed():
    """Methods and songs that markup and emoji could be read in."""
    songs = [[song_scores(f"[bold]S{n} :car:", n + of, n - of, undefined=1) for n in range(4)] for of in range(2)]
    names = ("htdemucs [v4]", "[red]lite")
    return Results(tuple(evaluation_of(name, "model", *of) for name, of in zip(names, songs, strict=True)))


@pytest.mark.parametrize("kind", CONSOLES)
def test_names_with_brackets_are_shown_as_they_are(bracketed, kind):
    text = words(results_table(bracketed, "[i]x :car:"), kind)
    for name in (" htdemucs [v4] ", " [red]lite ", "[bold]S0 :car: (1)", "[i]x :car:", "[ ]: 95% confidence"):
        assert name in text
    assert "[red]lite minus htdemucs [v4] " in words(differences_table(bracketed), kind)
    running = [re.split(r"\s{2,}", line)[0] for line in printed(running_table(bracketed), kind=kind)]
    assert [line for line in running if "[" in line] == ["htdemucs [v4]", "[red]lite"]
    for table in (results_table(bracketed), differences_table(bracketed), running_table(bracketed)):
        assert "\\" not in words(table, kind)


def test_every_console_prints_the_same(bracketed):
    title = "Evaluated on songs of a title that is much longer than the table is wide, and longer " * 2
    for table in (results_table(bracketed, title), differences_table(bracketed), running_table(bracketed)):
        for width in (80, 120):
            assert printed(table, width, "terminal") == printed(table, width, "default")


@pytest.mark.parametrize("kind", CONSOLES)
def test_captions_are_wrapped_to_the_table_and_begin_at_the_left(bracketed, kind):
    for table in (results_table(bracketed, width=80), differences_table(bracketed)):
        console = console_of(kind)
        console.print(table)
        lines = console.file.getvalue().rstrip("\n").splitlines()
        assert max(map(len, lines)) <= 80
        caption = lines[len(lines) - lines[::-1].index(" " * len(lines[-1])) :]
        assert len(caption) >= 3
        assert not any(line.startswith(" ") for line in caption)


@pytest.mark.parametrize("kind", CONSOLES)
def test_a_difference_whose_interval_leaves_out_zero_is_bold(kind):
    songs = [[song_scores(f"S{n}", n + of, of * (-1.0) ** n) for n in range(4)] for of in range(2)]
    methods = [evaluation_of(name, "model", *of) for name, of in zip("ab", songs, strict=True)]
    console = console_of(kind, force_terminal=True, color_system="standard")
    console.print(differences_table(Results(tuple(methods))))
    bold = re.findall(r"\x1b\[1m *([+-]\d+\.\d+)", console.file.getvalue())
    assert bold == ["+1.00"] * 3  # the bass' in each metric


def test_two_methods_have_differences_of_every_stem(results):
    table = differences_table(results)
    lines = [re.sub(r"\s+", " ", line) for line in printed(table)]
    assert "full minus lite cSDR bass +1.00 [+1.00, +1.00] 2 of 2" in lines
    assert "vocals +1.50 1 of 1" in lines
    assert "over the songs that both scored" in words(table).lower()
    assert sum("vocals" in line for line in lines) == 3


def test_more_methods_have_differences_of_the_mean_only():
    songs = [[song_scores(song, n, n) for song in ("A", "B")] for n in range(3)]
    methods = [evaluation_of(name, "model", *of) for name, of in zip("abc", songs, strict=True)]
    table = differences_table(Results(tuple(methods)))
    lines = printed(table)
    assert [line.split()[:3] for line in lines if "minus" in line] == [
        ["b", "minus", "a"],
        ["c", "minus", "a"],
        ["c", "minus", "b"],
    ]
    assert not any("bass" in line for line in lines)
    assert "Those of each stem are in results.md." in words(table)


def test_one_method_has_no_differences(evaluation):
    assert differences_table(Results((evaluation,))) is None


def test_the_running_table_waits_for_its_first_song(results):
    methods = tuple(replace(method, songs=()) for method in results.evaluations)
    assert printed(running_table(Results(methods)))[4].split() == ["lite", "–", "–", "–", "0"]
    assert printed(running_table(Results(())))


def test_the_running_table_needs_no_bootstrap(results, monkeypatch):
    monkeypatch.setattr(bootstrap, "resamples", lambda songs: pytest.fail("resampled"))
    lines = printed(running_table(results))
    assert lines[1].split() == ["cSDR,", "dB", "bass", "vocals", "mean", "songs"]
    assert lines[4].split() == ["lite", "2.00", "6.00", "4.00", "3"]
    assert lines[5].split() == ["full", "6.00", "5.50", "5.75", "2"]
    assert printed(running_table(results, "uSDR"))[4].split() == ["lite", "4.00", "6.00", "5.00", "3"]
