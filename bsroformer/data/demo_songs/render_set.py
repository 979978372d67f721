"""Render the demo set to disk in MUSDB's layout: in parallel, and safe to interrupt."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from bsroformer.atomic import write_text
from bsroformer.data.demo_songs.composition import STYLES, compose
from bsroformer.data.demo_songs.mixdown import SAMPLE_RATE, STEMS, TAIL_SECONDS, mix_song
from bsroformer.data.demo_songs.score import Song
from bsroformer.data.demo_songs.synthesiser import soundfont
from bsroformer.data.demo_songs.titles import SIZES, song_names
from bsroformer.errors import InputError
from bsroformer.parallel import mapping, processors

DEMO_VERSION = 1  # raise it when the sound changes, so that old renderings are not taken for new ones
SPLITS = tuple(SIZES)
SHORTEST_SECONDS = 3.0
FINISHED = "demo.json"
UNFINISHED = ".demo-unfinished.json"
WORKSHOP = ".demo-workshop"  # songs are written here and moved to their place when they are whole


@dataclass(frozen=True)
class DemoSettings:
    """What decides the sound of a demo set."""

    version: int
    seed: int
    train_songs: int
    test_songs: int
    seconds: float


@dataclass(frozen=True)
class Job:
    """One song to compose, and to render unless its folder is there."""

    root: Path
    seed: int
    split: str
    index: int
    title: str
    seconds: float

    @property
    def folder(self) -> Path:
        """Where the song's files belong."""
        return self.root / self.split / self.title


def render_demo_set(
    root: Path,
    seed: int = 0,
    train_songs: int = SIZES["train"],
    test_songs: int = SIZES["test"],
    seconds: float = 20.0,
    workers: int | None = None,
) -> Path:
    """Compose and render the demo set under ``root``, unless it is complete there already.

    The layout is MUSDB18-HQ's: ``train|test/<song>/{mixture,vocals,drums,bass,other}.wav``, 44.1 kHz, stereo,
    16-bit PCM, the mixture being the exact sum of the stems. A song appears in its place only when it is
    whole: after an interruption the next call goes on with the songs that are missing. ``demo.json``, written
    last, holds the settings and what was composed. The same settings give the same bytes, however many
    workers there are.

    Args:
        root: Folder of the set; made if need be. One folder holds one set.
        seed: Another seed gives other songs of the same kinds, under the same names.
        train_songs: Number of songs in ``train``.
        test_songs: Number of songs in ``test``.
        seconds: Length of a song, about: whole bars and the tail of the reverberation.
        workers: Processes to render with; as many as there are processors when None.

    Returns:
        ``root``.

    Raises:
        InputError: A package of the extra ``demo`` is missing, a setting is out of range, or ``root`` holds
            something else: a demo set of other settings, or files of another kind.
    """
    root = Path(root)
    if seconds < SHORTEST_SECONDS:
        raise InputError(f"A demo song lasts at least {SHORTEST_SECONDS:g} seconds, not {seconds:g}.")
    if seed < 0:
        raise InputError(f"The demo songs' seed is 0 or more, not {seed}.")
    if workers is not None and workers < 1:
        raise InputError(f"Rendering the demo songs takes 1 worker or more, not {workers}.")
    settings = DemoSettings(DEMO_VERSION, seed, train_songs, test_songs, float(seconds))
    jobs = [
        Job(root, seed, split, index, title, seconds)
        for split, count in zip(SPLITS, (train_songs, test_songs), strict=True)
        for index, title in enumerate(song_names(split, count))
    ]
    check_folder(root, settings)
    if (root / FINISHED).is_file() and all(job.folder.is_dir() for job in jobs):
        return root
    soundfont()  # what is missing is said here, once, rather than by every worker
    write_json(root / UNFINISHED, asdict(settings))
    songs = list(render_songs(jobs, workers or processors()))
    write_json(root / FINISHED, {**asdict(settings), "songs": songs})
    (root / UNFINISHED).unlink()
    shutil.rmtree(root / WORKSHOP, ignore_errors=True)
    return root


def check_folder(root: Path, settings: DemoSettings) -> None:
    """Refuse a folder that holds anything but this set, finished or not.

    Raises:
        InputError: It does.
    """
    for name in (FINISHED, UNFINISHED):
        if (root / name).is_file():
            found = json.loads((root / name).read_text(encoding="utf-8"))
            wanted = asdict(settings)
            unlike = [
                f"{key} {found.get(key)} instead of {wanted[key]}" for key in wanted if found.get(key) != wanted[key]
            ]
            if unlike:
                raise InputError(
                    f"{root} holds a demo set with {', '.join(unlike)}: delete it or choose another folder."
                )
            return
    if root.exists() and (not root.is_dir() or any(path.name[0] != "." for path in root.iterdir())):
        raise InputError(f"{root} is not empty and holds no demo set: choose another folder.")


def render_songs(jobs: list[Job], workers: int) -> Iterator[dict[str, Any]]:
    """Render the songs with a progress bar and yield what is said of each, in order."""
    from rich.progress import track

    with mapping(min(workers, len(jobs))) as run:
        yield from track(run(render_song, jobs), "Rendering the demo songs", total=len(jobs))


def render_song(job: Job) -> dict[str, Any]:
    """Compose a song, render it unless it is there, and return its description."""
    rng = np.random.default_rng([job.seed, SPLITS.index(job.split), job.index])
    song = compose_song(rng, job)
    if not job.folder.is_dir():
        write_song(mix_song(rng, song), job)
    return describe(song, job.split)


def compose_song(rng: np.random.Generator, job: Job) -> Song:
    """Deal out styles and tonics, so that each comes once before any comes again, and compose."""
    deck = np.random.default_rng([job.seed, len(SPLITS) + SPLITS.index(job.split)])
    style = STYLES[deck.permutation(len(STYLES))[job.index % len(STYLES)]]
    tonic = int(deck.permutation(12)[job.index % 12])
    return compose(rng, job.title, style, tonic, job.seconds - TAIL_SECONDS)


def write_song(stems: dict[str, np.ndarray], job: Job) -> None:
    """Write a song's files aside and move the folder to its place when all are written."""
    aside = job.root / WORKSHOP / job.split / job.title
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    mixture = np.sum([stems[stem] for stem in STEMS], axis=0, dtype=np.int16)
    for name, audio in {"mixture": mixture, **stems}.items():
        soundfile.write(aside / f"{name}.wav", audio, SAMPLE_RATE, subtype="PCM_16")
    job.folder.parent.mkdir(parents=True, exist_ok=True)
    aside.replace(job.folder)


def describe(song: Song, split: str) -> dict[str, Any]:
    """Tell what was composed, for ``demo.json``."""
    instruments = {stem: [part.instrument for part in song.parts if part.stem == stem] for stem in STEMS}
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
    """Write a JSON file that is whole or not there."""
    write_text(path, json.dumps(content, indent=2) + "\n")
