import math

import pytest
import torch

from bsroformer.models.spectral_compression.bands import band_bias, musical_bands


@pytest.mark.parametrize("n_fft", [2, 8, 64, 2048, 4096])
def test_every_bin_lies_in_a_band_and_every_band_has_bins(n_fft):
    n_bins = n_fft // 2 + 1
    for count in range(2, min(n_bins, 130) + 1):
        bands = musical_bands(count, n_fft)
        assert len(bands) == count
        assert all(0 <= first < end <= n_bins for first, end in bands)
        covered = {number for first, end in bands for number in range(first, end)}
        assert covered == set(range(n_bins))


def test_bands_are_equally_wide_in_octaves():
    bands = musical_bands(64, 2048)
    widths = [math.log2((end - 1) / first) for first, end in bands[40:-2]]  # rounding hardly matters here
    assert widths == pytest.approx([2 * 10 / 64] * len(widths), abs=0.06)
    assert bands == sorted(bands)


def test_the_published_layout_has_these_bands():
    """The lowest and highest of the 64 bands, by hand: the factor is 2 ** (10 / 64), the step 2 ** (10 / 63)."""
    bands = musical_bands(64, 2048)
    assert bands[:3] == [(0, 3), (1, 3), (1, 3)]
    assert bands[-2:] == [(823, 1024), (918, 1025)]


def test_the_bias_falls_with_the_distance_from_a_band():
    [bias] = band_bias([(3, 8)], n_bins=10)
    inside = [-2 / 3, -1 / 3, 0, -1 / 3, -2 / 3]
    torch.testing.assert_close(bias, torch.tensor([-3.0, -2, -1, *inside, -1, -2]))


def test_a_band_prefers_its_own_bins():
    bands = musical_bands(20, 2048)
    bias = band_bias(bands, 1025)
    for (first, end), row in zip(bands, bias, strict=True):
        assert (row[first:end] > -1).all() and (row[first:end] <= 0).all()
        assert (row[:first] <= -1).all() and (row[end:] <= -1).all()
