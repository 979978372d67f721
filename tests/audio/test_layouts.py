"""Channels are mixed down by their names, in any order and number."""

import math

import av
import numpy as np
import pytest
import torch

from bsroformer.audio.convert import DOWNMIX, to_channels
from bsroformer.audio.files import probe, read
from bsroformer.errors import InputError

LAYOUTS = ("2.1", "3.0", "3.1", "4.0", "4.1", "quad", "5.0", "5.1", "5.1(side)", "6.0", "6.1", "7.1", "octagonal")
RATE = 8000


def written(tmp_path, layout):
    """A wav in which each channel of a layout sounds alone for ten samples, one after the other."""
    channels = len(av.AudioLayout(layout).channels)
    samples = np.zeros((10 * channels, channels), np.int16)
    for channel in range(channels):
        samples[10 * channel : 10 * channel + 10, channel] = 16_384
    with av.open(str(tmp_path / "x.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE, layout=layout)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), "s16", layout)
        frame.sample_rate = RATE
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return tmp_path / "x.wav"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_channel_goes_where_its_name_says(tmp_path, layout):
    path = written(tmp_path, layout)
    mixed = to_channels(read(path)[0], 2, probe(path).layout)
    for number, channel in enumerate(each.name for each in av.AudioLayout(layout).channels):
        left, right = 2 * mixed[:, 10 * number + 5]
        assert (float(left), float(right)) == pytest.approx(DOWNMIX[channel], abs=1e-6)


@pytest.mark.parametrize("layout", ["7.1(wide)", "cube", "5.1.2"])
def test_a_channel_without_a_rule_is_refused_by_name(layout):
    names = tuple(each.name for each in av.AudioLayout(layout).channels)
    unknown = ", ".join(name for name in names if name not in DOWNMIX)
    with pytest.raises(InputError, match=f"has no rule for {unknown}"):
        to_channels(torch.zeros(len(names), 5), 2, names)


def test_gains_are_those_of_bs_775():
    assert DOWNMIX["FC"] == pytest.approx((math.sqrt(0.5),) * 2)
    assert DOWNMIX["SL"] == pytest.approx((math.sqrt(0.5), 0))
    assert DOWNMIX["BC"] == (0.5, 0.5)
