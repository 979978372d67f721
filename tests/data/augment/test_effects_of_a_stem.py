"""Properties of every effect; those of a single one are in its own file."""

import numpy as np
import pytest
import torch
from effects import ALL, RATE, music

from bsroformer.data.augment import Effect
from bsroformer.errors import InputError


@pytest.fixture(params=ALL)
def effect(request) -> Effect:
    return ALL[request.param]()


def applied(effect: Effect, stem: torch.Tensor, seed: int = 0) -> torch.Tensor:
    return effect(stem, RATE, np.random.default_rng(seed))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frames", [1000, RATE])
def test_an_effect_keeps_shape_and_input_and_stays_finite(effect, channels, frames):
    stem = music()[:channels, :frames].contiguous()
    before = stem.clone()
    changed = applied(effect, stem)
    assert (changed.shape, changed.dtype) == (stem.shape, torch.float32)
    assert changed.isfinite().all()
    assert torch.equal(stem, before)


def test_the_generator_alone_decides(effect):
    stem = music()
    first = applied(effect, stem, seed=1)
    torch.rand(3), np.random.rand(3)  # noqa: NPY002 (global states must not matter)
    assert torch.equal(first, applied(effect, stem, seed=1))


@pytest.mark.parametrize("name", ["gain", "equaliser", "reverb", "codec"])
def test_other_draws_give_other_results(name):
    first, second = (applied(ALL[name](), music(), seed) for seed in (1, 2))
    assert not torch.equal(first, second)


def test_silence_stays_silence(effect):
    assert not applied(effect, torch.zeros(2, RATE)).any()


def test_nothing_is_cut_off_at_full_scale(effect):
    """Ten times as loud in, ten times as loud out: no effect has a ceiling."""
    loud, soft = applied(effect, 10 * music()), applied(effect, music())
    assert loud.abs().max() == pytest.approx(10 * float(soft.abs().max()), rel=0.15)  # a codec decides by level, too


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("probability", [-0.1, 1.5, float("nan")])
def test_a_probability_out_of_range_is_refused(name, probability):
    with pytest.raises(InputError, match=rf"augment\.effects\.{name}\.probability is .*; give"):
        ALL[name](probability=probability)


@pytest.mark.parametrize(
    ("name", "setting", "wrong"),
    [
        ("gain", "limits", (1.25, 0.25)),
        ("gain", "limits", (-1.0, 1.0)),
        ("gain", "limits", (float("nan"), 1.0)),
        ("gain", "limits", (1.0,)),
        ("gain", "scale", "db"),
        ("equaliser", "bands", (0, 4)),
        ("equaliser", "gain_db", (6.0, -6.0)),
        ("equaliser", "hz", (0.0, 1000.0)),
        ("equaliser", "q", (0.0, 1.0)),
        ("reverb", "decay", (0.0, 1.0)),
        ("reverb", "level_db", (-6.0, -20.0)),
        ("codec", "kbits", (0, 128)),
        ("codec", "formats", ("mp3", "wma")),
        ("codec", "formats", ()),
    ],
)
def test_a_setting_out_of_range_is_refused(name, setting, wrong):
    with pytest.raises(InputError, match=rf"^augment\.effects\.{name}\.{setting} is .*; (give|choose)"):
        ALL[name](**{setting: wrong})
