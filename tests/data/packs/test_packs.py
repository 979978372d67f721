import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from augments import VARIED, augment

from bsroformer.audio.convert import resample
from bsroformer.audio.files import read
from bsroformer.data.excerpts import ExcerptKey, RandomExcerpts
from bsroformer.data.layouts import SongFormat, find_files
from bsroformer.data.packs import pack_songs, plan_packs, saving, songs_of_pack_alone, training_songs
from bsroformer.data.packs.find import find_pack, song_folder
from bsroformer.data.packs.plan import PackPlan, refuse_full_disk
from bsroformer.data.sources import FolderSource, find_splits
from bsroformer.errors import InputError

STEMS = ("vocals", "drums")
RATE = 8000
FORM = SongFormat(STEMS, RATE, 2)


def noise(frames: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, (frames, channels)).astype(np.float32)


def add_song(
    root: Path, name: str, subtype: str = "PCM_16", rate: int = RATE, channels: int = 2, stems: Sequence[str] = STEMS
) -> None:
    (root / name).mkdir(parents=True)
    for number, stem in enumerate(stems):
        audio = noise(20_000, channels, number + len(name))
        soundfile.write(root / name / f"{stem}.wav", audio, rate, subtype=subtype)


@pytest.fixture
def root(tmp_path) -> Path:
    for name in ("train/A", "train/B", "valid/V", "test/T"):
        add_song(tmp_path / "set", name)
    return tmp_path / "set"


def files(root: Path, **options):
    return [song for song in find_files(root, STEMS, **options) if song.split != "test"]


def packed(root: Path, pack: Path, workers: int = 1, **options) -> PackPlan:
    plan = plan_packs(files(root), FORM, pack, **options)
    outcomes = list(pack_songs(plan, pack, workers))
    assert [outcome.error for outcome in outcomes] == [None] * len(plan.jobs)
    return plan


@pytest.mark.parametrize(
    ("subtype", "dtype"), [("PCM_16", np.int16), ("PCM_U8", np.int16), ("PCM_24", np.float32), ("FLOAT", np.float32)]
)
def test_a_pack_holds_what_the_files_hold_exactly(tmp_path, subtype, dtype):
    add_song(tmp_path / "set", "train/A", subtype)
    plan = packed(tmp_path / "set", tmp_path / "pack")
    song = find_pack(files(tmp_path / "set")[0], FORM, tmp_path / "pack").song
    track = find_splits(FolderSource(str(tmp_path / "set"), "folders", (), (), STEMS, RATE, 2)).train[0]
    assert song.stems == track.stems and song.frames == track.frames
    assert torch.equal(song.all_stems(), track.all_stems())
    assert torch.equal(song.stem("drums", 19_990, 50), track.stem("drums", 19_990, 50))
    array = np.load(song.folder / "stems.npy", mmap_mode="r")
    assert array.dtype == dtype and array.shape == (2, 20_000, 2)
    assert array.nbytes == plan.bytes


def test_an_excerpt_is_the_same_from_a_pack_as_from_files(root, tmp_path):
    packed(root, tmp_path / "pack")
    songs = [training_songs(files(root), FORM, pack) for pack in (None, tmp_path / "pack")]
    assert [found.packed for found in songs] == [0, 3]
    mixing = augment(unmixed=0.3, silent_prob=0.1, active_db=None, effects=VARIED)
    from_files, from_packs = (RandomExcerpts(found.train, FORM, 500, mixing, seed=3) for found in songs)
    for index in range(20):
        assert torch.equal(from_files[ExcerptKey(1, index)], from_packs[ExcerptKey(1, index)])


def test_levels_are_those_of_the_song(root, tmp_path):
    packed(root, tmp_path / "pack")
    song = training_songs(files(root), FORM, tmp_path / "pack").train[0]
    assert song.levels.block == 800
    blocks = song.all_stems().unfold(-1, 800, 800)  # n c blocks t
    np.testing.assert_allclose(song.levels.energy, blocks.double().square().sum(dim=(1, 3)).numpy(), rtol=1e-6)
    np.testing.assert_array_equal(song.levels.peak, blocks.abs().amax(dim=(1, 3)).numpy())


