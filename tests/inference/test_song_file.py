import os
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
import torch
from stand_ins import Halves

from bsroformer.atomic import locked
from bsroformer.audio.encoders import EncodingSpec, SoundFileEncoder
from bsroformer.audio.files import block_writer, probe, read, write
from bsroformer.audio.formats import FORMATS
from bsroformer.audio.tags import read_fingerprints, read_model, read_tags
from bsroformer.errors import Cancelled, InputError
from bsroformer.inference import Delivery, separate_file, stem_folder

RATE = 8000


def noise(frames: int = 100_003, level: float = 0.1) -> torch.Tensor:
    return level * torch.randn(2, frames)


@pytest.fixture
def song(tmp_path) -> Path:
    write(tmp_path / "a.wav", noise(), RATE)
    return tmp_path / "a.wav"


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_stems_are_written_and_described(song, tmp_path, halves):
    separated = separate_file(halves, song, tmp_path / "out", rest="rest")
    audio, _ = read(song)
    assert separated.files == tuple(tmp_path / "out" / f"{name}.wav" for name in ("vocals", "drums", "rest"))
    assert separated.seconds == 100_003 / RATE
    assert (separated.clipped, separated.gain) == ({}, 1.0)
    stems = [read(path)[0] for path in separated.files]
    torch.testing.assert_close(stems[0], 0.25 * audio)
    torch.testing.assert_close(sum(stems), audio)
    assert files(tmp_path / "out") == ["drums.wav", "rest.wav", "vocals.wav"]


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_the_bit_depth_is_kept_and_stems_sum_to_the_file(tmp_path, halves, bits, suffix):
    write(tmp_path / f"a.{suffix}", noise(), RATE, f"PCM_{bits}")
    audio, _ = read(tmp_path / f"a.{suffix}")
    separated = separate_file(halves, tmp_path / f"a.{suffix}", tmp_path / "out", Delivery(suffix), rest="rest")
    assert {probe(path).codec for path in separated.files} == {f"PCM_{bits}"}
    total = torch.stack([read(path)[0] for path in separated.files]).sum(dim=0)
    assert torch.equal(total, audio)  # the rest is the mixture minus the rounded stems


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "m4a"])
@pytest.mark.parametrize("source", ["a.wav", "a.mp3", "a.m4a"])
def test_every_format_from_every_kind_of_source(tmp_path, halves, suffix, source):
    lossy = {"mp3": "MP3", "m4a": "AAC"}
    with block_writer(
        tmp_path / source, EncodingSpec(RATE, 2, lossy.get(source[2:], "PCM_16"), tags={"title": "T"})
    ) as append:
        append(noise())
    separated = separate_file(halves, tmp_path / source, tmp_path / "out", Delivery(suffix))
    for path, gain in zip(separated.files, (0.25, 0.5), strict=True):
        info = probe(path)
        assert (info.sample_rate, info.channels) == (RATE, 2)
        audio, stem = read(tmp_path / source)[0], read(path)[0]
        padding = stem.shape[1] - audio.shape[1]
        assert 0 <= padding < (1024 if suffix == "m4a" else 1)
        error = (stem[:, : audio.shape[1]] - gain * audio).square().mean().sqrt() / (
            gain * audio
        ).square().mean().sqrt()
        assert error < (0.5 if suffix in ("mp3", "ogg", "m4a") else 1e-2)
        assert read_tags(path) == {"title": "T"}


