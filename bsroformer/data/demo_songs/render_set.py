"""Render the demo set to disk in parallel, safe to interrupt."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from bsroformer.atomic import write_text
from bsroformer.data.demo_songs.channels import STEMS, Mixing
from bsroformer.data.demo_songs.composition import STYLES, compose
from bsroformer.data.demo_songs.mixdown import SAMPLE_RATE, TAIL_SECONDS, Sound, mix_song
from bsroformer.data.demo_songs.score import Song
from bsroformer.data.demo_songs.synthesiser import soundfont
from bsroformer.data.demo_songs.titles import SIZES, song_names
from bsroformer.errors import InputError
from bsroformer.parallel import mapping, processors

DEMO_VERSION = 1
"""Version of the sound; raise it when the sound changes, so that old renderings are not used as new ones."""
SPLITS = tuple(SIZES)
SHORTEST_SECONDS = 3.0
FINISHED = "demo.json"
UNFINISHED = ".demo-unfinished.json"
PARTIAL = ".demo-workshop"
"""Folder of incomplete songs, which are moved to their final folder when they are complete."""


@dataclass(frozen=True)
class DemoSettings:
    """Settings that decide the sound of a demo set."""

    version: int
    seed: int
    train_songs: int
    test_songs: int
    seconds: float
    soundfont: str | None = None
    mixing: Mixing = "clear"

    @property
    def sound(self) -> Sound:
        """How the songs are played and mixed."""
        return Sound(self.soundfont, self.mixing)


ADDED_LATER = {"soundfont": None, "mixing": "clear"}
"""Settings that the description of an older set lacks, and their values there."""


@dataclass(frozen=True)
class Job:
    """One song to compose, and to render unless its folder exists."""

    root: Path
    seed: int
    split: str
    index: int
    title: str
    seconds: float
    sound: Sound

    @property
    def folder(self) -> Path:
        """Folder for the song's files."""
        return self.root / self.split / self.title


def render_demo_set(
    root: Path,
    seed: int = 0,
    train_songs: int = SIZES["train"],
    test_songs: int = SIZES["test"],
    seconds: float = 20.0,
    sound: Sound | None = None,
    workers: int | None = None,
) -> Path:
    """Compose and render the demo set, unless it is complete.

    The layout is MUSDB18-HQ's: ``train|test/<song>/{mixture,vocals,drums,bass,other}.wav``, 44.1 kHz, stereo,
    16-bit PCM, the mixture being the exact sum of the stems. The folder of a song appears only when it is complete:
    after an interruption the next call renders the missing songs. ``demo.json``, written last, holds the settings and
    a description of each song. The same settings give the same bytes with any number of workers.

    Args:
        root: Folder of the set, created if needed. One folder holds one set.
        seed: Another seed gives other songs of the same kinds, under the same names.
        train_songs: Number of songs in ``train``.
        test_songs: Number of songs in ``test``.
        seconds: Approximate length of a song: whole bars and the tail of the reverberation.
        sound: How the songs are played and mixed; the usual way unless given.
        workers: Processes to render with; None is the number of processors.

    Returns:
        ``root``.

    Raises:
        InputError: A package of the extra ``demo`` is missing, a setting is out of range, or ``root`` holds a demo set
            of other settings or other files.
    """
    root = Path(root)
    if seconds < SHORTEST_SECONDS:
        raise InputError(f"A demo song lasts at least {SHORTEST_SECONDS:g} seconds, not {seconds:g}.")
    if seed < 0:
        raise InputError(f"The demo songs' seed is 0 or more, not {seed}.")
    if workers is not None and workers < 1:
        raise InputError(f"Rendering the demo songs takes 1 worker or more, not {workers}.")
    sound = sound or Sound()
    songs_and_length = train_songs, test_songs, float(seconds)
    settings = DemoSettings(DEMO_VERSION, seed, *songs_and_length, sound.soundfont, sound.mixing)
    jobs = _jobs(root, settings)
    check_folder(root, settings)
    if (root / FINISHED).is_file() and all(job.folder.is_dir() for job in jobs):
        return root
    soundfont(sound.soundfont)  # reports a missing package once, not in every worker
    write_json(root / UNFINISHED, asdict(settings))
    songs = list(render_songs(jobs, workers or processors()))
    write_json(root / FINISHED, {**asdict(settings), "songs": songs})
    (root / UNFINISHED).unlink()
    shutil.rmtree(root / PARTIAL, ignore_errors=True)
    return root