def test_songs_that_are_packed_stay_and_those_whose_files_changed_are_packed_anew(root, tmp_path):
    pack = tmp_path / "pack"
    assert len(packed(root, pack).jobs) == 3
    index = song_folder(pack, "train", "A") / "index.json"
    written = index.stat().st_mtime_ns
    os.utime(root / "train/A/vocals.wav", ns=(1, 1))  # another time, the same content
    assert plan_packs(files(root), FORM, pack).done == 3
    soundfile.write(root / "train/A/vocals.wav", noise(20_000, seed=9), RATE, subtype="PCM_16")
    songs = training_songs(files(root), FORM, pack)
    assert songs.stale == ("A",) and songs.packed == 2
    assert torch.equal(songs.train[0].stem("vocals"), read(root / "train/A/vocals.wav")[0])
    plan = packed(root, pack)
    assert [job.song.name for job in plan.jobs] == ["A"] and plan.done == 2
    assert index.stat().st_mtime_ns != written
    songs = training_songs(files(root), FORM, pack)
    assert songs.stale == () and songs.packed == 3


def test_a_change_of_the_same_size_is_noticed_by_the_content(root, tmp_path):
    packed(root, tmp_path / "pack")
    path = root / "train/B/drums.wav"
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read()
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    assert training_songs(files(root), FORM, tmp_path / "pack").stale == ("B",)


def test_other_stems_of_a_pack_can_be_used_in_any_order_and_what_it_lacks_makes_it_stale(root, tmp_path):
    packed(root, tmp_path / "pack")
    song = files(root)[0]
    assert find_pack(song, SongFormat(("drums",), RATE, 2), tmp_path / "pack").song.stems == ("drums",)
    turned = find_pack(song, SongFormat(("drums", "vocals"), RATE, 2), tmp_path / "pack").song
    assert torch.equal(turned.all_stems(), find_pack(song, FORM, tmp_path / "pack").song.all_stems().flip(0))
    np.testing.assert_array_equal(turned.levels.peak, find_pack(song, FORM, tmp_path / "pack").song.levels.peak[::-1])
    for other in (SongFormat((*STEMS, "bass"), RATE, 2), SongFormat(STEMS, 44_100, 2), SongFormat(STEMS, RATE, 1)):
        found = find_pack(song, other, tmp_path / "pack")
        assert found.song is None and found.stale


def test_a_song_keeps_its_pack_when_it_becomes_a_validation_song(root, tmp_path):
    packed(root, tmp_path / "pack")
    source = FolderSource(str(root), "folders", ("A",), (), STEMS, RATE, 2)
    songs = training_songs(source.files(), FORM, tmp_path / "pack")
    assert songs.packed == 3 and [song.name for song in songs.valid] == ["A", "V"]


def test_a_pack_serves_without_the_files_it_was_made_of(root, tmp_path):
    packed(root, tmp_path / "pack")
    known = training_songs(files(root), FORM, tmp_path / "pack")
    shutil.rmtree(root)
    alone = songs_of_pack_alone(FORM, tmp_path / "pack")
    assert [song.name for song in alone.train] == ["A", "B"] and [song.name for song in alone.valid] == ["V"]
    assert torch.equal(alone.train[1].all_stems(), known.train[1].all_stems())
    with pytest.raises(InputError, match=r"is packed for other audio"):
        songs_of_pack_alone(SongFormat(STEMS, 44_100, 2), tmp_path / "pack")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match=r"nothing holds no packed songs to train on"):
        songs_of_pack_alone(FORM, tmp_path / "nothing")


def test_several_processes_write_what_one_writes(root, tmp_path):
    for workers, pack in ((1, tmp_path / "one"), (2, tmp_path / "two")):
        packed(root, pack, workers)
    names = [path.relative_to(tmp_path / "one") for path in sorted((tmp_path / "one").rglob("*")) if path.is_file()]
    assert names == [
        path.relative_to(tmp_path / "two") for path in sorted((tmp_path / "two").rglob("*")) if path.is_file()
    ]
    assert len(names) == 9
    for name in names:
        if name.suffix != ".npz":  # a zip archive, with the time in it
            assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_an_interrupted_song_leaves_nothing_in_its_place(root, tmp_path, monkeypatch):
    from bsroformer.data.packs import pack_song

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(pack_song, "index", stop)
    plan = plan_packs(files(root), FORM, tmp_path / "pack")
    with pytest.raises(KeyboardInterrupt):
        list(pack_songs(plan, tmp_path / "pack", 1))
    assert not [path for path in (tmp_path / "pack").rglob("*") if path.is_file()]
    (tmp_path / "pack" / "train" / ".A.part").mkdir(parents=True)  # what kill -9 leaves
    monkeypatch.undo()
    packed(root, tmp_path / "pack")
    assert not list((tmp_path / "pack").rglob("*.part"))


