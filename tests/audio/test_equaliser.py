import numpy as np
import pytest

from bsroformer.audio.equaliser import Band, Bell, HighPass, HighShelf, LowPass, LowShelf, equalise


@pytest.mark.parametrize(
    ("band", "gains_db"),
    [
        (HighPass(1000), {62.5: -48.2, 1000: -3, 8000: 0}),  # 12 dB an octave over four octaves
        (LowPass(1000), {125: 0, 1000: -3}),
        (Bell(1000, 6), {20: 0, 1000: 6, 20_000: 0}),
        (Bell(1000, -14, q=2), {20: 0, 1000: -14, 20_000: 0}),
        (HighShelf(1000, 8), {20: 0, 1000: 4, 20_000: 8}),
        (LowShelf(1000, 8), {20: 8, 1000: 4, 20_000: 0}),
        (LowShelf(1000, -6), {20: -6, 1000: -3, 20_000: 0}),
    ],
)
def test_an_equalisers_bands_have_the_gain_that_is_written(band: Band, gains_db: dict[float, float]) -> None:
    impulse = np.eye(1, 48000, dtype=np.float32)
    spectrum = np.abs(np.fft.rfft(equalise(impulse, [band], rate=48000)[0]))
    for hz, gain_db in gains_db.items():
        assert 20 * np.log10(np.interp(hz, np.arange(24001), spectrum)) == pytest.approx(gain_db, abs=0.2)


def test_an_equalisers_bands_add_up() -> None:
    audio = np.random.default_rng(0).standard_normal((2, 4800)).astype(np.float32)
    bands = [HighPass(200), Bell(1000, 6)]
    one_by_one = equalise(equalise(audio, bands[:1], 48000), bands[1:], 48000)
    np.testing.assert_allclose(equalise(audio, bands, 48000), one_by_one, atol=1e-5)
