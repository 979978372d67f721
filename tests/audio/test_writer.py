from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from bsroformer.audio.encoders import EncodingSpec
from bsroformer.audio.files import block_writer, probe, read, write
from bsroformer.audio.formats import FORMATS
from bsroformer.audio.tags import read_tags
from bsroformer.errors import InputError

RATE = 48000
STEREO = EncodingSpec(RATE, channels=2, subtype="FLOAT")
LOSSY = {"mp3": "MP3", "ogg": "VORBIS", "m4a": "AAC"}
TAGS = {"title": "Söng", "artist": "Ä & B", "album": "C", "track": "3", "date": "1999", "genre": "Rock", "comment": "!"}


@pytest.fixture
def audio() -> torch.Tensor:
    return torch.rand(2, 10_000, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("suffix", [".wav", ".w64"])
def test_float_files_keep_samples_beyond_full_scale(tmp_path, audio, suffix):
    write(tmp_path / f"a{suffix}", audio * 3, RATE)
    back, rate = read(tmp_path / f"a{suffix}")
    assert rate == RATE
    assert torch.equal(back, audio * 3)


@pytest.mark.parametrize(("name", "subtype", "step"), [("a.flac", "PCM_24", 2**-23), ("a.wav", "PCM_16", 2**-15)])
def test_integer_files_return_it_within_a_step_and_clip(tmp_path, audio, name, subtype, step):
    write(tmp_path / name, audio * 1.5, RATE, subtype)
    assert probe(tmp_path / name).codec == subtype
    torch.testing.assert_close(read(tmp_path / name)[0], (audio * 1.5).clamp(-1, 1), atol=2 * step, rtol=0)


def test_blocks_are_joined_and_the_folder_is_made(tmp_path, audio):
    path = tmp_path / "new" / "folder" / "a.wav"
    with block_writer(path, STEREO) as append:
        for block in audio.split(3000, dim=1):
            append(block)
    assert torch.equal(read(path)[0], audio)
    assert [file.name for file in path.parent.iterdir()] == ["a.wav"]


def test_a_failure_midway_leaves_the_old_file_and_nothing_else(tmp_path, audio):
    write(tmp_path / "a.wav", audio, RATE)
    with pytest.raises(ZeroDivisionError), block_writer(tmp_path / "a.wav", STEREO) as append:
        append(audio * 0)
        raise ZeroDivisionError
    assert torch.equal(read(tmp_path / "a.wav")[0], audio)
    assert [file.name for file in tmp_path.iterdir()] == ["a.wav"]


def test_an_input_error_of_the_caller_is_not_blamed_on_the_file(tmp_path):
    with pytest.raises(FileNotFoundError), block_writer(tmp_path / "a.wav", STEREO):
        (tmp_path / "missing").read_text()


def test_a_wav_past_4_gib_is_written_as_rf64(tmp_path, audio, monkeypatch):
    monkeypatch.setitem(FORMATS, "wav", replace(FORMATS["wav"], max_bytes=50_000))
    write(tmp_path / "long.wav", audio, RATE)
    write(tmp_path / "short.wav", audio[:, :6000], RATE)
    assert soundfile.info(tmp_path / "long.wav").format == "RF64"
    assert soundfile.info(tmp_path / "short.wav").format == "WAV"
    assert torch.equal(read(tmp_path / "long.wav")[0], audio)
    with (
        pytest.raises(InputError, match=r"unknown\.wav would grow past 4 GiB.*write \.flac or \.w64"),
        block_writer(tmp_path / "unknown.wav", STEREO) as append,
    ):
        append(audio)


def test_a_file_that_cannot_be_written_is_named_with_a_remedy(tmp_path, audio):
    (tmp_path / "file").touch()
    (tmp_path / "folder.wav").mkdir()
    for name, subtype, message in [
        ("a.xyz", "FLOAT", r"a\.xyz cannot be written; name a file that ends in one of \.wav, \.flac, \.mp3, \.ogg"),
        ("a.mp3", "FLOAT", r"a\.mp3 cannot hold the subtype FLOAT; choose one of MP3"),
        ("a.flac", "FLOAT", r"a\.flac cannot hold the subtype FLOAT; choose one of PCM_24, PCM_16, PCM_S8"),
        ("a.wav", "PCM_17", r"a\.wav cannot hold the subtype PCM_17; choose one of .*PCM_16"),
        ("file/a.wav", "FLOAT", r"file/a\.wav cannot be written .*; choose another folder"),
        ("folder.wav", "FLOAT", r"folder\.wav cannot be written .*; choose another folder"),
    ]:
        with pytest.raises(InputError, match=message):
            write(tmp_path / name, audio, RATE, subtype)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder.wav"]


def test_a_folder_without_permission_is_reported(tmp_path, audio, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("bsroformer.atomic.os.open", refuse)
    with pytest.raises(InputError, match=r"a\.wav cannot be written .*Permission denied.*choose another folder"):
        write(tmp_path / "a.wav", audio, RATE)


def test_samples_that_need_a_gradient_are_written(tmp_path):
    write(tmp_path / "a.wav", torch.ones(1, 5, requires_grad=True), RATE)
    assert np.array_equal(read(tmp_path / "a.wav")[0].numpy(), np.ones((1, 5)))


@pytest.mark.parametrize(
    ("name", "bits"), [("a.wav", 16), ("a.flac", 16), ("a.wav", 24), ("a.flac", 24), ("a.w64", 24)]
)
def test_every_value_of_an_integer_file_is_read_unchanged(tmp_path, name, bits):
    full_scale = 2 ** (bits - 1)
    steps = torch.arange(-full_scale, full_scale, max(1, 2 ** (bits - 16) - 1)).unsqueeze(0)
    write(tmp_path / name, steps / full_scale, RATE, f"PCM_{bits}")
    assert torch.equal(read(tmp_path / name)[0] * full_scale, steps.float())


@pytest.mark.parametrize("suffix", LOSSY)
@pytest.mark.parametrize("channels", [1, 2])
def test_lossy_files_keep_the_position_of_samples(tmp_path, suffix, channels):
    time = torch.arange(50_003) / RATE
    audio = 0.4 * torch.sin(2 * torch.pi * 440 * time) * (time % 0.3 < 0.2)
    audio = audio.expand(channels, -1)
    path = tmp_path / f"a.{suffix}"
    with block_writer(path, EncodingSpec(RATE, channels, LOSSY[suffix])) as append:
        for block in audio.split(7001, dim=1):
            append(block)
    back, rate = read(path)
    assert (rate, back.shape[0]) == (RATE, channels)
    padding = back.shape[1] - audio.shape[1]
    assert 0 <= padding < (1024 if suffix == "m4a" else 1)  # AAC comes in whole frames
    error = (back[:, : audio.shape[1]] - audio).square().sum() / audio.square().sum()
    assert 10 * error.log10() < -25


def test_the_bitrate_decides_how_long_a_lossy_file_is(tmp_path):
    noise = torch.randn(2, 3 * RATE) / 10
    for suffix, subtype in LOSSY.items():
        sizes = []
        for bitrate in (96, 192):
            path = tmp_path / f"{bitrate}.{suffix}"
            with block_writer(path, EncodingSpec(RATE, 2, subtype, bitrate)) as append:
                append(noise)
            sizes.append(path.stat().st_size)
        assert sizes[1] > 1.3 * sizes[0], suffix


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "m4a"])
def test_tags_are_written_and_read_back(tmp_path, audio, suffix):
    path = tmp_path / f"a.{suffix}"
    with block_writer(path, EncodingSpec(RATE, 2, LOSSY.get(suffix, "PCM_16"), tags=TAGS)) as append:
        append(audio)
    assert read_tags(path) == TAGS


def test_a_format_without_tags_is_written_without(tmp_path, audio):
    with block_writer(tmp_path / "a.w64", EncodingSpec(RATE, 2, "FLOAT", tags=TAGS)) as append:
        append(audio)
    assert read_tags(tmp_path / "a.w64") == {}
    (tmp_path / "text.txt").write_text("Dear diary")
    assert read_tags(tmp_path / "text.txt") == {}


@pytest.mark.parametrize(
    ("name", "rate", "channels"), [("a.mp3", 96_000, 2), ("a.m4a", 192_000, 2), ("a.ogg", RATE, 6)]
)
def test_unsupported_audio_of_a_format_is_reported(tmp_path, name, rate, channels):
    with pytest.raises(InputError, match=rf"{name} cannot have .*choose \.wav"):
        write(tmp_path / name, torch.zeros(channels, 100), rate, LOSSY[name[2:]])
    assert not list(tmp_path.iterdir())
