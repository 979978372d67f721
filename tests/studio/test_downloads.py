import io
import os
import shutil
import zipfile
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Lock

import pytest
import torch

from bsroformer.audio.files import probe, read
from bsroformer.audio.tags import read_tags
from bsroformer.errors import InputError
from bsroformer.studio import downloads
from bsroformer.studio.downloads import MIXES_KEPT, NotCreatedError, NotDoneError, formats_of, mix_in, stem_in, zip_of
from bsroformer.studio.workspace import KEEP_FREE
from support.studio.songs_on_disk import RATE, STEMS, done_song

Disk = namedtuple("Disk", "total used free")
ONES = (1.0, 1.0, 1.0)


def made(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "made").iterdir())


def noise(level: float = 0.1, frames: int = 3 * RATE) -> torch.Tensor:
    return level * (2 * torch.rand(3, 2, frames) - 1)


def unzipped(job, format: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(zip_of(job, format))))


def test_formats_depend_on_the_sample_rate():
    assert formats_of(44_100) == ("wav", "flac", "mp3")
    assert formats_of(96_000) == ("wav", "flac")
    assert formats_of(700_000) == ("wav",)


def test_a_wav_is_the_stem_itself(tmp_path):
    job = done_song(tmp_path)
    assert [stem_in(job, track, "wav") for track in (1, 2, 3)] == list(job.files)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(("subtype", "codec"), [("PCM_16", "PCM_16"), ("PCM_24", "PCM_24"), ("FLOAT", "PCM_24")])
def test_a_flac_has_the_stems_samples_and_tags(tmp_path, subtype, codec):
    job = done_song(tmp_path, noise(frames=2**17 + 3), subtype)
    path = stem_in(job, 2, "flac")
    assert probe(path).codec == codec
    torch.testing.assert_close(read(path)[0], read(job.files[1])[0], rtol=0, atol=2**-23 if subtype == "FLOAT" else 0)
    assert read_tags(path) == {"title": "Tëst", "artist": "A"}


def test_an_mp3_sounds_like_the_stem(tmp_path):
    job = done_song(tmp_path, torch.sin(torch.arange(3 * RATE) / 5).expand(3, 2, -1) / 2)
    found, expected = read(stem_in(job, 1, "mp3"))[0], read(job.files[0])[0]
    assert found.shape == expected.shape
    assert (found - expected)[:, 2000:-2000].abs().max() < 0.05  # LAME turns it down a little


def test_a_file_is_made_once(tmp_path):
    job = done_song(tmp_path)
    path = stem_in(job, 1, "flac")
    path.write_bytes(b"kept")
    assert stem_in(job, 1, "flac").read_bytes() == b"kept"
    assert made(tmp_path) == ["1.flac"]


def test_simultaneous_requests_cause_one_conversion(tmp_path, monkeypatch):
    job, calls, convert = done_song(tmp_path), [], downloads._convert
    monkeypatch.setattr(downloads, "_convert", lambda stem, path: (calls.append(path), convert(stem, path)))
    with ThreadPoolExecutor(8) as threads:
        paths = set(threads.map(lambda _: stem_in(job, 1, "flac"), range(8)))
    assert paths == {tmp_path / "made" / "1.flac"}
    assert calls == [tmp_path / "made" / "1.flac"]
    assert made(tmp_path) == ["1.flac"]


def test_at_most_two_conversions_run_at_once(tmp_path, monkeypatch):
    jobs = [done_song(tmp_path / str(number)) for number in range(6)]
    pairs, lock, running, most = Barrier(2), Lock(), [], []

    def convert(stem: Path, path: Path) -> None:
        with lock:
            running.append(path)
            most.append(len(running))
        pairs.wait(timeout=30)  # each waits for another one beside it
        with lock:
            running.remove(path)
        path.parent.mkdir()
        path.touch()

    monkeypatch.setattr(downloads, "_convert", convert)
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda job: stem_in(job, 1, "flac"), jobs))
    assert max(most) == 2


