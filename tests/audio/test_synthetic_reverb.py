import numpy as np
import pytest

from bsroformer.audio.reverb import impulse_response, reverberation


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_a_reverb_decays_by_60_db_in_its_decay_time(rate):
    room = impulse_response(np.random.default_rng(0), 1.0, rate)
    np.testing.assert_allclose((room**2).sum(-1), 1, rtol=1e-3)
    early, late = (np.square(room[:, int(at * rate) :][:, : rate // 20]).mean() for at in (0.1, 0.8))
    assert 10 * np.log10(early / late) == pytest.approx(60 * 0.7, abs=8)


def test_reverberation_is_late_and_differs_between_channels():
    room = impulse_response(np.random.default_rng(0), 0.5, 16_000, channels=2)
    click = np.zeros((2, 16_000), np.float32)
    click[:, 4000] = 1
    answer = reverberation(click, room)
    np.testing.assert_allclose(answer[:, :4064], 0, atol=1e-7)  # 4 ms
    np.testing.assert_allclose(answer[:, 4000:12_000], room, atol=1e-6)
    assert abs(np.corrcoef(answer)[0, 1]) < 0.2
