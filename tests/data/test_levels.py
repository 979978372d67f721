import numpy as np
import pytest

from bsroformer.data.levels import Levels, block_levels


def levels_of(audio: np.ndarray, block: int) -> Levels:
    energy, peak = block_levels(audio, block)
    return Levels(block, energy[None], peak[None], audio.shape[1])


@pytest.mark.parametrize("frames", [1, 9, 10, 11, 95])
def test_blocks_hold_the_energy_and_the_peak_of_their_samples(frames):
    audio = np.random.default_rng(0).normal(size=(frames, 2)).astype(np.float32)
    energy, peak = block_levels(audio, 10)
    assert len(energy) == len(peak) == -(-frames // 10)
    assert energy.sum() == pytest.approx(np.square(audio, dtype=np.float64).sum())
    assert peak.tolist() == [np.abs(audio[at : at + 10]).max() for at in range(0, frames, 10)]


@pytest.mark.parametrize("frames", [10, 25, 40, 137, 200])
@pytest.mark.parametrize("length", [40, 95, 137, 600])
def test_wherever_in_an_active_block_an_excerpt_begins_it_is_heard(length, frames):
    rng = np.random.default_rng(length + frames)
    audio = (rng.normal(size=(length, 2)) * (rng.random(length) < 0.05)[:, None]).astype(np.float32)
    active = levels_of(audio, 10).active(0, frames, length, -10)
    starts = max(1, length - frames + 1)
    assert len(active) == -(-starts // 10)
    energies = np.array([np.square(audio[start : start + frames]).sum() for start in range(starts)])
    heard = energies / (2 * frames) >= 0.1
    for block, is_active in enumerate(active):
        if is_active:
            assert heard[10 * block : 10 * block + 10].all()


def test_a_song_that_is_heard_throughout_is_active_everywhere():
    audio = np.full((1000, 1), 0.1, np.float32)
    assert levels_of(audio, 10).active(0, 100, 1000, -21).all()
    assert not levels_of(audio, 10).active(0, 100, 1000, -19.9).any()
