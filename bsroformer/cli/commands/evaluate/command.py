"""Evaluate checkpoints and folders of stems: ``bsroformer evaluate``."""

from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from rich.console import Console

from bsroformer.cli.commands.evaluate.candidates import build_candidates, facts_of
from bsroformer.cli.commands.evaluate.config import EvaluateConfig
from bsroformer.cli.commands.evaluate.shared_songs import SharedSongs
from bsroformer.cli.commands.train.runs_index import update_runs_page
from bsroformer.cli.console import terminal, warnings_reported
from bsroformer.cli.evaluation_run import run_evaluation, show_results
from bsroformer.cli.output_folder import make_folder
from bsroformer.cli.program_facts import program_facts
from bsroformer.devices import keep_freed_memory
from bsroformer.errors import InputError
from bsroformer.evaluation import (
    Evaluator,
    Results,
    StemsWriter,
    TrackEntry,
    begin,
    evaluator_of,
    needs_museval,
    with_stems_kept,
    write_results,
)
from bsroformer.file_names import normal
from bsroformer.parallel import processors
from bsroformer.text import count, listed

MAX_AUTO_WORKERS = 4
"""Largest number for ``workers=auto``: each worker has a song in memory."""


def evaluate(cfg: EvaluateConfig) -> None:
    """Score the songs of a split, and write tables, plots and the report."""
    console = terminal()
    folder = cfg.output
    shared = SharedSongs.by_torchrun()
    is_first = shared is None or shared.rank == 0
    console.quiet = not is_first
    keep_freed_memory()
    songs = chosen_songs(cfg)
    with warnings_reported(console):
        evaluator = build_evaluator(cfg, songs, folder, console)
    if is_first:
        make_folder(folder)
        begin(evaluator, songs, cfg.overwrite)
    advice = f"output={folder} resumes from here"
    if shared is not None:
        shared.wait_for_start()
        run_evaluation(evaluator, shared.share(songs), len(songs), console, advice)
        shared.wait_for_end()
        evaluator = replace(evaluator, on_scores=lambda *_: None)  # shown already
    if is_first:  # the first process reads the scores of all from the folder
        results = run_evaluation(evaluator, songs, len(songs), console, advice)
        _finish(cfg, results, folder, console)


def chosen_songs(cfg: EvaluateConfig) -> list[TrackEntry]:
    """List the songs of ``split``, or those that ``songs`` names.

    Raises:
        InputError: If the split has no songs, or lacks one of these.
    """
    source = cfg.data.source.build()
    source.make()
    files = [each for each in source.files() if each.split == cfg.split]
    songs = {each.name: TrackEntry.of_files(each, source.form) for each in files}
    if not songs:
        raise InputError(f"the data set has no {cfg.split} songs; choose another split, or check data.root")
    if cfg.songs is None:
        return list(songs.values())
    names = [normal(name) for name in cfg.songs]
    for name in names:
        if name not in songs:
            raise InputError(f"songs={name} is not a song of {cfg.split}; {_suggestion(name, list(songs))}")
    return [songs[name] for name in dict.fromkeys(names)]


def _suggestion(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.4)
    return f"did you mean {near[0]}?" if near else f"choose among {listed(known)}"


def build_evaluator(cfg: EvaluateConfig, songs: list[TrackEntry], folder: Path, console: Console) -> Evaluator:
    """Build the evaluator that the configuration describes."""
    candidates = build_candidates(cfg, console)
    evaluator = evaluator_of(candidates, songs, cfg.stems, cfg.metrics, cfg.bounds, folder, workers_of(cfg))
    if not cfg.save_stems:
        return evaluator
    return with_stems_kept(evaluator, StemsWriter(folder / "stems"))


def workers_of(cfg: EvaluateConfig) -> int:
    """Return the number of songs to score at a time."""
    if cfg.workers != "auto":
        return cfg.workers
    if cfg.ckpt is not None or needs_museval(cfg.metrics):
        return 1  # a model takes longer than its scores, and BSS Eval uses all processors for a song
    return min(processors(), MAX_AUTO_WORKERS)


def _finish(cfg: EvaluateConfig, results: Results, folder: Path, console: Console) -> None:
    """Show and write the results.

    Raises:
        InputError: If no song was scored, or not all.
    """
    failures = results.failures
    if not any(evaluation.songs for evaluation in results.evaluated):
        raise InputError(f"no song could be scored; {failures[0].reason}")
    results = replace(results, split=cfg.split, made={**program_facts(), "methods": facts_of(cfg)})
    show_results(results, console)
    with console.status("writing plots and the page"):
        write_results(results, folder)
    if cfg.logger:
        from bsroformer.cli.commands.train.logged_scores import log_results  # Lightning takes seconds to be imported

        log_results(cfg.logger, cfg.output, results, console)
    update_runs_page(cfg, folder)
    console.print(f"Tables, plots and the page report.html are in {folder}")
    if failures:
        failed = {failure.song for failure in failures}
        raise InputError(f"{count(len(failed), 'song')} could not be scored, the others were; {failures[0].reason}")
