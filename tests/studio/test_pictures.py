from io import BytesIO

import numpy as np
import torch
from PIL import Image

from bsroformer.studio.pictures import COLUMNS, ROWS, peaks, spectrograms

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
    assert low.mean(axis=1).argmax() > ROWS / 2 > high.mean(axis=1).argmax()


def test_tracks_are_one_below_the_other_and_silence_is_dark():
    shown = picture(torch.stack([torch.zeros(2, 5 * RATE), tone(1000.0)]))
    assert shown.shape == (2 * ROWS, COLUMNS)
    assert shown[: ROWS - 8].max() < 10 < shown[ROWS:].max()  # WebP smears a little over the border


def test_the_end_of_a_song_is_narrower_down_to_a_single_sample():
    assert picture(tone(440.0, 2.5)[None], share=0.5).shape == (ROWS, COLUMNS // 2)
    assert picture(torch.ones(1, 2, 1), share=1e-6).shape == (ROWS, 1)
