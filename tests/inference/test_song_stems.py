import threading
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from stand_ins import Halves

from bsroformer.audio.files import read, write
from bsroformer.errors import InputError
from bsroformer.inference import Separator, SongStems

MUSDB_SONG = next((Path(find_spec("stempeg").origin).parent / "data").glob("*.stem.mp4"))


def noise(channels: int, frames: int) -> torch.Tensor:
    return 0.1 * torch.randn(channels, frames)


def all_of(song: SongStems) -> torch.Tensor:
    return torch.cat(list(song), dim=-1)


@pytest.mark.parametrize("frames", [1, 2, 999, 70_000, 200_001])
@pytest.mark.parametrize("channels", [1, 2])
def test_at_the_models_rate_every_sample_keeps_its_position(tmp_path, halves, frames, channels):
    audio = noise(channels, frames)
    write(tmp_path / "a.wav", audio, 8000)
    song = SongStems(halves, tmp_path / "a.wav")
    assert (song.names, song.sample_rate, song.channels) == (("vocals", "drums"), 8000, channels)
    assert torch.equal(all_of(song), torch.stack([0.25 * audio, 0.5 * audio]))
    assert {shape[0] for shape in halves.heard} == {2}


@pytest.mark.parametrize("rate", [4000, 11_025, 44_100, 192_000])
@pytest.mark.parametrize("frames", [1, 2, 3001, 100_003])
def test_at_another_rate_there_are_as_many_samples_and_no_delay(tmp_path, halves, rate, frames):
    time = torch.arange(frames) / rate
    audio = (torch.sin(2 * torch.pi * 440 * time) * (1 + torch.sin(2 * torch.pi * 3 * time)) / 3).expand(2, -1)
    write(tmp_path / "a.wav", audio, rate)
    stems = all_of(SongStems(halves, tmp_path / "a.wav"))
    assert stems.shape == (2, 2, frames)
    inner = slice(frames // 10, frames - frames // 10) if frames > 3000 else slice(0, 0)
    torch.testing.assert_close(stems[1][:, inner], 0.5 * audio[:, inner], rtol=0, atol=2e-3)


@pytest.mark.parametrize("rate", [8000, 11_025])
@pytest.mark.parametrize("channels", [1, 2])
def test_stems_and_rest_sum_to_the_file(tmp_path, halves, rate, channels):
    audio = noise(channels, 50_001)
    write(tmp_path / "a.wav", audio, rate)
    song = SongStems(halves, tmp_path / "a.wav", rest="residual")
    assert song.names == ("vocals", "drums", "residual")
    torch.testing.assert_close(all_of(song).sum(dim=0), audio, rtol=0, atol=1e-6)


def test_a_model_of_mono_hears_the_mean_of_stereo(tmp_path):
    audio = noise(2, 5000)
    write(tmp_path / "a.wav", audio, 8000)
    song = SongStems(Halves(channels=1), tmp_path / "a.wav")
    torch.testing.assert_close(all_of(song)[1], 0.5 * audio.mean(dim=0, keepdim=True))


def test_surround_is_mixed_down_on_request_only(tmp_path, halves):
    write(tmp_path / "a.wav", noise(6, 5000), 8000)
    with pytest.raises(InputError, match=r"a\.wav has 6 channels.*downmix=true"):
        SongStems(halves, tmp_path / "a.wav")
    assert all_of(SongStems(halves, tmp_path / "a.wav", downmix=True)).shape == (2, 2, 5000)


def test_a_stream_is_chosen_or_the_first_with_a_warning(halves):
    with pytest.warns(UserWarning, match="has 5 audio streams, and the first is separated; audio_stream=1 to 4"):
        first = SongStems(halves, MUSDB_SONG)
    assert first.info.stream == 0
    drums = all_of(SongStems(halves, MUSDB_SONG, stream=1))
    expected, _ = read(MUSDB_SONG, stream=1)
    assert drums.shape[-1] == expected.shape[-1]
    assert torch.nn.functional.cosine_similarity(drums[1].flatten(), expected.flatten(), dim=0) > 0.9


def test_the_rest_needs_a_name_of_its_own(tmp_path, halves):
    write(tmp_path / "a.wav", noise(2, 5000), 8000)
    with pytest.raises(InputError, match="the model has a stem Drums of its own"):
        SongStems(halves, tmp_path / "a.wav", rest="Drums")


def test_a_real_models_stems_of_a_file_are_those_of_its_samples(tmp_path, tiny_model):
    audio = noise(2, 20_003)
    write(tmp_path / "a.wav", audio, 8000)
    separator = Separator(tiny_model, device="cpu", precision="fp32")
    assert torch.equal(all_of(SongStems(separator, tmp_path / "a.wav")), separator(audio))


def test_closing_the_stems_ends_the_threads(tmp_path, halves):
    write(tmp_path / "a.wav", noise(2, 1_000_000), 8000)
    before = threading.active_count()
    stems = iter(SongStems(halves, tmp_path / "a.wav"))
    next(stems)
    stems.close()
    assert threading.active_count() == before


def test_an_error_while_reading_reaches_the_caller(tmp_path, halves):
    audio = noise(2, 300_000)
    audio[0, 250_000] = float("nan")
    write(tmp_path / "a.wav", audio, 8000)
    given = 0
    with pytest.raises(InputError, match=r"a\.wav holds NaN or infinite values, the first at sample 250000"):
        for block in SongStems(halves, tmp_path / "a.wav"):
            given += block.shape[-1]
    assert 0 < given < 250_000