def test_a_mix_is_the_sum_of_stems_times_levels(tmp_path):
    stems = noise(frames=2**17 + 3)
    job = done_song(tmp_path, stems, "FLOAT")
    mix, rate = read(mix_in(job, (1, 0, 2.5), "wav"))
    torch.testing.assert_close(mix, stems[0] + 2.5 * stems[2])
    assert rate == RATE


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
@pytest.mark.parametrize("format", ["wav", "flac"])
def test_a_mix_of_all_stems_is_the_song_bit_for_bit(tmp_path, subtype, format):
    steps = 2 ** (15 if subtype == "PCM_16" else 23)
    stems = torch.randint(-steps // 4, steps // 4, (3, 2, RATE), dtype=torch.float64) / steps
    song = torch.randint(-steps, steps, (2, RATE), dtype=torch.float64) / steps
    song[0, :2] = torch.tensor([-1, 1 - 1 / steps])
    stems[2] = (song - stems[:2].sum(dim=0)).clamp(-1, 1 - 1 / steps)
    path = mix_in(done_song(tmp_path, stems, subtype), ONES, format)
    assert probe(path).codec == subtype
    assert torch.equal(read(path)[0], stems.sum(dim=0).float())


@pytest.mark.parametrize(
    ("subtype", "format"), [("PCM_16", "wav"), ("PCM_24", "flac"), ("FLOAT", "wav"), ("FLOAT", "flac")]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_mix_that_would_clip_is_scaled_down_as_a_whole(tmp_path, subtype, format, sign):
    stems = noise(0.3)
    stems[:, :, 7] = 0.9 * sign
    job = done_song(tmp_path, stems, subtype)
    mix = read(mix_in(job, ONES, format))[0]
    assert mix.abs().max() == pytest.approx(1, abs=1e-4)
    torch.testing.assert_close(mix, stems.sum(dim=0) / 2.7, rtol=0, atol=1e-4)


def test_the_last_few_mixes_are_kept(tmp_path):
    job = done_song(tmp_path)
    mixes = []
    for number in range(1, MIXES_KEPT + 1):
        mixes.append(mix_in(job, (number / 8, 0, 0), "wav"))
        os.utime(mixes[-1], (number, number))
    assert made(tmp_path) == sorted(path.name for path in mixes)
    assert mix_in(job, (1 / 8, 0, 0), "wav") == mixes[0]
    another = mix_in(job, ONES, "flac")
    assert made(tmp_path) == sorted(path.name for path in (mixes[0], *mixes[2:], another))


@pytest.mark.parametrize(
    "levels",
    [(), (1,), (1, 1, 1, 1), (0, 0, 0), (1, 1, -0.1), (1, 1, 4.1), (1, 1, float("nan")), (1, 1, float("inf"))],
)
def test_invalid_levels_are_refused(tmp_path, levels):
    with pytest.raises(InputError, match=r"^levels must "):
        mix_in(done_song(tmp_path), levels, "wav")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("format", ["ogg", "", "WAV", "../../wav", "\0", "\udcff"])
def test_an_unknown_format_is_refused_with_the_known_ones(tmp_path, format):
    job = done_song(tmp_path)
    for ask in (lambda: stem_in(job, 1, format), lambda: mix_in(job, ONES, format), lambda: zip_of(job, format)):
        with pytest.raises(InputError, match=r"must be one of wav, flac, mp3") as refused:
            ask()
        assert str(refused.value).isascii()


def test_an_mp3_of_an_unsupported_rate_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"96000 Hz; choose one of wav, flac"):
        stem_in(done_song(tmp_path, rate=96_000), 1, "mp3")


@pytest.mark.parametrize("track", [-1, 0, 4])
def test_a_stem_out_of_range_is_refused(tmp_path, track):
    with pytest.raises(InputError, match=r"stem must be in 1 to 3"):
        stem_in(done_song(tmp_path), track, "wav")


@pytest.mark.parametrize("state", ["waiting", "loading", "separating", "cancelled", "failed"])
def test_an_unfinished_song_has_no_downloads(tmp_path, state):
    job = done_song(tmp_path)
    job.state, job.files = state, ()
    for ask in (lambda: stem_in(job, 1, "wav"), lambda: mix_in(job, ONES, "wav"), lambda: zip_of(job, "wav")):
        with pytest.raises(NotDoneError, match=r"ended" if state in ("cancelled", "failed") else r"not done yet"):
            ask()


def test_a_stem_that_was_deleted_meanwhile_leaves_no_trace(tmp_path):
    job = done_song(tmp_path)
    job.files[1].unlink()
    for ask in (lambda: stem_in(job, 2, "flac"), lambda: mix_in(job, ONES, "wav")):
        with pytest.raises(NotCreatedError, match=r"drums"):
            ask()
    assert not (tmp_path / "made").exists()


def test_a_conversion_that_fails_leaves_nothing_half_made(tmp_path, monkeypatch):
    job = done_song(tmp_path)

    def full(stem: Path, size: int):
        yield torch.zeros(2, 100)
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(downloads, "blocks", full)
        with pytest.raises(NotCreatedError, match=r"no space left"):
            stem_in(job, 1, "flac")
    assert made(tmp_path) == []
    assert stem_in(job, 1, "flac").exists()


@pytest.mark.parametrize("format", ["wav", "flac"])
def test_a_zip_holds_all_stems(tmp_path, format):
    job = done_song(tmp_path, title="Ünïcode 歌 🎵")
    with unzipped(job, format) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"Ünïcode 歌 🎵/{stem}.{format}" for stem in STEMS]
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        for track, name in enumerate(archive.namelist(), start=1):
            assert archive.read(name) == stem_in(job, track, format).read_bytes()


