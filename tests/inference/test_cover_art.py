"""Cover pictures, which change no audio and are not copied to the stems."""

import shutil
import subprocess
import warnings
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from bsroformer.audio.files import measured, probe, read
from bsroformer.audio.tags import read_tags
from bsroformer.inference import Delivery, separate_file

pytestmark = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="FFmpeg writes the files")

RATE, FRAMES = 44_100, 60_001
CODECS = {"mp3": ["libmp3lame", "-id3v2_version", "3"], "flac": ["flac"], "m4a": ["aac"]}
PIXELS = 600  # of noise, 300 kB and more as JPEG


@pytest.fixture(scope="module")
def songs(tmp_path_factory) -> Path:
    """The same song in each format, with and without a cover."""
    folder = tmp_path_factory.mktemp("covers")
    noise = np.random.default_rng(0).normal(0, 0.1, (FRAMES, 2))
    soundfile.write(folder / "noise.wav", noise, RATE, "PCM_16")
    pixels = np.random.default_rng(0).integers(0, 256, (PIXELS, PIXELS, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "cover.jpg", quality=95)
    for suffix, codec in CODECS.items():
        audio = ["-map", "0:a", "-c:a", *codec, "-metadata", "title=A title"]
        cover = ["-map", "1:v", "-c:v", "copy", "-disposition:v", "attached_pic"]
        for name, options in (("plain", audio), ("cover", [*audio, *cover])):
            inputs = ["-i", folder / "noise.wav", "-i", folder / "cover.jpg"]
            command = ["ffmpeg", "-v", "error", *inputs, *options, folder / f"{name}.{suffix}"]
            subprocess.run(list(map(str, command)), check=True, stdin=subprocess.DEVNULL, timeout=60)
    return folder


def pictures_in(path: Path) -> int:
    with av.open(str(path)) as container:
        return len(container.streams.video)


@pytest.mark.parametrize("suffix", CODECS)
def test_a_song_with_a_cover_is_read_as_without(songs, suffix):
    cover = songs / f"cover.{suffix}"
    assert pictures_in(cover) == 1
    assert cover.stat().st_size > 100_000 + (songs / f"plain.{suffix}").stat().st_size
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        audio, rate = read(cover)
    plain = songs / f"plain.{suffix}"
    expected, expected_rate = read(plain)
    assert measured(probe(cover)).frames == measured(probe(plain)).frames
    assert rate == expected_rate
    assert torch.equal(audio, expected)
    for start in (1000, FRAMES - 3000):
        assert torch.equal(read(cover, start, 2000)[0], audio[:, start : start + 2000])


@pytest.mark.parametrize("suffix", CODECS)
def test_stems_have_the_tags_and_no_cover(songs, tmp_path, halves, suffix):
    separated = separate_file(halves, songs / f"cover.{suffix}", tmp_path, Delivery(suffix))
    plain, _ = read(songs / f"plain.{suffix}")
    for path in separated.files:
        assert pictures_in(path) == 0
        assert read_tags(path)["title"] == "A title"
        assert read(path)[0].shape[1] >= plain.shape[1]
