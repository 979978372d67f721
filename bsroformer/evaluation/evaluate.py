"""Evaluation of separators and folders of stems: `bsroformer.evaluate`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bsroformer.data.sources import as_list
from bsroformer.data.track import Track
from bsroformer.errors import InputError
from bsroformer.evaluation.box_plots import write_box_figures
from bsroformer.evaluation.candidate import BOUNDS, Candidate, resolve_methods
from bsroformer.evaluation.evaluator import Evaluator, OnScores
from bsroformer.evaluation.gallery import ExcerptCollector, Gallery
from bsroformer.evaluation.methods import Method
from bsroformer.evaluation.result_files import write_csv, write_json, write_markdown
from bsroformer.evaluation.results import EVALUATED, Results
from bsroformer.evaluation.score_cache import ScoreCache
from bsroformer.evaluation.stems_writer import StemsWriter
from bsroformer.evaluation.track_audio import TrackEntry
from bsroformer.inference import StreamSeparator
from bsroformer.metrics import DEFAULT_METRICS, bss_eval_available, needs_museval, resolve_metrics
from bsroformer.report.evaluation_page import write_evaluation_report

EXCERPTS = "excerpts"
"""Folder of excerpts inside an evaluation's folder."""
Evaluated = StreamSeparator | str | Path | Candidate


def evaluate(
    evaluated: Evaluated | Mapping[str, Evaluated],
    songs: Sequence[TrackEntry | Track],
    stems: Sequence[str] | None = None,
    metrics: Sequence[str] = DEFAULT_METRICS,
    bounds: Sequence[str] = BOUNDS,
    folder: str | Path | None = None,
    workers: int = 1,
    on_scores: OnScores | None = None,
) -> Results:
    """Score separators and folders of stems on the same songs.

    Args:
        evaluated: A separator, or a folder with stems of the songs from any program; or several, by name.
        songs: The songs, as `songs_in` finds them.
        stems: Stems to score; by default all that the evaluated methods have in common.
        metrics: Metrics to report: cSDR, uSDR, SI-SDR, SI-SDRi, and SIR, SAR, ISR, for which museval takes about as
            long as the music lasts; ``bss_eval`` stands for cSDR, SIR, SAR and ISR.
        bounds: The floor and the ceilings: ``mixture``, ``IRM1``, ``IRM2``, or none.
        folder: Output folder of results, tables, plots, museval's files and the page ``report.html``. Scores of a
            `Candidate` with settings, or of a folder, are cached in it: the same call resumes a stopped one.
        workers: Songs to score at a time.
        on_scores: Called with every score.

    Returns:
        The scores of every method and song, and their averages.

    Raises:
        InputError: If nothing can be evaluated, a name is unknown, or files cannot be written. Songs that cannot be
            scored are in the results' ``failures``.
    """
    entries = [TrackEntry.of_track(song) if isinstance(song, Track) else song for song in songs]
    evaluator = evaluator_of(evaluated, entries, stems, metrics, bounds, folder, workers, on_scores)
    begin(evaluator, entries)
    results = evaluator.run(entries)
    if folder is not None:
        write_results(results, Path(folder))
    return results


def evaluator_of(
    evaluated: Evaluated | Mapping[str, Evaluated],
    songs: Sequence[TrackEntry],
    stems: Sequence[str] | None = None,
    metrics: Sequence[str] = DEFAULT_METRICS,
    bounds: Sequence[str] = BOUNDS,
    folder: str | Path | None = None,
    workers: int = 1,
    on_scores: OnScores | None = None,
) -> Evaluator:
    """Create the evaluator that `evaluate` runs on the songs.

    Raises:
        InputError: See `evaluate`.
    """
    reported = resolve_metrics(as_list(metrics))
    wanted = None if stems is None else as_list(stems)
    resolved = resolve_methods(candidates_of(evaluated), songs, wanted, as_list(bounds))
    if workers < 1:
        raise InputError(f"workers={workers} must be 1 or more")
    bss_eval = needs_museval(reported)
    if bss_eval:
        check_bss_eval(resolved.stems)
    evaluator = Evaluator(
        resolved.methods,
        resolved.stems,
        songs[0].sample_rate,
        reported,
        workers=workers,
        bss_eval=bss_eval,
        on_scores=on_scores,
    )
    if folder is None:
        return evaluator
    cache = ScoreCache(Path(folder), resolved.stems, reported)
    excerpts = ExcerptCollector(gallery_in(Path(folder), resolved.methods))
    return replace(evaluator, cache=cache, on_estimates=(excerpts.add,), on_track=(excerpts.finish,))


def begin(evaluator: Evaluator, songs: Sequence[TrackEntry], overwrite: bool = False) -> None:
    """Remove stale files from the folder.

    One process must do it before any process scores a song.

    Args:
        evaluator: The evaluator.
        songs: All songs.
        overwrite: Remove all scores of these songs.
    """
    cache = evaluator.cache
    if cache is None:
        return
    for method in evaluator.methods:
        scored = cache.remove_stale(method, songs, overwrite)
        if method.kind in EVALUATED:
            gallery_in(cache.folder, evaluator.methods).keep_only(method.name, scored)


def gallery_in(folder: Path, methods: Sequence[Method]) -> Gallery:
    """Open the excerpts of the compared methods in an evaluation's folder."""
    compared = tuple(method.name for method in methods if method.kind in EVALUATED)
    return Gallery(folder / EXCERPTS, compared)


def with_stems_kept(evaluator: Evaluator, writer: StemsWriter) -> Evaluator:
    """Let an evaluator also write stems; a song without them is scored again."""
    cache = evaluator.cache and replace(evaluator.cache, is_complete=writer.has)
    return replace(evaluator, cache=cache, on_estimates=(*evaluator.on_estimates, writer))


def candidates_of(evaluated: Evaluated | Mapping[str, Evaluated]) -> dict[str, Candidate]:
    """Name candidates; a single one is called like its folder, or ``model``."""
    if not isinstance(evaluated, Mapping):
        name = Path(evaluated).resolve().name if isinstance(evaluated, str | Path) else "model"
        evaluated = {name: evaluated}
    candidates = {}
    for name, source in evaluated.items():
        if isinstance(source, Candidate):
            candidates[name] = source
        else:
            candidates[name] = Candidate(Path(source) if isinstance(source, str) else source)
    return candidates


def check_bss_eval(stems: Sequence[str]) -> None:
    """Check before hours of separation that museval can run afterwards.

    Raises:
        InputError: If museval cannot run here, or not on these stems.
    """
    if not bss_eval_available():
        raise InputError(
            "SIR, SAR and ISR need museval and FFmpeg (with ffprobe); install them, or remove bss_eval from metrics."
        )
    if len(stems) < 2:
        raise InputError(
            f"SIR, SAR and ISR need two stems or more, and {stems[0]} is scored alone; remove them from metrics."
        )


def write_results(results: Results, folder: Path) -> None:
    """Write all results of an evaluation into its folder.

    They are ``results.json``, ``.csv`` and ``.md``, ``plots/<metric>.png`` and ``.svg``, and ``report.html``.

    The report shows the excerpts in the folder.

    Raises:
        InputError: If they cannot be written.
    """
    write_json(results, folder / "results.json")
    write_csv(results, folder / "results.csv")
    write_markdown(results, folder / "results.md")
    plots = write_box_figures(results, folder / "plots")
    for path in (folder / "plots").glob("*"):
        if path.suffix in (".png", ".svg") and path not in plots:
            path.unlink()  # of an earlier evaluation in this folder
    write_evaluation_report(folder)