@pytest.mark.parametrize("damage", ["levels.npz", "stems.npy"])
def test_a_damaged_pack_is_stale_and_without_its_files_an_error(root, tmp_path, damage):
    packed(root, tmp_path / "pack")
    folder = song_folder(tmp_path / "pack", "train", "A")
    (folder / damage).write_bytes((folder / damage).read_bytes()[:100])
    assert training_songs(files(root), FORM, tmp_path / "pack").stale == ("A",)
    with pytest.raises(InputError, match=r"train/A is damaged .*: remove it and run scripts/prepare\.py again"):
        songs_of_pack_alone(FORM, tmp_path / "pack")
    assert len(packed(root, tmp_path / "pack").jobs) == 1
    assert training_songs(files(root), FORM, tmp_path / "pack").packed == 3


def test_a_pack_of_another_version_is_stale(root, tmp_path):
    packed(root, tmp_path / "pack")
    index = song_folder(tmp_path / "pack", "train", "A") / "index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"format": 99}))
    assert training_songs(files(root), FORM, tmp_path / "pack").stale == ("A",)
    assert len(packed(root, tmp_path / "pack").jobs) == 1


# What is mended


def test_what_does_not_fit_is_refused_unless_it_is_to_be_mended(tmp_path):
    root, pack = tmp_path / "set", tmp_path / "pack"
    add_song(root, "train/A", rate=16_000)
    add_song(root, "train/B", channels=1)
    add_song(root, "train/C", stems=("vocals",))
    add_song(root, "train/D")
    soundfile.write(root / "train/D/vocals.wav", noise(5000), RATE)
    plan = plan_packs(files(root), FORM, pack)
    assert not plan.jobs and len(plan.faults) == 4
    for name, told in (("A", "16000 Hz in vocals"), ("B", "1 channel"), ("C", "lacks drums"), ("D", "5000 samples")):
        assert any(f"train/{name} " in fault and told in fault for fault in plan.faults)
    assert all("pack them with scripts/prepare.py mend=[" in fault for fault in plan.faults if "train/C" not in fault)
    plan = packed(root, pack, mend=["rate", "channels", "length", "missing"])
    assert [job.mended for job in plan.jobs] == [("rate",), ("channels",), ("missing",), ("length",)]
    a, b, c, d = training_songs(files(root), FORM, pack).train
    original = read(root / "train/A/vocals.wav")[0]
    torch.testing.assert_close(a.stem("vocals"), resample(original, 16_000, RATE), atol=1e-6, rtol=0)
    assert torch.equal(b.stem("drums"), read(root / "train/B/drums.wav")[0].expand(2, -1))
    assert not c.stem("drums").any() and c.frames == 20_000
    assert torch.equal(d.stem("vocals")[:, :5000], read(root / "train/D/vocals.wav")[0])
    assert d.frames == 20_000 and not d.stem("vocals")[:, 5000:].any()


def test_a_stem_at_another_rate_that_ends_with_the_others_differs_in_rate_alone(tmp_path):
    add_song(tmp_path / "set", "train/A")
    soundfile.write(tmp_path / "set/train/A/vocals.wav", noise(40_001), 2 * RATE)
    plan = packed(tmp_path / "set", tmp_path / "pack", mend=["rate"])
    assert [job.mended for job in plan.jobs] == [("rate",)] and plan.jobs[0].frames == 20_000


def test_a_missing_stem_that_appears_makes_the_pack_stale(tmp_path):
    add_song(tmp_path / "set", "train/A", stems=("vocals",))
    packed(tmp_path / "set", tmp_path / "pack", mend=["missing"])
    soundfile.write(tmp_path / "set/train/A/drums.wav", noise(20_000), RATE)
    assert find_pack(files(tmp_path / "set")[0], FORM, tmp_path / "pack").stale


