"""What augmentation does, to hear and to see."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from omegaconf import DictConfig
from rich.console import Console
from torch import Tensor

from bsroformer.audio.files import write
from bsroformer.data.augment import Effect, Stretch
from bsroformer.data.excerpts import ExcerptKey, RandomExcerpts
from bsroformer.data.layouts import SongFormat
from bsroformer.data.mixing import mix
from bsroformer.data.packs import training_songs
from bsroformer.data.song import Song
from bsroformer.errors import InputError
from bsroformer.figures import busiest_excerpt, effects_figure
from bsroformer.launch.config import number, path_of
from bsroformer.launch.songs import build_source, make, pack_folder

EXCERPTS = 3
"""Written as training will hear them."""


def preview(cfg: DictConfig, console: Console) -> int:
    """Write each effect on one stem, and the first excerpts of a training with them all.

    Returns:
        The exit status, 0.

    Raises:
        InputError: There are no songs, none has the stem, or a setting is out of range.
    """
    folder, source, augment = path_of(cfg.output, "output"), build_source(cfg), make(cfg.augment)
    source.make()
    form = source.form
    songs = training_songs(source.files(), form, pack_folder(cfg, source)).train
    seconds, stem = number(cfg, "data.seconds"), cfg.stem or form.stems[0]
    with console.status("augmenting"):
        audio = heard_stem(songs, stem, form.sample_rate, seconds)
        rng = np.random.default_rng(cfg.seed)
        preview_effects(augment.effects, augment.stretch, audio, form.sample_rate, folder, rng)
        write_excerpts(RandomExcerpts(songs, form, round(seconds * form.sample_rate), augment, cfg.seed), form, folder)
    console.print(f"What the effects do to {stem}, and {EXCERPTS} training excerpts, are in {folder}")
    return 0


def heard_stem(songs: Sequence[Song], stem: str, sample_rate: int, seconds: float) -> Tensor:
    """The excerpt (c t) of a song in which a stem is heard best.

    Raises:
        InputError: If no song has it.
    """
    song = next((song for song in songs if stem in song.stems), None)
    if song is None:
        known = dict.fromkeys(stem for song in songs for stem in song.stems)
        raise InputError(f"no song to train on has stem={stem}: name one of {', '.join(known)}")
    audio = song.stem(stem)
    return audio[:, busiest_excerpt(audio[None], sample_rate, seconds)]


def write_excerpts(excerpts: RandomExcerpts, form: SongFormat, folder: Path) -> None:
    """Write the first excerpts of a training, mixture and stems, as wav files."""
    for place in range(EXCERPTS):
        stems = excerpts[ExcerptKey(0, place)]  # (n c t)
        for name, audio in {"mixture": mix(stems), **dict(zip(form.stems, stems, strict=True))}.items():
            write(folder / f"excerpt-{place + 1}" / f"{name}.wav", audio, form.sample_rate)


def preview_effects(
    effects: Mapping[str, Effect],
    stretch: Stretch,
    stem: Tensor,
    sample_rate: int,
    folder: Path,
    rng: np.random.Generator,
) -> list[Path]:
    """Apply every effect once to a stem, whatever its probability, and write what comes of it.

    Args:
        effects: By their names in the configuration.
        stretch: Shifts pitch and tempo; the stem becomes longer or shorter.
        stem: Samples (c t), some seconds.
        sample_rate: In Hz.
        folder: Where the files go.
        rng: What all draws come from.

    Returns:
        The files: ``original.wav``, ``<effect>.wav`` for each, ``effects.png``.

    Raises:
        InputError: The library of `stretch` is not installed, or an effect cannot take such audio.
    """
    change = stretch.change(rng)
    changed = {"stretch": change.apply(stem, round(stem.shape[-1] / change.tempo), sample_rate)}
    changed |= {name: effect(stem, sample_rate, rng) for name, effect in effects.items()}
    sounds = {folder / f"{name}.wav": audio for name, audio in ({"original": stem} | changed).items()}
    for path, audio in sounds.items():
        write(path, audio, sample_rate)
    picture = folder / "effects.png"
    effects_figure({name: (stem, audio) for name, audio in changed.items()}, sample_rate).savefig(picture, dpi=100)
    return [*sounds, picture]