def _jobs(root: Path, settings: DemoSettings) -> list[Job]:
    counts = {"train": settings.train_songs, "test": settings.test_songs}
    jobs = []
    for split in SPLITS:
        titles = enumerate(song_names(split, counts[split]))
        jobs += [
            Job(root, settings.seed, split, index, title, settings.seconds, settings.sound) for index, title in titles
        ]
    return jobs


def check_folder(root: Path, settings: DemoSettings) -> None:
    """Refuse a folder that holds anything but this set, finished or not.

    Raises:
        InputError: It does.
    """
    wanted = asdict(settings)
    for name in (FINISHED, UNFINISHED):
        if not (root / name).is_file():
            continue
        found = ADDED_LATER | json.loads((root / name).read_text(encoding="utf-8"))
        different = [key for key in wanted if found.get(key) != wanted[key]]
        if different:
            phrases = [f"{key} {found.get(key)} instead of {wanted[key]}" for key in different]
            raise InputError(f"{root} holds a demo set with {', '.join(phrases)}; delete it or choose another folder.")
        return
    if root.exists() and (not root.is_dir() or any(path.name[0] != "." for path in root.iterdir())):
        raise InputError(f"{root} is not empty and holds no demo set; choose another folder.")


def render_songs(jobs: list[Job], workers: int) -> Iterator[dict[str, Any]]:
    """Render the songs with a progress bar and yield their descriptions in order."""
    from rich.progress import track

    with mapping(min(workers, len(jobs))) as run:
        yield from track(run(render_song, jobs), "Rendering the demo songs", total=len(jobs))


def render_song(job: Job) -> dict[str, Any]:
    """Compose a song, render it unless its folder exists, and return its description."""
    rng = np.random.default_rng([job.seed, SPLITS.index(job.split), job.index])
    song = compose_song(rng, job)
    if not job.folder.is_dir():
        write_song(mix_song(rng, song, job.sound), job)
    return describe(song, job.split)


def compose_song(rng: np.random.Generator, job: Job) -> Song:
    """Compose a song in the style and tonic of its index.

    Each comes once before any comes again.
    """
    deck = np.random.default_rng([job.seed, len(SPLITS) + SPLITS.index(job.split)])
    styles = deck.permutation(len(STYLES))
    tonics = deck.permutation(12)
    style = STYLES[styles[job.index % len(styles)]]
    tonic = int(tonics[job.index % len(tonics)])
    return compose(rng, job.title, style, tonic, job.seconds - TAIL_SECONDS)


def write_song(stems: dict[str, np.ndarray], job: Job) -> None:
    """Write a song's files, and move the complete folder to its final path."""
    partial = job.root / PARTIAL / job.split / job.title
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    mixture = np.sum([stems[stem] for stem in STEMS], axis=0, dtype=np.int16)
    for name, audio in {"mixture": mixture, **stems}.items():
        soundfile.write(partial / f"{name}.wav", audio, SAMPLE_RATE, subtype="PCM_16")
    job.folder.parent.mkdir(parents=True, exist_ok=True)
    partial.replace(job.folder)


def describe(song: Song, split: str) -> dict[str, Any]:
    """Describe a song for ``demo.json``."""
    instruments: dict[str, list[str]] = {stem: [] for stem in STEMS}
    for part in song.parts:
        instruments[part.stem].append(part.instrument)
    return {
        "name": song.title,
        "split": split,
        "style": song.style,
        "tempo": song.tempo,
        "key": str(song.key),
        "bars": song.bars,
        "instruments": instruments,
    }


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file that is complete or does not exist."""
    write_text(path, json.dumps(content, indent=2) + "\n")