def test_int16_halves_the_room_and_rounds_but_never_clips(tmp_path):
    add_song(tmp_path / "set", "train/A", "FLOAT")
    add_song(tmp_path / "set", "train/B", "FLOAT")
    loud = noise(20_000) * 20
    soundfile.write(tmp_path / "set/train/B/vocals.wav", loud, RATE, subtype="FLOAT")
    exact = plan_packs(files(tmp_path / "set"), FORM, tmp_path / "pack")
    plan = packed(tmp_path / "set", tmp_path / "pack", precision="int16")
    assert plan.bytes * 2 == exact.bytes
    a, b = training_songs(files(tmp_path / "set"), FORM, tmp_path / "pack").train
    assert (a.stem("vocals") - read(tmp_path / "set/train/A/vocals.wav")[0]).abs().max() <= 2**-16
    assert torch.equal(b.stem("vocals").T, torch.from_numpy(loud))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"mend": ["pitch"]}, r"mend names pitch: choose from rate"),
        ({"precision": "int8"}, r"precision=int8 is none of"),
    ],
)
def test_settings_that_are_unknown_are_told(root, tmp_path, options, told):
    with pytest.raises(InputError, match=told):
        plan_packs(files(root), FORM, tmp_path / "pack", **options)


def test_a_song_that_cannot_be_decoded_is_told_and_the_others_are_packed(root, tmp_path):
    bad = noise(20_000)
    bad[7000] = np.nan
    soundfile.write(root / "train/A/vocals.wav", bad, RATE, subtype="FLOAT")
    plan = plan_packs(files(root), FORM, tmp_path / "pack")
    outcomes = {outcome.name: outcome.error for outcome in pack_songs(plan, tmp_path / "pack", 1)}
    assert "vocals.wav holds NaN or infinite values, the first at sample 7000" in outcomes["A"]
    assert outcomes["B"] is None and outcomes["V"] is None
    assert not song_folder(tmp_path / "pack", "train", "A").exists()


def test_damage_in_the_middle_of_a_file_is_a_remark_on_the_song(root, tmp_path):
    (root / "train/A/vocals.wav").unlink()
    soundfile.write(root / "train/A/vocals.flac", noise(20_000), RATE)
    content = bytearray((root / "train/A/vocals.flac").read_bytes())
    content[len(content) // 2] ^= 1
    (root / "train/A/vocals.flac").write_bytes(content)
    outcomes = {
        outcome.name: outcome for outcome in pack_songs(plan_packs(files(root), FORM, tmp_path / "pack"), tmp_path, 1)
    }
    assert outcomes["A"].error is None and outcomes["B"].remarks == ()
    [remark] = outcomes["A"].remarks
    assert "vocals.flac is " in remark and "damaged" in remark


def test_a_disk_without_room_is_told_before_anything_is_written(root, tmp_path, monkeypatch):
    plan = plan_packs(files(root), FORM, tmp_path / "pack")
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(InputError, match=r"takes 0\.0 GB, and .* has 0\.0 GB free: set data\.pack"):
        refuse_full_disk(plan, tmp_path / "pack")


@pytest.mark.parametrize("name", ["a/b.wav", ".hidden", "100%", "..", "a\\b", "x" * 300, "naïve é", "a%2Fb"])
def test_any_name_has_a_folder_of_its_own_in_the_split(tmp_path, name):
    folder = song_folder(tmp_path, "train", name)
    assert folder.parent == tmp_path / "train" and not folder.name.startswith(".")
    folder.mkdir(parents=True)
    assert len({song_folder(tmp_path, "train", each) for each in (name, "a/b", "a%2Fb!", "x" * 299)}) == 4


def test_what_packing_would_save_is_measured(root, tmp_path):
    songs = training_songs(files(root), FORM, tmp_path / "pack")
    found = saving(songs, FORM, 500, tmp_path / "pack")
    assert found.songs == 3 and found.seconds > 0
    assert found.bytes == 3 * 2 * 20_000 * 2 * 2
    packed(root, tmp_path / "pack")
    assert saving(training_songs(files(root), FORM, tmp_path / "pack"), FORM, 500, tmp_path / "pack") is None


def test_clips_are_packed_with_the_stem_they_have(tmp_path):
    for name in ("train/vocals/deep/a.wav", "train/drums/a.wav"):
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True)
        soundfile.write(path, noise(3000), RATE)
    songs = find_files(tmp_path / "set", STEMS, "clips")
    plan = plan_packs(songs, FORM, tmp_path / "pack")
    assert [job.stems for job in plan.jobs] == [("vocals",), ("drums",)]
    list(pack_songs(plan, tmp_path / "pack", 1))
    found = training_songs(songs, FORM, tmp_path / "pack")
    assert found.packed == 2 and [song.stems for song in found.train] == [("drums",), ("vocals",)]
    assert [song.stems for song in songs_of_pack_alone(FORM, tmp_path / "pack").train] == [("drums",), ("vocals",)]