def test_samples_clip_and_are_counted_in_integer_files_only(tmp_path):
    write(tmp_path / "a.wav", noise(level=0.5), RATE)
    loud = Halves(gain=2.0)
    kept = separate_file(loud, tmp_path / "a.wav", tmp_path / "float")
    assert kept.clipped == {}
    drums = read(tmp_path / "float" / "drums.wav")[0]
    cut = separate_file(loud, tmp_path / "a.wav", tmp_path / "16", Delivery(bit_depth=16))
    assert cut.clipped["drums"] == (drums.abs() > 1).sum()
    assert read(tmp_path / "16" / "drums.wav")[0].abs().max() <= 1


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_rescale_scales_all_stems_by_one_factor_if_needed(tmp_path, suffix):
    write(tmp_path / "a.wav", noise(level=0.5), RATE)
    delivery = Delivery(suffix, bit_depth=24, rescale=True)
    scaled = separate_file(Halves(gain=2.0), tmp_path / "a.wav", tmp_path / "out", delivery, rest="rest")
    assert scaled.clipped == {} and scaled.gain < 1
    stems = torch.stack([read(path)[0] for path in scaled.files])
    assert stems.abs().max() == pytest.approx(1, abs=1e-4)
    torch.testing.assert_close(stems.sum(dim=0), scaled.gain * read(tmp_path / "a.wav")[0], rtol=0, atol=1e-6)
    assert files(tmp_path / "out") == sorted(path.name for path in scaled.files)
    quiet = separate_file(Halves(gain=0.1), tmp_path / "a.wav", tmp_path / "quiet", delivery)
    assert quiet.gain == 1


def test_a_float_file_needs_no_scaling(song, tmp_path):
    assert separate_file(Halves(gain=100), song, tmp_path / "out", Delivery(rescale=True)).gain == 1


def test_a_mono_file_has_mono_stems(tmp_path, halves):
    write(tmp_path / "a.wav", noise()[:1], RATE)
    assert probe(separate_file(halves, tmp_path / "a.wav", tmp_path / "out").files[0]).channels == 1


def test_progress_is_reported_up_to_the_end(song, tmp_path, halves):
    reported = []
    separate_file(halves, song, tmp_path / "out", progress=lambda *seconds: reported.append(seconds))
    done = [seconds for seconds, _ in reported]
    assert done == sorted(done)
    assert reported[-1] == (100_003 / RATE, 100_003 / RATE)


@pytest.mark.parametrize("rescale", [False, True])
def test_a_cancelled_separation_leaves_nothing(song, tmp_path, halves, rescale):
    with pytest.raises(Cancelled):
        separate_file(halves, song, tmp_path / "out", Delivery("flac", rescale=rescale), cancelled=lambda: True)
    assert files(tmp_path) == ["a.wav"]


def test_a_bad_file_leaves_the_folder_unchanged(tmp_path, halves):
    audio = noise(300_000)
    audio[0, 250_000] = float("inf")
    write(tmp_path / "a.wav", audio, RATE)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "drums.wav").write_text("old")
    with pytest.raises(InputError, match="sample 250000"):
        separate_file(halves, tmp_path / "a.wav", tmp_path / "out")
    assert files(tmp_path / "out") == ["drums.wav"]
    assert (tmp_path / "out" / "drums.wav").read_text() == "old"


def test_leftovers_of_killed_runs_alone_are_removed(song, tmp_path, halves):
    out, gone = tmp_path / "out", os.getppid()  # a number that a living process has, as every container has a 1
    (out / f".rescaling.{gone}.abc.part").mkdir(parents=True)
    left = (f".rescaling.{gone}.abc.part/0.w64", f".vocals.wav.{gone}.part", f".other.flac.{gone}.part")
    kept = (".mine.part", "notes.part", ".vocals.wav.4194305.part")  # no process has a number above 2**22
    for name in (*left, *kept):
        (out / name).write_text("left")
    with locked(out / kept[-1]):
        separate_file(halves, song, out)
    assert files(out) == sorted((*kept, "drums.wav", "vocals.wav"))


def test_without_locks_the_number_of_a_process_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(stem_folder, "is_locked", lambda _: None)
    for process in (os.getppid(), 2**22 + 1):
        (tmp_path / f".vocals.wav.{process}.part").touch()
    stem_folder.remove_leftovers(tmp_path)
    assert files(tmp_path) == [f".vocals.wav.{os.getppid()}.part"]


