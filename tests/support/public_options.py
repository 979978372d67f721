"""Random constructor arguments of the public RoFormer code, for Hypothesis."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

SAMPLE_RATE = 8_000
Options = dict[str, Any]


@st.composite
def band_lists(draw: st.DrawFn, bins: int) -> list[int]:
    """Any list of widths above 0 that sums to `bins`."""
    edges = draw(st.sets(st.integers(1, bins - 1), min_size=1, max_size=6))
    return np.diff([0, *sorted(edges), bins]).tolist()


@st.composite
def public_options(draw: st.DrawFn) -> tuple[str, Options]:
    """A model that the public code can build, small enough to run."""
    kind = draw(st.sampled_from(["bs", "mel"]))
    n_fft = draw(st.sampled_from([64, 96, 128, 256]))
    win_length = draw(st.sampled_from([n_fft, n_fft - 16]))
    options: Options = {
        "dim": draw(st.sampled_from([4, 6, 8])),
        "depth": draw(st.integers(1, 3)),
        "stereo": draw(st.booleans()),
        "num_stems": draw(st.integers(1, 6)),
        "time_transformer_depth": draw(st.integers(1, 2)),
        "freq_transformer_depth": draw(st.integers(1, 2)),
        "linear_transformer_depth": draw(st.integers(0, 2)),
        "dim_head": draw(st.sampled_from([2, 4])),
        "heads": draw(st.integers(1, 3)),
        "stft_n_fft": n_fft,
        "stft_hop_length": draw(st.integers(n_fft // 8, win_length * 3 // 4)),
        "stft_win_length": win_length,
        "stft_normalized": draw(st.booleans()),
        "zero_dc": draw(st.booleans()),
        "mask_estimator_depth": draw(st.integers(1, 3)),
        "mlp_expansion_factor": draw(st.integers(1, 4)),
        "skip_connection": draw(st.booleans()),
    }
    if kind == "bs":
        return kind, options | {"freqs_per_bands": draw(band_lists(n_fft // 2 + 1))}
    bands = {64: 4, 96: 5, 128: 6, 256: 10}[n_fft]
    whole = {"match_input_audio_length": draw(st.booleans())}
    return kind, options | whole | {"num_bands": bands, "sample_rate": draw(st.sampled_from([SAMPLE_RATE, 44_100]))}
