from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from bsroformer.inference import StreamSeparator
from bsroformer.studio.preview import (
    HEADROOM,
    PICTURE_COLUMNS,
    PICTURE_ROWS,
    SLICES,
    PreviewRecorder,
    peaks,
    spectrograms,
)

RATE = 8000
STEP = 1 / 2**15


class Thirds(StreamSeparator):
    """Stand-in separator: a third and double of the mixture, in delayed blocks."""

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
    """Decode a track (c t) from its segments."""
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


RATE = 44_100


def as_array(data: bytes, tracks: int) -> np.ndarray:
    return np.frombuffer(data, np.int8).reshape(tracks, -1, 2)


def tone(hertz: float, seconds: float = 5.0) -> torch.Tensor:
    return torch.sin(2 * torch.pi * hertz * torch.arange(round(seconds * RATE)) / RATE).expand(2, -1)


def picture(tracks: torch.Tensor, share: float = 1.0) -> np.ndarray:
    """Brightness (row column) of the picture."""
    return np.asarray(Image.open(BytesIO(spectrograms(tracks, RATE, share)))).mean(axis=-1)


def test_peaks_are_the_lowest_and_highest_sample_of_any_channel():
    left = torch.tensor([0.0, 0.5, 0.0, -1.0, 0.0, 0.0])
    right = torch.tensor([0.25, 0.0, 0.0, 0.0, 0.75, -0.5])
    found = as_array(peaks(torch.stack([left, right])[None], slices=3), tracks=1)
    assert found.tolist() == [[[0, 64], [-127, 0], [-64, 95]]]


def test_peaks_beyond_full_scale_do_not_wrap_around():
    assert as_array(peaks(torch.tensor([[[3.0, -3.0]]]), slices=1), tracks=1).tolist() == [[[-127, 127]]]


def test_there_are_not_more_slices_than_samples():
    assert as_array(peaks(torch.zeros(2, 1, 5), slices=200), tracks=2).shape == (2, 5, 2)


def test_a_high_tone_is_above_a_low_one():
    low, high = (picture(tone(hertz)[None]) for hertz in (110.0, 7000.0))
    assert low.mean(axis=1).argmax() > PICTURE_ROWS / 2 > high.mean(axis=1).argmax()


def test_tracks_are_one_below_the_other_and_silence_is_dark():
    shown = picture(torch.stack([torch.zeros(2, 5 * RATE), tone(1000.0)]))
    assert shown.shape == (2 * PICTURE_ROWS, PICTURE_COLUMNS)
    assert shown[: PICTURE_ROWS - 8].max() < 10 < shown[PICTURE_ROWS:].max()  # WebP smears a little over the border


def test_the_end_of_a_song_is_narrower_down_to_a_single_sample():
    assert picture(tone(440.0, 2.5)[None], share=0.5).shape == (PICTURE_ROWS, PICTURE_COLUMNS // 2)
    assert picture(torch.ones(1, 2, 1), share=1e-6).shape == (PICTURE_ROWS, 1)