def test_the_residual_compensates_for_clipped_stems(tmp_path):
    write(tmp_path / "a.wav", noise(level=0.3), RATE, "PCM_16")
    separated = separate_file(Halves(gain=3.0), tmp_path / "a.wav", tmp_path / "out", rest="rest")
    assert separated.clipped.keys() == {"drums"}
    total = torch.stack([read(path)[0] for path in separated.files]).sum(dim=0)
    assert torch.equal(total, read(tmp_path / "a.wav")[0])


def test_the_fingerprint_is_kept_in_every_format(song, tmp_path, halves):
    for suffix in ("wav", "flac", "mp3", "ogg", "m4a"):
        separated = separate_file(halves, song, tmp_path / suffix, Delivery(suffix), mark="abc123")
        assert [read_fingerprints(path) for path in separated.files] == [{"abc123"}] * 2
    assert not read_fingerprints(song)


def test_stems_that_are_not_finite_are_reported(song, tmp_path):
    with pytest.raises(InputError, match=r"a\.wav has stems with NaN or infinite samples.*precision=fp32"):
        separate_file(Halves(gain=float("nan")), song, tmp_path / "out")
    assert files(tmp_path) == ["a.wav"]


def test_no_stem_gets_its_name_before_all_are_complete(song, tmp_path, halves, monkeypatch):
    close = SoundFileEncoder.close
    closed = []

    def failing_at_the_last(self):
        closed.append(close(self))
        if len(closed) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(SoundFileEncoder, "close", failing_at_the_last)
    with pytest.raises(InputError, match="No space left on device"):
        separate_file(halves, song, tmp_path / "out")
    assert files(tmp_path) == ["a.wav"]


def test_a_folder_named_like_a_stem_is_reported_first(song, tmp_path, halves):
    (tmp_path / "out" / "drums.wav").mkdir(parents=True)
    with pytest.raises(InputError, match=r"out/drums\.wav is a folder"):
        separate_file(halves, song, tmp_path / "out")
    assert halves.heard == []


def test_the_readable_part_of_a_cut_file_is_separated(song, tmp_path, halves):
    song.write_bytes(song.read_bytes()[: song.stat().st_size // 2])
    with pytest.warns(
        UserWarning, match=r"a\.wav is cut off or damaged: of the 100003 samples in its header, 49996 could"
    ):
        separated = separate_file(halves, song, tmp_path / "out")
    assert separated.seconds == read_quietly(song).shape[1] / RATE


def read_quietly(path: Path) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read(path)[0]


def test_a_full_disk_is_reported_and_nothing_remains(song, tmp_path, halves, monkeypatch):
    written = 0

    def fill_up(self, samples):
        nonlocal written
        written += len(samples)
        if written > 100_000:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(soundfile.SoundFile, "write", fill_up)
    with pytest.raises(InputError, match=r"out/\w+\.wav cannot be written .*No space left on device.*free space"):
        separate_file(halves, song, tmp_path / "out")
    assert files(tmp_path) == ["a.wav"]


def test_a_wav_past_4_gib_is_written_as_rf64(song, tmp_path, halves, monkeypatch):
    monkeypatch.setitem(FORMATS, "wav", replace(FORMATS["wav"], max_bytes=50_000))
    separated = separate_file(halves, song, tmp_path / "out")
    assert {soundfile.info(path).format for path in separated.files} == {"RF64"}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"format": "aiff"}, "format=aiff must be one of wav, flac, mp3, ogg, m4a"),
        ({"bit_depth": 20}, "bit_depth=20 must be one of auto, 16, 24, float"),
        ({"format": "flac", "bit_depth": "float"}, "format=flac has no bit_depth=float"),
        ({"format": "mp3", "bit_depth": 16}, "format=mp3 has no bit_depth=16"),
        ({"bitrate": 5}, "bitrate=5 must be a whole number in 32 to 512"),
    ],
)
def test_an_invalid_delivery_is_refused(arguments, reason):
    with pytest.raises(InputError, match=reason):
        Delivery(**arguments)


