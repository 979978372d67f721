import numpy as np
import pytest
import soundfile
import torch

from bsroformer.audio import writer
from bsroformer.audio.files import block_writer, probe, read, write
from bsroformer.errors import InputError

RATE = 48000


@pytest.fixture
def audio() -> torch.Tensor:
    return torch.rand(2, 10_000, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("suffix", [".wav", ".w64"])
def test_float_files_return_what_was_written_beyond_full_scale_too(tmp_path, audio, suffix):
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
    with block_writer(path, RATE, channels=2) as append:
        for block in audio.split(3000, dim=1):
            append(block)
    assert torch.equal(read(path)[0], audio)
    assert [file.name for file in path.parent.iterdir()] == ["a.wav"]


def test_a_failure_midway_leaves_the_old_file_and_nothing_else(tmp_path, audio):
    write(tmp_path / "a.wav", audio, RATE)
    with pytest.raises(ZeroDivisionError), block_writer(tmp_path / "a.wav", RATE, channels=2) as append:
        append(audio * 0)
        raise ZeroDivisionError
    assert torch.equal(read(tmp_path / "a.wav")[0], audio)
    assert [file.name for file in tmp_path.iterdir()] == ["a.wav"]


def test_an_input_error_of_the_caller_is_not_blamed_on_the_file(tmp_path):
    with pytest.raises(FileNotFoundError), block_writer(tmp_path / "a.wav", RATE, channels=2):
        (tmp_path / "missing").read_text()


def test_a_wav_past_4_gib_takes_the_header_that_can_count_it(tmp_path, audio, monkeypatch):
    monkeypatch.setattr(writer, "MAX_WAV_BYTES", 50_000)
    write(tmp_path / "long.wav", audio, RATE)
    write(tmp_path / "short.wav", audio[:, :6000], RATE)
    assert soundfile.info(tmp_path / "long.wav").format == "RF64"
    assert soundfile.info(tmp_path / "short.wav").format == "WAV"
    assert torch.equal(read(tmp_path / "long.wav")[0], audio)
    with (
        pytest.raises(InputError, match=r"unknown\.wav would grow past 4 GiB.*write \.flac or \.w64"),
        block_writer(tmp_path / "unknown.wav", RATE, channels=2) as append,
    ):
        append(audio)


def test_what_cannot_be_written_is_named_with_a_remedy(tmp_path, audio):
    (tmp_path / "file").touch()
    (tmp_path / "folder.wav").mkdir()
    for name, subtype, message in [
        ("a.mp3", "FLOAT", r"a\.mp3 cannot be written: name a file that ends in one of \.wav, \.flac, \.w64"),
        ("a.flac", "FLOAT", r"a\.flac cannot hold the subtype FLOAT: choose one of PCM_S8, PCM_16, PCM_24"),
        ("a.wav", "PCM_17", r"a\.wav cannot hold the subtype PCM_17: choose one of .*PCM_16"),
        ("file/a.wav", "FLOAT", r"file/a\.wav cannot be written .*: choose another place"),
        ("folder.wav", "FLOAT", r"folder\.wav cannot be written .*: choose another place"),
    ]:
        with pytest.raises(InputError, match=message):
            write(tmp_path / name, audio, RATE, subtype)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder.wav"]


def test_a_folder_without_permission_is_told(tmp_path, audio, monkeypatch):
    def refuse(self: object, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.touch", refuse)
    with pytest.raises(InputError, match=r"a\.wav cannot be written .*Permission denied.*choose another place"):
        write(tmp_path / "a.wav", audio, RATE)


def test_samples_that_need_a_gradient_are_written(tmp_path):
    write(tmp_path / "a.wav", torch.ones(1, 5, requires_grad=True), RATE)
    assert np.array_equal(read(tmp_path / "a.wav")[0].numpy(), np.ones((1, 5)))
