"""Evaluate the best checkpoint on the test songs, after a training."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from rich.console import Console

from bsroformer.checkpoints import load_model
from bsroformer.cli.evaluation_run import run_evaluation, show_results
from bsroformer.cli.program_facts import program_facts
from bsroformer.data.track import Track
from bsroformer.errors import InputError
from bsroformer.evaluation import (
    Candidate,
    Evaluation,
    Results,
    StemsWriter,
    TrackEntry,
    begin,
    evaluator_of,
    read_track,
    with_stems_kept,
    write_figure,
    write_results,
)
from bsroformer.evaluation.scores import mean_over_stems
from bsroformer.figures import busiest_excerpt, separation_figure
from bsroformer.file_state import file_state
from bsroformer.inference import Separator
from bsroformer.run_folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METRICS = ("SI-SDR", "SI-SDRi", "uSDR", "cSDR")
MODEL = "model"
"""Name of the model in tables."""


def evaluate_run(
    folder: Path, tracks: Sequence[Track], stems: Sequence[str], checkpoint: str, console: Console
) -> Results:
    """Separate and score the test songs.

    Tables, plots and report are written to ``evaluation/``, stems to ``separated/``.

    Args:
        folder: The run's folder.
        tracks: The songs.
        stems: Stems of the data set, of which a song may know some only.
        checkpoint: The checkpoint to evaluate.
        console: Where progress is shown.

    Raises:
        InputError: If no song could be scored.
    """
    separator = Separator(load_model(checkpoint))
    songs = [TrackEntry.of_track(track, stems) for track in tracks]
    candidate = Candidate(separator, str(file_state(checkpoint)))
    evaluator = evaluator_of({MODEL: candidate}, songs, metrics=METRICS, folder=RunFolder(folder).evaluation)
    evaluator = with_stems_kept(evaluator, StemsWriter(folder / "separated", by_method=False))
    begin(evaluator, songs)
    results = run_evaluation(evaluator, songs, len(songs), console, f"resume={folder} resumes from here")
    if not results[MODEL].songs:
        raise InputError(f"no test song could be evaluated; {results.failures[0].reason}")
    results = replace(results, made={**program_facts(), "methods": {MODEL: {"checkpoint": checkpoint}}})
    show_results(results, console)
    with console.status("writing plots and the page"):
        write_results(results, RunFolder(folder).evaluation)
    middle = middle_song(results[MODEL])
    shown = next(track for track in tracks if track.name == middle)
    write_figure(excerpt_figure(shown, separator, evaluator.stems), folder / "separation.png", dpi=100)
    console.print(f"Checkpoint, scores, pictures and stems are in {folder}")
    return results


def middle_song(evaluation: Evaluation, metric: str = "SI-SDR") -> str:
    """Return the song of the median mean score."""
    scores = {song.song: mean_over_stems(song.scores([metric]))[metric] for song in evaluation.songs}
    ranked = sorted((score, song) for song, score in scores.items() if not math.isnan(score))
    return ranked[len(ranked) // 2][1] if ranked else evaluation.songs[0].song


def excerpt_figure(track: Track, separator: Separator, stems: Sequence[str], seconds: float = 8.0) -> "Figure":
    """Separate and draw the excerpt of a song in which every stem is most active."""
    song = read_track(track, stems, separator.sample_rate)
    shown = busiest_excerpt(song.targets, song.sample_rate, seconds)
    mixture = song.mixture[..., shown]
    with torch.no_grad():
        estimates = separator(mixture)
    return separation_figure(mixture, song.targets[..., shown], estimates, stems, song.sample_rate, song.name)
