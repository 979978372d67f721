"""Preview augmentation as audio and a figure."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
from rich.console import Console
from torch import Tensor

from bsroformer.audio.files import write
from bsroformer.cli.commands.prepare.config import PrepareConfig
from bsroformer.cli.instantiation import pack_folder
from bsroformer.data.augment import Augment
from bsroformer.data.augment.stretch import stretch_is_installed
from bsroformer.data.excerpts import ExcerptKey, RandomExcerpts
from bsroformer.data.known_stems import TrainingBatch, known_of, stems_of
from bsroformer.data.layouts import TrackFormat
from bsroformer.data.mixing import mix
from bsroformer.data.packs import training_tracks
from bsroformer.data.track import AnyTrack
from bsroformer.errors import InputError
from bsroformer.figures import busiest_excerpt, effects_figure

Pairs = dict[str, tuple[Tensor, Tensor]]
"""Audio (c t) before and after each change."""
EXCERPTS = 3
"""Number of training excerpts to write."""


def preview(cfg: PrepareConfig, console: Console) -> int:
    """Write the effect of each augmentation, and the first training excerpts.

    Returns:
        The exit status, 0.

    Raises:
        InputError: If the data set has no songs, no song has the stem, or a setting is out of range.
    """
    folder = cfg.output
    source = cfg.data.source.build()
    augment = cfg.augment.build()
    source.make()
    form = source.form
    songs = training_tracks(source.files(), form, pack_folder(cfg.data, cfg.paths, source)).train
    seconds = cfg.data.seconds
    seed = cfg.seed
    stem = cfg.stem or form.stems[0]
    with console.status("augmenting"):
        first, *others = heard_stems(songs, stem, form.sample_rate, seconds)
        excerpts = RandomExcerpts(songs, form, round(seconds * form.sample_rate), augment, seed)
        pairs = effect_pairs(augment, first, others, form.sample_rate, np.random.default_rng(seed))
        write_pairs(pairs | random_mix_pair(excerpts), form.sample_rate, folder)
        write_excerpts(excerpts, form, folder)
    console.print(f"The effects on {stem} and {EXCERPTS} training excerpts are in {folder}")
    return 0


def heard_stems(songs: Sequence[AnyTrack], stem: str, sample_rate: int, seconds: float) -> list[Tensor]:
    """Return the most active excerpt (c t) of a stem in each of two songs.

    Raises:
        InputError: If no song has it.
    """
    having = [song for song in songs if stem in song.stems]
    if not having:
        known = dict.fromkeys(chain.from_iterable(song.stems for song in songs))
        raise InputError(f"no song to train on has stem={stem}; name one of {', '.join(known)}")
    stems = [song.stem(stem) for song in having[:2]]
    return [audio[:, busiest_excerpt(audio[None], sample_rate, seconds)] for audio in stems]


def effect_pairs(
    augment: Augment, stem: Tensor, others: Sequence[Tensor], sample_rate: int, rng: np.random.Generator
) -> Pairs:
    """Apply every effect once to a stem, regardless of its probability.

    Args:
        augment: Holds the effects.
        stem: Samples (c t), some seconds.
        others: The same stem of other songs, as long, for a mixup.
        sample_rate: In Hz.
        rng: Source of all random draws.

    Raises:
        InputError: If the library of `Stretch` is not installed, or an effect cannot process the audio.
    """
    after: dict[str, Tensor] = {}
    if augment.stretch.probability or stretch_is_installed():
        change = augment.stretch.change(rng)  # makes the stem longer or shorter
        after["stretch"] = change.apply(stem, round(stem.shape[-1] / change.tempo), sample_rate)
    after |= {name: effect(stem, sample_rate, rng) for name, effect in augment.effects.items()}
    if others and others[0].shape == stem.shape:
        after["mixup"] = stem + float(rng.uniform(*augment.mixup.gain)) * others[0]
    return {name: (stem, audio) for name, audio in after.items()}


def random_mix_pair(excerpts: RandomExcerpts) -> Pairs:
    """Mix (c t) one position of a song, and stems of random songs.

    Empty if no song has every stem.
    """
    if not len(excerpts.together):
        return {}
    return {"random_mix": (_mixture(excerpts, unmixed=1.0), _mixture(excerpts, unmixed=0.0))}


def _mixture(excerpts: RandomExcerpts, unmixed: float) -> Tensor:
    augment = replace(excerpts.augment, unmixed=unmixed)
    first = RandomExcerpts(excerpts.tracks, excerpts.form, excerpts.frames, augment, excerpts.seed)[ExcerptKey(0, 0)]
    return mix(stems_of(first))


def write_pairs(pairs: Pairs, sample_rate: int, folder: Path) -> None:
    """Write the audio before and after each change, and the figure.

    The files are ``original.wav``, or ``<change>-before.wav`` where that differs, ``<change>.wav`` and ``effects.png``.
    """
    original = next(before for before, _ in pairs.values())
    write(folder / "original.wav", original, sample_rate)
    for name, (before, after) in pairs.items():
        if before is not original:
            write(folder / f"{name}-before.wav", before, sample_rate)
        write(folder / f"{name}.wav", after, sample_rate)
    effects_figure(pairs, sample_rate).savefig(folder / "effects.png", dpi=100)


def names_of(excerpt: TrainingBatch, stems: Sequence[str]) -> list[str]:
    """Name the stems of an excerpt; the sum of the unknown ones is ``unknown``, and the others have no file."""
    known = known_of(excerpt)
    if known is None:
        return list(stems)
    return [stem if is_known else "unknown" for stem, is_known in zip(stems, known.tolist(), strict=True)]


def write_excerpts(excerpts: RandomExcerpts, form: TrackFormat, folder: Path) -> None:
    """Write the first excerpts of a training, mixture and stems, as wav files."""
    for index in range(EXCERPTS):
        excerpt = excerpts[ExcerptKey(0, index)]
        stems = stems_of(excerpt)  # (n c t)
        parts = {"mixture": mix(stems)}
        for name, audio in zip(names_of(excerpt, form.stems), stems, strict=True):
            parts.setdefault(name, audio)  # the sum comes first
        for name, audio in parts.items():
            write(folder / f"excerpt-{index + 1}" / f"{name}.wav", audio, form.sample_rate)
