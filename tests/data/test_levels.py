import numpy as np
import pytest

from bsroformer.data.levels import ACTIVE, BETWEEN, SILENT, Levels, block_levels


def levels_of(audio: np.ndarray, block: int) -> Levels:
    return Levels(block, block_levels(audio, block)[None, 0], audio.shape[1])


@pytest.mark.parametrize("frames", [1, 9, 10, 11, 95])
def test_blocks_hold_the_energy_and_the_peak_of_their_samples(frames):
    audio = np.random.default_rng(0).normal(size=(frames, 2)).astype(np.float32)
    energy, peak = block_levels(audio, 10)
    assert len(energy) == len(peak) == -(-frames // 10)
    assert energy.sum() == pytest.approx(np.square(audio, dtype=np.float64).sum(), rel=1e-6)
    assert peak.tolist() == [np.abs(audio[at : at + 10]).max() for at in range(0, frames, 10)]


@pytest.mark.parametrize("frames", [1, 10, 25, 40, 137, 200])
@pytest.mark.parametrize("length", [40, 95, 137, 600])
def test_the_activity_of_a_block_holds_for_all_its_starts(length, frames):
    rng = np.random.default_rng(length + frames)
    for density in (0.01, 0.05, 0.3):
        audio = (rng.normal(size=(length, 2)) * (rng.random(length) < density)[:, None]).astype(np.float32)
        activity = levels_of(audio, 10).activity(0, frames, length, -10)
        starts = max(1, length - frames + 1)
        assert len(activity) == -(-starts // 10)
        energies = np.array([np.square(audio[start : start + frames]).sum() for start in range(starts)])
        active = energies / (2 * frames) >= 0.1
        for block, said in enumerate(activity):
            of_block = active[10 * block : 10 * block + 10]
            assert (said == ACTIVE) <= of_block.all()
            assert (said == SILENT) <= (not of_block.any())


def test_a_steady_sound_is_active_everywhere_or_nowhere():
    levels = levels_of(np.full((1000, 1), 0.1, np.float32), 10)
    assert (levels.activity(0, 100, 1000, -21) == ACTIVE).all()
    assert (levels.activity(0, 100, 1000, -18) == SILENT).all()
    assert (levels.activity(0, 100, 1000, -20.1)[:-1] == BETWEEN).all()