def test_a_zip_starts_before_all_stems_are_converted(tmp_path):
    parts = zip_of(done_song(tmp_path), "flac")
    assert next(parts).startswith(b"PK")
    assert made(tmp_path) == ["1.flac"]


def test_a_zip_is_sent_in_small_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "ZIP_BLOCK", 1000)
    parts = list(zip_of(done_song(tmp_path), "wav"))
    assert all(0 < len(part) < 1500 for part in parts)
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
        assert archive.testzip() is None


def test_a_zip_past_its_old_limit_is_a_zip64(tmp_path, monkeypatch):
    job = done_song(tmp_path)
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", job.files[0].stat().st_size - 1)  # in place of 2 GiB and 4 GiB
    whole = b"".join(zip_of(job, "wav"))
    assert zipfile.stringEndArchive64 in whole
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.testzip() is None
        assert [entry.file_size for entry in archive.infolist()] == [path.stat().st_size for path in job.files]


def test_a_stem_deleted_during_a_zip_raises_an_error(tmp_path):
    job = done_song(tmp_path)
    parts = zip_of(job, "flac")
    next(parts)
    job.files[2].unlink()
    with pytest.raises(NotCreatedError, match=r"other"):
        list(parts)


def test_stems_with_colliding_names_are_all_in_the_zip(tmp_path):
    job = done_song(tmp_path)
    job.request = type(job.request)(job.request.source, "CON", "demo", ("..", "..", "x/../y"))
    with unzipped(job, "wav") as archive:
        assert archive.namelist() == ["_CON/stem.wav", "_CON/2 stem.wav", "_CON/x_.._y.wav"]


def test_nothing_is_made_on_a_disk_that_is_nearly_full(tmp_path, monkeypatch):
    job = done_song(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(10**12, 0, KEEP_FREE // 2 - 1))
    with pytest.raises(NotCreatedError, match=r"nearly full"):
        stem_in(job, 1, "flac")
    assert not (tmp_path / "made").exists()
    assert stem_in(job, 1, "wav") == job.files[0]
