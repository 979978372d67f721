from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from bsroformer.inference import StreamSeparator
from bsroformer.studio.listening import HEADROOM, SLICES, Listening

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
    listening = Listening(Thirds(), tmp_path, rest=True)
    passed = torch.cat(list(listening.stream(mixture.split(block, dim=-1))), dim=-1)
    expected = torch.stack([mixture / 3, 2 * mixture])
    torch.testing.assert_close(passed, expected)
    for track, samples in enumerate([mixture, *expected, mixture - expected.sum(dim=0)]):
        assert (heard(tmp_path, track) - samples).abs().max() <= HEADROOM * STEP


def test_stems_beyond_full_scale_are_heard_as_they_are(mixture, tmp_path):
    assert (2 * mixture).abs().max() > 1.5
    list(Listening(Thirds(), tmp_path).stream([mixture]))
    assert heard(tmp_path, 2).abs().max() > 1.5


def test_every_segment_but_the_last_has_the_same_length_and_all_have_their_pictures(mixture, tmp_path):
    listening = Listening(Thirds(), tmp_path)
    list(listening.stream([mixture]))
    size = listening.heard.size
    lengths = [soundfile.info(file).frames for file in sorted(tmp_path.glob("*.0.flac"))]
    assert lengths == [size, size, 100_003 - 2 * size]
    assert (listening.heard.segments, listening.heard.frames) == (3, 100_003)
    for number in range(3):
        assert (tmp_path / f"{number:05}.webp").stat().st_size > 0
        assert (tmp_path / f"{number:05}.peaks").stat().st_size % (2 * listening.tracks) == 0
    assert (tmp_path / "00000.peaks").stat().st_size == listening.tracks * SLICES * 2


def test_a_segment_counts_as_soon_as_its_files_are_there_and_not_before(mixture, tmp_path):
    listening, counts = Listening(Thirds(), tmp_path), []
    for _ in listening.stream(mixture.split(5000, dim=-1)):
        counts.append(listening.heard.segments)
        assert len(list(tmp_path.glob("*.webp"))) == listening.heard.segments
    assert sorted(set(counts)) == [0, 1, 2]  # the last one comes with the end
    assert listening.heard.segments == 3
