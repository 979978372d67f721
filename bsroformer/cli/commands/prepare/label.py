"""Label songs without stems by a teacher: a model whose stems a student trains on."""

import json
import math
from pathlib import Path
from typing import Any

from rich.console import Console

from bsroformer.atomic import write_text
from bsroformer.cli.checkpoint_sources import checkpoint_fingerprints, opened_checkpoint
from bsroformer.cli.commands.prepare.config import PrepareConfig
from bsroformer.cli.console import music_progress, stopping_on_sigterm
from bsroformer.cli.exit_status import EXIT_USER_ERROR
from bsroformer.devices import keep_freed_memory
from bsroformer.errors import InputError
from bsroformer.file_state import digest
from bsroformer.inference import Delivery, Separator, Song, SongStems, find_songs, write_stems
from bsroformer.inference.two_passes import TwoPasses
from bsroformer.safe_files import CONFIGURATION, read_json
from bsroformer.text import count, decibels

LABELS = "labels.json"
DELIVERY = Delivery("flac", rescale=True)


def label(cfg: PrepareConfig, console: Console) -> int:
    """Separate songs with a teacher, and keep the stems on which its two passes agree.

    Each song is a folder ``<output>/<song>/`` with a file for each kept stem, and ``labels.json``: the teacher and the
    agreement of each stem. Songs that are labelled already with the same teacher and bound are skipped.

    Returns:
        The exit status: not 0 if a song could not be labelled.

    Raises:
        InputError: If there is no teacher or no song.
    """
    if cfg.ckpt is None:
        raise InputError("action=label needs ckpt, the model that labels the songs; add ckpt=model.ckpt")
    if not cfg.input:
        raise InputError("action=label needs songs to label; name files or folders, or add input=folder")
    keep_freed_memory()
    checkpoint = opened_checkpoint(cfg.ckpt, None, None, console)
    separator = Separator(checkpoint.model())
    teacher = TwoPasses(separator, delay=separator.size // 2)
    settings = {"teacher": digest(checkpoint_fingerprints([checkpoint])), "min_agreement_db": cfg.min_agreement_db}
    songs = find_songs(cfg.input, cfg.output, teacher.stems)
    labels = Labels(teacher, settings, cfg.min_agreement_db, console)
    with stopping_on_sigterm():
        for song in songs:
            labels.add(song)
    labels.sum_up(cfg.output)
    return EXIT_USER_ERROR if labels.faults else 0


class Labels:
    """Labels of songs, one after another.

    Args:
        teacher: The separator.
        settings: What the labels depend on, beside the song.
        min_agreement_db: Least agreement of a stem that is kept, in dB.
        console: Where results are printed.
    """

    def __init__(self, teacher: TwoPasses, settings: dict[str, Any], min_agreement_db: float, console: Console) -> None:
        self.teacher = teacher
        self.settings = settings
        self.min_agreement_db = min_agreement_db
        self.console = console
        self.kept = dict.fromkeys(teacher.stems, 0)
        self.skipped = 0
        self.faults: list[str] = []

    def add(self, song: Song) -> None:
        """Label a song, unless it is labelled already."""
        made_of = {**self.settings, "song": song.fingerprint("")}
        known = labelled(song.folder, made_of)
        if known is not None:
            self.skipped += 1
            self._count(known)
            return
        try:
            agreement = self._separate(song)
        except InputError as error:
            self.faults.append(str(error))
            self.console.print(f"not labelled: {error}", style="red")
            return
        kept = [stem for stem, ratio in agreement.items() if ratio >= self.min_agreement_db]
        for stem in agreement.keys() - set(kept):
            DELIVERY.path(song.folder, stem).unlink()
        rounded = {stem: round(ratio, 2) for stem, ratio in agreement.items() if math.isfinite(ratio)}
        record = {**made_of, "agreement_db": rounded, "kept": kept}
        write_text(song.folder / LABELS, json.dumps(record, indent=1) + "\n")
        self._count(kept)
        phrases = [f"{stem} {decibels(ratio)}" for stem, ratio in agreement.items()]
        dropped = "" if len(kept) == len(agreement) else f"; kept: {', '.join(kept) or 'none'}"
        self.console.print(f"{song.source.name}: {', '.join(phrases)}{dropped}")

    def _separate(self, song: Song) -> dict[str, float]:
        stems = SongStems(self.teacher, song.source)
        with music_progress(self.console) as progress:
            task = progress.add_task(song.source.name, total=None)

            def advance(seconds: float, total: float | None) -> None:
                progress.update(task, completed=seconds, total=total)

            write_stems(stems, song.folder, DELIVERY, song.fingerprint(digest(self.settings)), advance)
        return self.teacher.agreement()

    def _count(self, kept: list[str]) -> None:
        for stem in kept:
            self.kept[stem] = self.kept.get(stem, 0) + 1

    def sum_up(self, output: Path) -> None:
        """Print what a student can train on, and how."""
        if self.skipped:
            self.console.print(f"Skipped {count(self.skipped, 'song')} labelled already")
        phrases = [f"{stem} in {number}" for stem, number in self.kept.items()]
        self.console.print(f"Kept {', '.join(phrases)}: {output}")
        self.console.print(f"Train on them beside labelled songs: data.extra=[{output}] data.extra_weight=0.5")


def labelled(folder: Path, made_of: dict[str, Any]) -> list[str] | None:
    """Return the kept stems of a song; None if it is not labelled, or by other settings."""
    try:
        record = read_json(folder / LABELS, CONFIGURATION)
    except InputError:
        return None
    if not isinstance(record, dict) or any(record.get(name) != value for name, value in made_of.items()):
        return None
    kept = record.get("kept")
    return [str(stem) for stem in kept] if isinstance(kept, list) else None
