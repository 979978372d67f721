import pytest
import torch

from bsroformer.audio.stft import RealFourier, Stft


@pytest.mark.parametrize("length", [1, 2, 31, 32, 33, 63, 64, 65, 255, 1000, 1001])
@pytest.mark.parametrize(("n_fft", "hop", "window"), [(64, 16, None), (64, 20, None), (64, 13, None), (64, 12, 48)])
@pytest.mark.parametrize("normalized", [False, True])
def test_the_inverse_is_exact_at_any_length(length, n_fft, hop, window, normalized):
    stft = Stft(n_fft, hop, window, normalized)
    waveform = torch.randn(2, 3, length)
    restored = stft.inverse(stft(waveform), length)
    assert restored.shape == waveform.shape
    torch.testing.assert_close(restored, waveform, rtol=0, atol=3e-6)


@pytest.mark.parametrize("n_fft", [2048, 8192])
def test_the_inverse_is_exact_at_every_length_with_a_quarter_hop(n_fft):
    stft = Stft(n_fft, n_fft // 4)
    for length in range(3 * n_fft, 3 * n_fft + n_fft // 4, n_fft // 16 - 1):
        waveform = torch.randn(1, length)
        torch.testing.assert_close(stft.inverse(stft(waveform), length), waveform, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("n_fft", "hop", "window"), [(64, 16, 64), (64, 20, 40), (2048, 441, 2048)])
@pytest.mark.parametrize("normalized", [False, True])
def test_the_spectrum_equals_torchs_with_a_periodic_hann_window(n_fft, hop, window, normalized):
    waveform = torch.randn(3, 2, 5000)
    spectrum = Stft(n_fft, hop, window, normalized)(waveform)
    for excerpt, channels in zip(waveform, spectrum, strict=True):
        expected = torch.stft(
            excerpt,
            n_fft,
            hop,
            window,
            torch.hann_window(window, periodic=True),
            normalized=normalized,
            return_complex=True,
        )
        torch.testing.assert_close(channels, expected)


@pytest.mark.parametrize("length", [33, 64, 1000])
def test_there_is_a_frame_at_every_hop(length):
    assert Stft(64, 20)(torch.randn(1, 1, length)).shape == (1, 1, 33, 1 + length // 20)


def test_the_stft_is_float32_under_autocast_and_for_any_input():
    stft, waveform = Stft(64, 16), torch.randn(2, 500)
    spectrum, restored = stft(waveform), stft.inverse(stft(waveform), 500)
    of_halves = stft(waveform.bfloat16().float())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(stft(waveform), spectrum)
        assert torch.equal(stft(waveform.bfloat16()), of_halves)
        assert torch.equal(stft.inverse(spectrum, 500), restored)
    assert (spectrum.dtype, restored.dtype) == (torch.complex64, torch.float32)
    assert torch.equal(stft(waveform.double()), spectrum)


def test_gradients_pass_through_the_pair_unchanged():
    stft = Stft(64, 16)
    waveform, weight = torch.randn(2, 100, requires_grad=True), torch.randn(2, 100)
    (stft.inverse(stft(waveform), 100) * weight).sum().backward()
    torch.testing.assert_close(waveform.grad, weight, rtol=0, atol=1e-5)


def test_the_window_is_not_a_weight():
    assert not Stft(64, 16).state_dict()


def test_a_window_longer_than_the_transform_is_refused():
    with pytest.raises(ValueError, match="win_length 65 must be at most n_fft 64"):
        Stft(64, 16, 65)


@pytest.mark.filterwarnings("ignore:The length of signal is shorter")
@pytest.mark.parametrize(("window", "hop"), [(64, 33), (64, 48), (64, 60), (48, 40), (8192, 4096)])
def test_a_long_hop_is_inverted_at_every_length(window, hop):
    n_fft = max(window, 64)
    stft = Stft(n_fft, hop, window)
    for length in range(5 * hop, 6 * hop + 1, max(1, hop // 64)):
        waveform = torch.randn(1, length)
        restored = stft.inverse(stft(waveform), length)
        assert restored.shape == waveform.shape and restored.isfinite().all()
        whole = length - length % hop  # up to the last centre, every sample lies between two
        torch.testing.assert_close(restored[:, :whole], waveform[:, :whole], rtol=0, atol=1e-2)


@pytest.mark.filterwarnings("ignore:The length of signal is shorter")
@pytest.mark.parametrize("length", [700, 701, 703, 704, 705, 715, 716, 731])
@pytest.mark.parametrize("window_length", [64, 56])
def test_where_torch_inverts_a_long_hop_the_spectrum_is_torchs(length, window_length):
    waveform, window = torch.randn(1, length), torch.hann_window(window_length)
    expected = torch.stft(waveform, 64, 48, window_length, window, return_complex=True)
    found = Stft(64, 48, window_length)(waveform)
    try:
        torch.istft(expected, 64, 48, window_length, window, length=length)
    except RuntimeError:
        assert found.shape[-1] == expected.shape[-1] + 1
    else:
        assert torch.equal(found, expected)


@pytest.mark.parametrize(("length", "norm"), [(16, "backward"), (15, "backward"), (16, "ortho"), (15, "ortho")])
def test_the_gradient_of_the_transform_is_torchs(length, norm):
    frames = torch.randn(3, length, dtype=torch.float64, requires_grad=True)
    results = []
    for transform in (RealFourier.apply, lambda x, norm: torch.fft.rfft(x, norm=norm)):
        bins = transform(frames, norm)
        weights = torch.randn(bins.shape, dtype=bins.dtype, generator=torch.Generator().manual_seed(0))
        results.append((bins, *torch.autograd.grad(bins, frames, weights)))
    torch.testing.assert_close(*results)
