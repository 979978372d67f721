import sys

import numpy as np
import pytest
import torch

from bsroformer.data.augment import Change, Stretch
from bsroformer.errors import InputError

RATE = 16_000
CHANGES = [Change(*change) for change in ((0.0, 1.0), (2.0, 1.0), (-2.0, 1.0), (0.0, 0.88), (0.0, 1.12), (1.3, 0.9))]


@pytest.fixture(autouse=True)
def library() -> None:
    pytest.importorskip("python_stretch", reason="the optional library of pitch and tempo shifts is not installed")


def tone(frames: int, hertz: float = 440.0) -> torch.Tensor:
    return torch.sin(2 * torch.pi * hertz * torch.arange(frames) / RATE).expand(2, -1)


def stretched(change: Change, source: torch.Tensor, frames: int) -> torch.Tensor:
    return change.apply(source[:, : change.frames(frames)], frames, RATE)


@pytest.mark.parametrize("change", CHANGES)
def test_the_pitch_moves_by_semitones_at_any_tempo(change):
    changed = stretched(change, tone(4 * RATE), 2 * RATE)
    spectrum = torch.fft.rfft(changed[0] * torch.hann_window(2 * RATE)).abs()
    assert float(spectrum.argmax()) / 2 == pytest.approx(440 * 2 ** (change.semitones / 12), rel=0.005)


@pytest.mark.parametrize("change", CHANGES)
def test_clicks_are_where_the_tempo_puts_them(change):
    """Each click is within 2 ms of its position; output and source start together."""
    source = torch.zeros(2, 6 * RATE)
    source[:, RATE // 2 :: RATE // 2] = 1
    changed = stretched(change, source, 3 * RATE)[0].abs()
    for number in range(1, 6):
        at = number * RATE / 2 / change.tempo
        near = changed[round(at) - 2000 : round(at) + 2000]
        assert int(near.argmax()) + round(at) - 2000 == pytest.approx(at, abs=0.002 * RATE)


@pytest.mark.parametrize("change", [*CHANGES, Change(0.0, 0.25), Change(0.0, 4.0)])
@pytest.mark.parametrize("frames", [2500, 12_345])
def test_the_output_is_complete_and_loud_to_both_ends(change, frames):
    source = tone(change.frames(frames))
    changed = change.apply(source, frames, RATE)
    assert (changed.shape, changed.dtype) == ((2, frames), torch.float32)
    level = changed[:, -400:].square().mean() / 0.5
    assert 0.7 < float(level) < 1.4
    if 0.5 < change.tempo < 2:
        assert float(changed[:, :400].square().mean()) / 0.5 > 0.6


def test_a_stem_that_ends_early_is_followed_by_silence():
    changed = Change(0.0, 1.1).apply(tone(RATE), 2 * RATE, RATE)
    assert changed.shape == (2, 2 * RATE)
    assert changed[:, -RATE // 2 :].abs().max() < 1e-3 < changed[:, : RATE // 2].abs().max()


def test_silence_stays_silence_and_mono_mono():
    assert not Change(1.0, 1.1).apply(torch.zeros(1, RATE), RATE // 2, RATE).any()
    assert Change(1.0, 1.1).apply(torch.randn(1, RATE), RATE // 2, RATE).shape == (1, RATE // 2)


@pytest.mark.parametrize("change", [Change(1.0, 0.9), Change(0.0, 0.3)])
def test_a_change_makes_the_same_of_a_stem_each_time(change):
    source = torch.randn(2, 2 * RATE, generator=torch.Generator().manual_seed(0))
    assert torch.equal(change.apply(source, RATE, RATE), change.apply(source, RATE, RATE))


def test_changes_are_drawn_from_their_whole_range():
    stretch, rng = Stretch(0.2), np.random.default_rng(0)
    drawn = [stretch.draw(rng) for _ in range(5000)]
    changes = [change for change in drawn if change is not None]
    assert len(changes) / len(drawn) == pytest.approx(0.2, abs=0.02)
    for values, limits in (([c.semitones for c in changes], (-2, 2)), ([c.tempo for c in changes], (0.88, 1.12))):
        width = limits[1] - limits[0]
        assert limits[0] <= min(values) < limits[0] + 0.02 * width
        assert limits[1] - 0.02 * width < max(values) <= limits[1]


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"probability": 2.0}, "probability"),
        ({"probability": 0.5, "semitones": (2.0, -2.0)}, "semitones"),
        ({"probability": 0.5, "tempo": (0.0, 1.0)}, "tempo"),
    ],
)
def test_settings_out_of_range_are_refused(settings, key):
    with pytest.raises(InputError, match=rf"^augment\.stretch\.{key} is .*; give"):
        Stretch(**settings)


def test_a_missing_library_is_reported_if_it_is_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, "python_stretch", None)
    assert Stretch(0.0).draw(np.random.default_rng(0)) is None
    with pytest.raises(InputError, match=r'install it with `pip install -e "\.\[augment\]"`'):
        Stretch(0.2)
