"""Mutated audio files of every format: each gives finite samples, or one sentence.

``python tests/fuzz/audio.py [count] [seed]`` tries many; the tests try a few.
"""

import random
import sys
import tempfile
import warnings
from functools import partial
from pathlib import Path

import av
import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).parent))

from mutations import mutated_bytes
from trial import Case, report, tried

from bsroformer.audio.files import blocks, measured, probe, read
from bsroformer.audio.tags import read_tags

RATE, FRAMES = 8000, 12_000
MOST_FRAMES = 64 * 60 * RATE
"""Largest decode of a small file, in which gaps of a minute become silence."""
BY_FFMPEG = {"mp3": "libmp3lame", "m4a": "aac", "mp4": "alac", "aac": "aac", "webm": "libopus", "mka": "pcm_s16le"}
BY_LIBSNDFILE = {"wav": "PCM_16", "w64": "PCM_24", "aiff": "PCM_16", "flac": "PCM_16", "ogg": "VORBIS", "au": "PCM_16"}


def write_files(folder: Path) -> list[Path]:
    """Write a file of a second and a half in each format."""
    draw = np.random.default_rng(0)
    sound = (0.3 * np.sin(np.arange(FRAMES) / 9)[:, None] + draw.normal(0, 0.05, (FRAMES, 2))).astype(np.float32)
    for suffix, subtype in BY_LIBSNDFILE.items():
        soundfile.write(folder / f"x.{suffix}", sound, RATE, subtype=subtype)
    for suffix, codec in BY_FFMPEG.items():
        _encode(folder / f"y.{suffix}", codec, sound)
    return sorted(folder.iterdir())


def _encode(path: Path, codec: str, sound: np.ndarray) -> None:
    with av.open(str(path), "w", format="adts" if path.suffix == ".aac" else None) as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.layout = "stereo"
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray((sound.T * 32767).astype("<i2").T).reshape(1, -1), "s16", "stereo"
        )
        frame.sample_rate = RATE
        resampler = av.AudioResampler(stream.format, "stereo", RATE, stream.frame_size or 1024)
        for each in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(each))
        container.mux(stream.encode(None))


def check(path: Path) -> None:
    """Read a file in every way.

    Raises:
        InputError: As reading may.
        AssertionError: If samples are not finite, or an excerpt is no slice of the whole.
    """
    info = measured(probe(path))
    read_tags(path)
    frames = 0
    for block in blocks(path, 4096):
        assert block.isfinite().all()
        frames += block.shape[1]
        assert frames < MOST_FRAMES, "a small file gives hours of sound"
    start = max(0, min(frames, info.frames or 0) - 700)
    excerpt, _ = read(path, start, 500)
    assert excerpt.isfinite().all()


def fuzz(count: int, seed: int, folder: Path) -> tuple[int, list[str]]:
    """Read `count` mutated files; see `trial.tried`."""
    files = [(path, path.read_bytes()) for path in write_files(folder)]

    def case(draw: random.Random) -> Case:
        path, content = draw.choice(files)
        mutated = folder / f"mutated{path.suffix}"
        mutated.write_bytes(mutated_bytes(content, draw))
        return path.name, partial(check, mutated)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tried(count, seed, case, longest_message=1000)


if __name__ == "__main__":
    count, seed = [int(each) for each in [*sys.argv[1:], "3000", "0"][:2]]
    with tempfile.TemporaryDirectory() as place:
        sys.exit(report(count, *fuzz(count, seed, Path(place))))
