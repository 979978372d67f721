import numpy as np
import pytest
import torch

from bsroformer.errors import InputError
from bsroformer.models.bs_roformer.bands import BandLayout, WidthGroup, fixed_bands, mel_bands

# The paper's 62 bands: arXiv 2309.02612, section 4.1; the public implementation's DEFAULT_FREQS_PER_BANDS.
PAPER_WIDTHS = [2] * 24 + [4] * 12 + [12] * 8 + [24] * 8 + [48] * 8 + [128, 129]

# Bins of each of the 60 mel bands at n_fft 2048 and 44.1 kHz in the public Mel-Band RoFormer checkpoints: a
# quarter of the sizes of their `band_split.to_features`. They are librosa's Slaney filters above zero.
MEL_WIDTHS = """
    7 6 6 6 6 6 6 6 6 6 6 6 6 6 6 7 7 7 9 9 9 10 10 11 13 13 13 15 16 17 19 20 20 22 24 26 28 29 31 33
    36 39 41 44 47 50 54 57 61 66 71 76 80 86 93 99 105 113 122 130
"""


def slaney_bands(count: int, n_fft: int, sample_rate: int) -> np.ndarray:
    """Mark bins ``(k f)`` where ``librosa.filters.mel`` is above zero in float64, with both edge bins."""
    step, knee, log_step = 200 / 3, 1000.0, np.log(6.4) / 27  # linear below 1 kHz, logarithmic above

    def to_mel(hz: float) -> float:
        return hz / step if hz < knee else knee / step + np.log(hz / knee) / log_step

    mels = np.linspace(0, to_mel(sample_rate / 2), count + 2)
    edges = np.where(mels < knee / step, mels * step, knee * np.exp((mels - knee / step) * log_step))
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    inside = np.minimum(rising, falling) > 0
    inside[0, 0] = inside[-1, -1] = True
    return inside


def test_the_papers_bands_lie_side_by_side_over_all_bins():
    assert (len(PAPER_WIDTHS), sum(PAPER_WIDTHS)) == (62, 1025)
    layout = fixed_bands(PAPER_WIDTHS, 1025)
    assert [len(bins) for bins in layout.bins] == PAPER_WIDTHS
    assert [index for bins in layout.bins for index in bins] == list(range(1025))
    assert layout.in_order
    assert (layout.bands_per_bin() == 1).all()


def test_width_groups_hold_each_band_once():
    layout = fixed_bands([2, 4, 2, 4, 5], 17)
    assert layout.groups == (WidthGroup(2, (0, 2)), WidthGroup(4, (1, 3)), WidthGroup(5, (4,)))
    assert layout.grouped_bands == (0, 2, 1, 3, 4)
    assert layout.grouped_bins == (0, 1, 6, 7, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16)
    assert not layout.in_order


def test_a_layout_permuted_by_grouping_is_not_in_order():
    layout = BandLayout(((0,), (2, 3), (1,)), 4)
    assert layout.grouped_bins == (0, 1, 2, 3)
    assert not layout.in_order


def test_the_mel_bands_are_those_of_the_public_checkpoints():
    layout = mel_bands(60, 2048, 44_100)
    assert [len(bins) for bins in layout.bins] == [int(width) for width in MEL_WIDTHS.split()]
    assert len(layout.grouped_bins) == 1979
    assert torch.equal(layout.bands_per_bin().bincount(), torch.tensor([0, 71, 954]))


@pytest.mark.parametrize(
    ("count", "n_fft", "sample_rate"),
    [
        (60, 2048, 44_100),
        (60, 4096, 44_100),
        (64, 8192, 44_100),
        (60, 2048, 48_000),
        (60, 2048, 32_000),
        (48, 2048, 24_000),
        (40, 1024, 22_050),
        (32, 882, 44_100),
        (20, 512, 16_000),
        (4, 256, 8_000),
    ],
)
def test_mel_bands_equal_librosas_filters_above_zero(count, n_fft, sample_rate):
    expected = [tuple(np.flatnonzero(band)) for band in slaney_bands(count, n_fft, sample_rate)]
    assert list(mel_bands(count, n_fft, sample_rate).bins) == expected


@pytest.mark.parametrize(
    ("count", "n_fft", "sample_rate"),
    [(80, 7680, 44_100), (80, 8192, 32_000), (90, 7680, 8_000), (60, 2048, 11_025), (60, 2048, 22_051)],
)
def test_mel_bands_equal_librosa_at_edges_and_odd_rates(count, n_fft, sample_rate):
    expected = [tuple(np.flatnonzero(band)) for band in slaney_bands(count, n_fft, sample_rate)]
    assert list(mel_bands(count, n_fft, sample_rate).bins) == expected


@pytest.mark.parametrize(("count", "n_fft", "sample_rate"), [(60, 2048, 44_100), (1, 64, 8_000), (7, 256, 48_000)])
def test_mel_bands_are_ranges_that_overlap_pairwise(count, n_fft, sample_rate):
    layout = mel_bands(count, n_fft, sample_rate)
    assert len(layout) == count
    assert set(layout.grouped_bins) == set(range(n_fft // 2 + 1))
    assert layout.bands_per_bin().min() >= 1 and layout.bands_per_bin().max() <= 2
    assert all(bins == tuple(range(bins[0], bins[-1] + 1)) for bins in layout.bins)


def test_too_many_mel_bands_are_rejected():
    with pytest.raises(InputError, match=r"model\.bands: a band without bins"):
        mel_bands(60, 256, 44_100)


def test_widths_must_sum_to_the_number_of_bins():
    with pytest.raises(InputError, match=r"model\.bands\.widths sum to 8, .* n_fft 16 has 9 bins"):
        fixed_bands([4, 4], 9)


@pytest.mark.parametrize(
    ("bins", "message"),
    [
        (((0, 1), (), (2,)), "a band without bins"),
        (((0,), (2,)), "1 are in no band and 0 do not exist"),
        (((0, 1), (2, 3)), "0 are in no band and 1 do not exist"),
        (((-1, 0, 1), (2,)), "0 are in no band and 1 do not exist"),
        ((), "3 are in no band and 0 do not exist"),
    ],
)
def test_bands_must_cover_the_spectrum(bins, message):
    with pytest.raises(InputError, match=message):
        BandLayout(bins, 3)