@pytest.mark.parametrize(
    ("suffix", "codec", "subtype"),
    [
        ("wav", "PCM_16", "PCM_16"),
        ("wav", "PCM_U8", "PCM_16"),
        ("wav", "PCM_24", "PCM_24"),
        ("wav", "pcm_s24le", "PCM_24"),
        ("wav", "FLOAT", "FLOAT"),
        ("wav", "PCM_32", "FLOAT"),
        ("wav", "VORBIS", "FLOAT"),
        ("flac", "aac", "PCM_24"),
        ("flac", "FLOAT", "PCM_24"),
        ("flac", "PCM_16", "PCM_16"),
        ("mp3", "PCM_16", "MP3"),
        ("ogg", "FLOAT", "VORBIS"),
    ],
)
def test_the_bit_depth_follows_the_source(suffix, codec, subtype):
    assert Delivery(suffix).subtype(codec) == subtype


def test_an_unsupported_rate_is_reported_before_the_separation(tmp_path, halves):
    write(tmp_path / "a.wav", noise(1000), 96_000)
    with pytest.raises(InputError, match=r"vocals\.mp3 cannot have a sample rate of 96000 Hz"):
        separate_file(halves, tmp_path / "a.wav", tmp_path / "out", Delivery("mp3"))
    assert files(tmp_path) == ["a.wav"]


@pytest.mark.parametrize(
    ("level", "precision", "reason"),
    [
        (1e9, "bf16", r"samples up to \d\.\d+e\+0?\d+, where full scale is 1; scale it down"),
        (0.1, "fp16", "with precision=fp16 numbers overflow.*; set precision=fp32"),
        (0.1, "fp32", "check the checkpoint and its YAML"),
    ],
)
def test_stems_that_are_not_finite_are_explained(tmp_path, level, precision, reason):
    class Overflowing(Halves):
        pass

    Overflowing.precision = precision
    write(tmp_path / "a.wav", noise(9000, level), RATE)
    with pytest.raises(InputError, match=rf"a\.wav has stems with NaN or infinite samples.*{reason}") as error:
        separate_file(Overflowing(gain=float("inf")), tmp_path / "a.wav", tmp_path / "out")
    assert ("precision=fp32" in str(error.value)) == (precision == "fp16")
    assert files(tmp_path) == ["a.wav"]


class Named(Halves):
    """Separates like `Halves`, with a model of a known digest."""

    model_digest = "0123456789abcdef" * 4


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "m4a"])
@pytest.mark.parametrize("mark", ["a" * 12 + "_" + "b" * 12 + "_" + "c" * 16, "", "separate_file"])
def test_each_format_keeps_the_digest_of_the_model(song, tmp_path, suffix, mark):
    for number, path in enumerate(separate_file(Named(), song, tmp_path / "out", Delivery(suffix), mark=mark).files):
        assert read_model(path) == "0123456789abcdef", number
        assert read_fingerprints(path) == ({mark} if mark else set())
        assert read_tags(path) == {}


def test_the_digest_changes_no_sample(song, tmp_path, halves):
    plain = separate_file(halves, song, tmp_path / "plain").files
    named = separate_file(Named(), song, tmp_path / "named").files
    for one, other in zip(plain, named, strict=True):
        assert torch.equal(read(one)[0], read(other)[0])
        assert read_model(one) == ""


@pytest.mark.parametrize(("models", "listed"), [(2, 2), (3, 3), (4, 1), (20, 1)])
def test_a_wav_names_several_models(tmp_path, models, listed):
    digests = [f"{number:064x}"[::-1] for number in range(models)]
    mark = "a" * 12 + "_" + "b" * 12 + "_" + "c" * 16
    spec = EncodingSpec(RATE, 2, "PCM_16", fingerprint=mark, model="+".join(digests))
    with block_writer(tmp_path / "a.wav", spec) as append:
        append(noise(100))
    found = read_model(tmp_path / "a.wav").split("+")
    assert len(found) == listed
    assert listed == 1 or found == [digest[:16] for digest in digests]
    assert read_fingerprints(tmp_path / "a.wav") == {mark}
