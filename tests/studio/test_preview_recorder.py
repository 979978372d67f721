from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from bsroformer.inference import StreamSeparator
from bsroformer.studio.preview import HEADROOM, SLICES, PreviewRecorder

RATE = 8000
STEP = 1 / 2**15


class Thirds(StreamSeparator):
    """A stand-in: a third and double of the mixture, in pieces that lag behind."""

    stems = ("vocals", "drums")
    sample_rate, channels = RATE, 2

    def stream(self, mixture):
        held = torch.zeros(2, 0)
        for block in mixture:
            held = torch.cat([held, block], dim=-1)
            ready, held = held[:, :-7000], held[:, -7000:]
            yield torch.stack([ready / 3, 2 * ready])
        yield torch.stack([held / 3, 2 * held])


@pytest.fixture
def mixture() -> torch.Tensor:
    return 0.4 * torch.randn(2, 100_003).clamp(-2.4, 2.4)


def heard(folder: Path, track: int) -> torch.Tensor:
    """A track (c t) as a page plays it: its segments one after another."""
    files = sorted(folder.glob(f"*.{track}.flac"))
    return HEADROOM * torch.from_numpy(np.concatenate([soundfile.read(file)[0] for file in files])).T


@pytest.mark.parametrize("block", [997, 40_000, 200_000])
def test_segments_one_after_another_are_the_tracks(mixture, tmp_path, block):
    recorder = PreviewRecorder(Thirds(), tmp_path, rest=True)
    passed = torch.cat(list(recorder.stream(mixture.split(block, dim=-1))), dim=-1)
    expected = torch.stack([mixture / 3, 2 * mixture])
    torch.testing.assert_close(passed, expected)
    for track, samples in enumerate([mixture, *expected, mixture - expected.sum(dim=0)]):
        assert (heard(tmp_path, track) - samples).abs().max() <= HEADROOM * STEP


def test_stems_beyond_full_scale_are_heard_as_they_are(mixture, tmp_path):
    assert (2 * mixture).abs().max() > 1.5
    list(PreviewRecorder(Thirds(), tmp_path).stream([mixture]))
    assert heard(tmp_path, 2).abs().max() > 1.5


def test_segments_have_one_length_and_their_pictures(mixture, tmp_path):
    recorder = PreviewRecorder(Thirds(), tmp_path)
    list(recorder.stream([mixture]))
    size = recorder.preview.size
    lengths = [soundfile.info(file).frames for file in sorted(tmp_path.glob("*.0.flac"))]
    assert lengths == [size, size, 100_003 - 2 * size]
    assert (recorder.preview.segments, recorder.preview.frames) == (3, 100_003)
    for number in range(3):
        assert (tmp_path / f"{number:05}.webp").stat().st_size > 0
        assert (tmp_path / f"{number:05}.peaks").stat().st_size % (2 * recorder.tracks) == 0
    assert (tmp_path / "00000.peaks").stat().st_size == recorder.tracks * SLICES * 2


def test_a_segment_counts_when_its_files_are_complete(mixture, tmp_path):
    recorder, counts = PreviewRecorder(Thirds(), tmp_path), []
    for _ in recorder.stream(mixture.split(5000, dim=-1)):
        counts.append(recorder.preview.segments)
        assert len(list(tmp_path.glob("*.webp"))) == recorder.preview.segments
    assert sorted(set(counts)) == [0, 1, 2]  # the last one comes with the end
    assert recorder.preview.segments == 3
