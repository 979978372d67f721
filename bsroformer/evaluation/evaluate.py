"""Evaluate separators and folders of stems on songs: `bsroformer.evaluate`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bsroformer.data.sources import as_list
from bsroformer.data.track import Track
from bsroformer.errors import InputError
from bsroformer.evaluation.candidate import BOUNDS, Candidate, resolve_methods
from bsroformer.evaluation.evaluator import Evaluator, OnScores
from bsroformer.evaluation.excerpt_collector import ExcerptCollector
from bsroformer.evaluation.gallery import Gallery
from bsroformer.evaluation.methods import Method
from bsroformer.evaluation.results import EVALUATED, Results
from bsroformer.evaluation.score_cache import ScoreCache
from bsroformer.evaluation.scores import BSS_EVAL, FRAMEWISE, METRICS, WHOLE
from bsroformer.evaluation.stems_writer import StemsWriter
from bsroformer.evaluation.track_audio import TrackEntry
from bsroformer.evaluation.write_results import write_results
from bsroformer.inference import StreamSeparator
from bsroformer.metrics import bss_eval_available

EXCERPTS = "excerpts"
"""The folder of excerpts in that of an evaluation."""
Evaluated = StreamSeparator | str | Path | Candidate


def evaluate(
    evaluated: Evaluated | Mapping[str, Evaluated],
    songs: Sequence[TrackEntry | Track],
    stems: Sequence[str] | None = None,
    metrics: Sequence[str] = METRICS,
    bounds: Sequence[str] = BOUNDS,
    folder: str | Path | None = None,
    workers: int = 1,
    on_scores: OnScores | None = None,
) -> Results:
    """Score separators and folders of stems on songs, side by side.

    Args:
        evaluated: A separator, or a folder with the stems that any program made of the songs; or several, by name.
        songs: The songs, as `songs_in` finds them.
        stems: Those to score; all that the evaluated have in common unless given.
        metrics: Those to report: cSDR, uSDR, SI-SDR, SI-SDRi, and SIR, SAR, ISR, for which museval takes about as long
            as the music lasts; ``bss_eval`` stands for cSDR, SIR, SAR and ISR.
        bounds: The floor and the ceilings: ``mixture``, ``IRM1``, ``IRM2``, or none.
        folder: Where results, tables, plots, museval's files and the page ``report.html`` go. Scores in it of a
            `Candidate` with settings, or of a folder, are kept: the same call goes on where an earlier one was ended.
        workers: Songs that are scored at a time.
        on_scores: Told of every score.

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
    metrics: Sequence[str] = METRICS,
    bounds: Sequence[str] = BOUNDS,
    folder: str | Path | None = None,
    workers: int = 1,
    on_scores: OnScores | None = None,
) -> Evaluator:
    """What `evaluate` runs on the songs.

    Raises:
        InputError: See `evaluate`.
    """
    asked = expanded(as_list(metrics))
    chosen = resolve_methods(
        candidates_of(evaluated), songs, None if stems is None else as_list(stems), as_list(bounds)
    )
    if workers < 1:
        raise InputError(f"workers={workers} must be 1 or more")
    with_bss_eval = needs_museval(asked)
    if with_bss_eval:
        check_bss_eval(chosen.stems)
    takes = ExcerptCollector(gallery_in(Path(folder), chosen.methods)) if folder is not None else None
    return Evaluator(
        chosen.methods,
        chosen.stems,
        songs[0].sample_rate,
        asked,
        ScoreCache(Path(folder), chosen.stems, with_bss_eval) if folder is not None else None,
        workers,
        with_bss_eval,
        on_scores,
        (takes.add,) if takes else (),
        (takes.finish,) if takes else (),
    )


def begin(evaluator: Evaluator, songs: Sequence[TrackEntry], overwrite: bool = False) -> None:
    """Clear the folder of what is not kept; of several processes, one must do it before any of them scores a song.

    Args:
        evaluator: What will score.
        songs: All songs.
        overwrite: Keep nothing.
    """
    if evaluator.kept is None:
        return
    for method in evaluator.methods:
        scored = evaluator.kept.tidy(method, songs, overwrite)
        if method.kind in EVALUATED:
            gallery_in(evaluator.kept.folder, evaluator.methods).keep_only(method.name, scored)


def gallery_in(folder: Path, methods: Sequence[Method]) -> Gallery:
    """The excerpts in the folder of an evaluation: of what is compared, not of floor and ceilings."""
    return Gallery(folder / EXCERPTS, tuple(method.name for method in methods if method.kind in EVALUATED))


def with_stems_kept(evaluator: Evaluator, writer: StemsWriter) -> Evaluator:
    """The same, but stems are written too; a song without them is scored again."""
    kept = evaluator.kept and replace(evaluator.kept, needs=writer.has)
    return replace(evaluator, kept=kept, on_estimates=(*evaluator.on_estimates, writer))


def candidates_of(evaluated: Evaluated | Mapping[str, Evaluated]) -> dict[str, Candidate]:
    """What is to be evaluated, by name: one alone has that of its folder, or ``model``."""
    if not isinstance(evaluated, Mapping):
        name = Path(evaluated).resolve().name if isinstance(evaluated, str | Path) else "model"
        evaluated = {name: evaluated}
    return {
        name: source
        if isinstance(source, Candidate)
        else Candidate(Path(source) if isinstance(source, str) else source)
        for name, source in evaluated.items()
    }


def expanded(metrics: Sequence[str]) -> tuple[str, ...]:
    """Names of metrics, each once, with ``bss_eval`` replaced by what it stands for; capitals do not matter.

    Raises:
        InputError: If one is unknown, or there is none.
    """
    known = {name.casefold(): name for name in (*FRAMEWISE, *WHOLE)}
    names = [
        name for metric in metrics for name in (BSS_EVAL if str(metric).casefold() == "bss_eval" else (str(metric),))
    ]
    unknown = [name for name in names if name.casefold() not in known]
    if unknown or not names:
        told = ", ".join(unknown) or "nothing"
        raise InputError(f"metrics names {told}: choose from {', '.join((*known.values(), 'bss_eval'))}.")
    return tuple(dict.fromkeys(known[name.casefold()] for name in names))


def needs_museval(metrics: Sequence[str]) -> bool:
    """Whether one of the metrics is museval's alone."""
    return not set(expanded(metrics)).isdisjoint({"SIR", "SAR", "ISR"})


def check_bss_eval(stems: Sequence[str]) -> None:
    """Refuse before hours of separation what would fail after them.

    Raises:
        InputError: If museval cannot run here, or not on these stems.
    """
    if not bss_eval_available():
        raise InputError(
            "SIR, SAR and ISR need museval and FFmpeg (with ffprobe): install them, or leave bss_eval out of metrics."
        )
    if len(stems) < 2:
        raise InputError(f"SIR, SAR and ISR need two stems or more, and {stems[0]} is scored alone: leave them out.")
