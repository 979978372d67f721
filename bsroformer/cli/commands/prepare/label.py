"""Label songs without stems by a teacher: a model whose stems a student trains on."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from bsroformer.atomic import replacing_folder, write_text
from bsroformer.audio.tags import read_fingerprints
from bsroformer.checkpoints.model_names import public_name
from bsroformer.cli.checkpoint_sources import checkpoint_fingerprints, opened_checkpoint
from bsroformer.cli.commands.prepare.config import PrepareConfig
from bsroformer.cli.console import music_progress, stopping_on_sigterm
from bsroformer.cli.exit_status import EXIT_USER_ERROR
from bsroformer.data.song_terms import terms_in
from bsroformer.devices import keep_freed_memory
from bsroformer.errors import InputError
from bsroformer.file_state import digest
from bsroformer.inference import Delivery, Separator, Song, SongStems, find_songs, write_stems
from bsroformer.inference.two_passes import TwoPasses
from bsroformer.safe_files import CONFIGURATION, read_json
from bsroformer.text import count, decibels

LABELS = "labels.json"
METADATA = "metadata.json"
DELIVERY = Delivery("flac", rescale=True)


def label(cfg: PrepareConfig, console: Console) -> int:
    """Separate songs with a teacher, and keep the stems on which its two passes agree.

    Each song is a folder ``<output>/<song>/`` with a file for each kept stem, ``labels.json`` (the teacher and the
    agreement of each stem) and ``metadata.json`` (source and licence of the song). Songs that are labelled already with
    the same teacher and bound are skipped.

    Returns:
        The exit status: not 0 if a song could not be labelled.

    Raises:
        InputError: If there is no teacher or no song.
    """
    if cfg.ckpt is None:
        raise InputError("action=label needs ckpt, the model that labels the songs; add ckpt=model.ckpt")
    if not cfg.input:
        raise InputError("action=label needs input, the songs to label; add input=folder")
    keep_freed_memory()
    checkpoint = opened_checkpoint(cfg.ckpt, None, None, console)
    separator = Separator(checkpoint.model())
    teacher = TwoPasses(separator, delay=separator.size // 2)
    settings = {"teacher": digest(checkpoint_fingerprints([checkpoint])), "min_agreement_db": cfg.min_agreement_db}
    labels = Labels(teacher, public_name(cfg.ckpt), settings, cfg.min_agreement_db, console)
    with stopping_on_sigterm():
        for song in find_songs(cfg.input, cfg.output, teacher.stems):
            labels.add(in_one_folder(song, cfg.output))
    labels.sum_up(cfg.output)
    return EXIT_USER_ERROR if labels.faults else 0


def in_one_folder(song: Song, output: Path) -> Song:
    """Put the folder of a song directly into the output, where training looks for it."""
    parts = song.folder.relative_to(output).parts
    return replace(song, folder=output / " - ".join(parts))


class Labels:
    """Labels of songs, one after another.

    Args:
        teacher: The separator.
        name: Name of its checkpoint.
        settings: Facts that the labels depend on, beside the song.
        min_agreement_db: Least agreement of a stem that is kept, in dB.
        console: Where results are printed.
    """

    def __init__(
        self, teacher: TwoPasses, name: str, settings: Mapping[str, Any], min_agreement_db: float, console: Console
    ) -> None:
        self.teacher = teacher
        self.name = name
        self.settings = settings
        self.min_agreement_db = min_agreement_db
        self.console = console
        self.kept = dict.fromkeys(teacher.stems, 0)
        self.skipped = 0
        self.faults: list[str] = []

    def add(self, song: Song) -> None:
        """Label a song, unless it is labelled already."""
        record = {**self.settings, "song": song.fingerprint("")}
        kept = labels_in(song.folder, record)
        if kept is not None:
            self.skipped += 1
        else:
            try:
                kept = self._label(song, record)
            except InputError as error:
                self.faults.append(str(error))
                self.console.print(f"not labelled: {error}", style="red")
                return
        for stem in kept:
            self.kept[stem] = self.kept.get(stem, 0) + 1

    def _label(self, song: Song, record: dict[str, Any]) -> list[str]:
        """Write the folder of a song, and return the kept stems.

        Raises:
            InputError: If the song cannot be separated, or the folder exists and does not hold labels.
        """
        refuse_other_files(song.folder)
        with replacing_folder(song.folder) as folder:
            agreement = self._separate(song, folder)
            kept = [stem for stem, ratio in agreement.items() if ratio >= self.min_agreement_db]
            for stem in agreement.keys() - set(kept):
                DELIVERY.path(folder, stem).unlink()
            rounded = {stem: round(ratio, 2) for stem, ratio in agreement.items() if math.isfinite(ratio)}
            write_text(folder / LABELS, as_json({**record, "agreement_db": rounded, "kept": kept}))
            write_text(folder / METADATA, as_json(self._metadata(song)))
        phrases = [f"{stem} {decibels(ratio)}" for stem, ratio in agreement.items()]
        dropped = "" if len(kept) == len(agreement) else f"; kept: {', '.join(kept) or 'none'}"
        self.console.print(f"{song.source.name}: {', '.join(phrases)}{dropped}")
        return kept

    def _separate(self, song: Song, folder: Path) -> dict[str, float]:
        """Write all stems, and return the agreement of each in dB."""
        stems = SongStems(self.teacher, song.source)
        with music_progress(self.console) as progress:
            task = progress.add_task(song.source.name, total=None)

            def advance(seconds: float, total: float | None) -> None:
                progress.update(task, completed=seconds, total=total)

            write_stems(stems, folder, DELIVERY, song.fingerprint(digest(self.settings)), advance)
        return self.teacher.agreement()

    def _metadata(self, song: Song) -> dict[str, str]:
        """Describe what the labels are made of, for the ledger of a student."""
        digits = self.teacher.model_digest[:16]
        source = {"source": f"stems by {self.name}, weights {digits}"}
        license = terms_in(song.source.parent).license
        return source if license is None else {"license": license, **source}

    def sum_up(self, output: Path) -> None:
        """Print the number of songs with each stem, and how to train on them."""
        if self.skipped:
            self.console.print(f"Skipped {count(self.skipped, 'song')} labelled already")
        phrases = [f"{stem} in {number}" for stem, number in self.kept.items()]
        self.console.print(f"Kept {', '.join(phrases)}: {output}")
        self.console.print(f"Train on them beside labelled songs: data.extra=[{output}] data.extra_weight=0.5")


def as_json(tree: Mapping[str, Any]) -> str:
    """Format a file of one object."""
    return json.dumps(tree, indent=1) + "\n"


def refuse_other_files(folder: Path) -> None:
    """Check that a folder may be replaced: it is missing, empty, or holds labels.

    Raises:
        InputError: If it holds something else.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / LABELS).is_file():
        raise InputError(f"{folder} exists and holds no labels; choose another output folder")


def labels_in(folder: Path, record: Mapping[str, Any]) -> list[str] | None:
    """Return the kept stems of a song; None if it is not labelled so, or a file is missing."""
    try:
        found = read_json(folder / LABELS, CONFIGURATION)
    except InputError:
        return None
    if not isinstance(found, dict) or any(found.get(name) != value for name, value in record.items()):
        return None
    kept = found.get("kept")
    if not isinstance(kept, list):
        return None
    files = [DELIVERY.path(folder, str(stem)) for stem in kept]
    return [str(stem) for stem in kept] if all(map(is_label, files)) else None


def is_label(path: Path) -> bool:
    """Check for a stem that this program has written."""
    return path.is_file() and bool(read_fingerprints(path))
