import json
import os
import shutil
import sys

import numpy as np
import pytest
import soundfile
import torch
from packed_sets import FORM, RATE, STEMS, add_song, files, noise, packed

from bsroformer.audio.files import read
from bsroformer.data.excerpts import ExcerptKey, RandomExcerpts
from bsroformer.data.layouts import TrackFormat, find_files
from bsroformer.data.packs import pack_tracks, plan_packs, tracks_of_pack, training_tracks
from bsroformer.data.packs.lookup import find_pack, pack_folder
from bsroformer.data.sources import FolderSource
from bsroformer.errors import InputError
from support.augments import VARIED, augment
from support.opened import find_splits


@pytest.mark.parametrize(
    ("subtype", "dtype"), [("PCM_16", np.int16), ("PCM_U8", np.int16), ("PCM_24", np.float32), ("FLOAT", np.float32)]
)
def test_a_pack_holds_what_the_files_hold_exactly(tmp_path, subtype, dtype):
    add_song(tmp_path / "set", "train/A", subtype)
    plan = packed(tmp_path / "set", tmp_path / "pack")
    song = find_pack(files(tmp_path / "set")[0], FORM, tmp_path / "pack").track
    track = find_splits(FolderSource(str(tmp_path / "set"), "folders", (), (), STEMS, RATE, 2)).train[0]
    assert song.stems == track.stems and song.frames == track.frames
    assert torch.equal(song.all_stems(), track.all_stems())
    assert torch.equal(song.stem("drums", 19_990, 50), track.stem("drums", 19_990, 50))
    array = np.load(song.folder / "stems.npy", mmap_mode="r")
    assert array.dtype == dtype and array.shape == (2, 20_000, 2)
    assert array.nbytes == plan.bytes


def test_an_excerpt_is_the_same_from_a_pack_as_from_files(root, tmp_path):
    packed(root, tmp_path / "pack")
    songs = [training_tracks(files(root), FORM, pack) for pack in (None, tmp_path / "pack")]
    assert [found.packed for found in songs] == [0, 3]
    mixing = augment(unmixed=0.3, silent_prob=0.1, active_db=None, effects=VARIED)
    from_files, from_packs = (RandomExcerpts(found.train, FORM, 500, mixing, seed=3) for found in songs)
    for index in range(20):
        assert torch.equal(from_files[ExcerptKey(1, index)], from_packs[ExcerptKey(1, index)])


def test_levels_are_those_of_the_song(root, tmp_path):
    packed(root, tmp_path / "pack")
    song = training_tracks(files(root), FORM, tmp_path / "pack").train[0]
    assert song.levels.block == 800
    blocks = song.all_stems().unfold(-1, 800, 800)  # n c blocks t
    np.testing.assert_allclose(song.levels.energy, blocks.double().square().sum(dim=(1, 3)).numpy(), rtol=1e-6)
    peaks = np.load(song.folder / "levels.npy")[1]
    np.testing.assert_array_equal(peaks, blocks.abs().amax(dim=(1, 3)).numpy())


def test_only_tracks_with_changed_files_are_packed_again(root, tmp_path):
    pack = tmp_path / "pack"
    assert len(packed(root, pack).jobs) == 3
    index = pack_folder(pack, "train", "A") / "index.json"
    written = index.stat().st_mtime_ns
    os.utime(root / "train/A/vocals.wav", ns=(1, 1))  # another time, the same content
    assert plan_packs(files(root), FORM, pack).done == 3
    soundfile.write(root / "train/A/vocals.wav", noise(20_000, seed=9), RATE, subtype="PCM_16")
    songs = training_tracks(files(root), FORM, pack)
    assert songs.stale == ("A",) and songs.packed == 2
    assert torch.equal(songs.train[0].stem("vocals"), read(root / "train/A/vocals.wav")[0])
    plan = packed(root, pack)
    assert [job.song.name for job in plan.jobs] == ["A"] and plan.done == 2
    assert index.stat().st_mtime_ns != written
    songs = training_tracks(files(root), FORM, pack)
    assert songs.stale == () and songs.packed == 3


def test_a_change_of_the_same_size_is_noticed_by_the_content(root, tmp_path):
    packed(root, tmp_path / "pack")
    path = root / "train/B/drums.wav"
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read()
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    assert training_tracks(files(root), FORM, tmp_path / "pack").stale == ("B",)


def test_a_pack_of_a_difference_is_not_taken_for_one_of_its_file(tmp_path):
    add_song(tmp_path / "set", "train/A", stems=("vocals", "song"))
    form = TrackFormat(("vocals", "rest"), RATE, 2)

    def song(name: str):
        [found] = find_files(tmp_path / "set", form.stems, stem_map={"song": name})
        return found

    list(pack_tracks(plan_packs([song("mixture")], form, tmp_path / "pack"), workers=1))
    assert find_pack(song("mixture"), form, tmp_path / "pack").track is not None
    assert find_pack(song("rest"), form, tmp_path / "pack").stale


def test_stems_of_a_pack_are_used_in_any_order(root, tmp_path):
    packed(root, tmp_path / "pack")
    song = files(root)[0]
    assert find_pack(song, TrackFormat(("drums",), RATE, 2), tmp_path / "pack").track.stems == ("drums",)
    turned = find_pack(song, TrackFormat(("drums", "vocals"), RATE, 2), tmp_path / "pack").track
    assert torch.equal(turned.all_stems(), find_pack(song, FORM, tmp_path / "pack").track.all_stems().flip(0))
    np.testing.assert_array_equal(
        turned.levels.energy, find_pack(song, FORM, tmp_path / "pack").track.levels.energy[::-1]
    )
    for other in (TrackFormat((*STEMS, "bass"), RATE, 2), TrackFormat(STEMS, 44_100, 2), TrackFormat(STEMS, RATE, 1)):
        found = find_pack(song, other, tmp_path / "pack")
        assert found.track is None and found.stale


def test_a_song_keeps_its_pack_when_it_becomes_a_validation_song(root, tmp_path):
    packed(root, tmp_path / "pack")
    source = FolderSource(str(root), "folders", ("A",), (), STEMS, RATE, 2)
    songs = training_tracks(source.files(), FORM, tmp_path / "pack")
    assert songs.packed == 3 and [song.name for song in songs.valid] == ["A", "V"]


def test_a_pack_can_be_read_without_its_source_files(root, tmp_path):
    packed(root, tmp_path / "pack")
    known = training_tracks(files(root), FORM, tmp_path / "pack")
    shutil.rmtree(root)
    alone = tracks_of_pack(FORM, tmp_path / "pack")
    assert [song.name for song in alone.train] == ["A", "B"] and [song.name for song in alone.valid] == ["V"]
    assert torch.equal(alone.train[1].all_stems(), known.train[1].all_stems())
    with pytest.raises(InputError, match=r"packed for other audio"):
        tracks_of_pack(TrackFormat(STEMS, 44_100, 2), tmp_path / "pack")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match=r"nothing holds no packed songs; run"):
        tracks_of_pack(FORM, tmp_path / "nothing")


def test_several_processes_write_what_one_writes(root, tmp_path):
    for workers, pack in ((1, tmp_path / "one"), (2, tmp_path / "two")):
        packed(root, pack, workers)
    names = [path.relative_to(tmp_path / "one") for path in sorted((tmp_path / "one").rglob("*")) if path.is_file()]
    assert names == [
        path.relative_to(tmp_path / "two") for path in sorted((tmp_path / "two").rglob("*")) if path.is_file()
    ]
    assert len(names) == 3 * 3 + 2  # and the manifest and the lock
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_interrupted_packing_leaves_nothing_behind(root, tmp_path, monkeypatch):
    from bsroformer.data.packs import pack_track

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(pack_track, "index", stop)
    plan = plan_packs(files(root), FORM, tmp_path / "pack")
    with pytest.raises(KeyboardInterrupt):
        list(pack_tracks(plan, 1))
    assert [path.name for path in (tmp_path / "pack").rglob("*") if path.is_file()] == [".preparing"]
    (tmp_path / "pack" / "train" / ".A.part").mkdir(parents=True)  # as left by kill -9
    monkeypatch.undo()
    packed(root, tmp_path / "pack")
    assert not list((tmp_path / "pack").rglob("*.part"))


@pytest.mark.parametrize("damage", ["levels.npy", "stems.npy"])
def test_a_damaged_pack_is_stale_and_without_its_files_an_error(root, tmp_path, damage):
    packed(root, tmp_path / "pack")
    folder = pack_folder(tmp_path / "pack", "train", "A")
    (folder / damage).write_bytes((folder / damage).read_bytes()[:100])
    assert training_tracks(files(root), FORM, tmp_path / "pack").stale == ("A",)
    with pytest.raises(InputError, match=r"train/A is damaged .*; remove it and prepare again"):
        tracks_of_pack(FORM, tmp_path / "pack")
    assert len(packed(root, tmp_path / "pack").jobs) == 1
    assert training_tracks(files(root), FORM, tmp_path / "pack").packed == 3


def test_a_pack_of_another_version_is_stale(root, tmp_path):
    packed(root, tmp_path / "pack")
    index = pack_folder(tmp_path / "pack", "train", "A") / "index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"format": 99}))
    assert training_tracks(files(root), FORM, tmp_path / "pack").stale == ("A",)
    assert len(packed(root, tmp_path / "pack").jobs) == 1


def test_a_training_without_files_uses_the_last_packs(root, tmp_path):
    pack = tmp_path / "pack"
    packed(root, pack)
    (root / "train/A").rename(root / "valid/A")
    (root / "train/B").rename(root / "train/B renamed")
    shutil.rmtree(root / "valid/V")
    packed(root, pack)
    alone = tracks_of_pack(FORM, pack)
    assert [song.name for song in alone.train] == ["B renamed"] and [song.name for song in alone.valid] == ["A"]


def test_named_validation_songs_validate_from_packs_alone(root, tmp_path):
    source = FolderSource(str(root), "folders", ("A",), (), STEMS, RATE, 2)
    packed(root, tmp_path / "pack")
    songs = [song for song in source.files() if song.split != "test"]
    assert not list(pack_tracks(plan_packs(songs, FORM, tmp_path / "pack"), 1))
    assert [song.name for song in tracks_of_pack(FORM, tmp_path / "pack").valid] == ["A", "V"]


def test_a_pack_that_lacks_a_stem_cannot_validate(root, tmp_path):
    packed(root, tmp_path / "pack")
    with pytest.raises(InputError, match=r"V lacks bass, so it cannot validate"):
        tracks_of_pack(TrackFormat((*STEMS, "bass"), RATE, 2), tmp_path / "pack")


def test_only_one_process_packs_into_a_folder(root, tmp_path):
    plan = plan_packs(files(root), FORM, tmp_path / "pack")
    first = pack_tracks(plan, 1)
    next(first)
    with pytest.raises(InputError, match=r"Another process packs songs into .*pack; wait for it"):
        list(pack_tracks(plan, 1))
    assert len(list(first)) == 2
    assert plan_packs(files(root), FORM, tmp_path / "pack").done == 3


def test_other_times_are_remembered_so_that_content_is_read_once(root, tmp_path, monkeypatch):
    from bsroformer.data.packs import lookup

    packed(root, tmp_path / "pack")
    os.utime(root / "train/A/vocals.wav", ns=(1, 1))
    read_files = []
    monkeypatch.setattr(lookup, "digest", lambda path: read_files.append(path) or real(path))
    from bsroformer.data.packs.source_file import digest as real

    for _ in range(2):
        assert training_tracks(files(root), FORM, tmp_path / "pack").packed == 3
    assert read_files == [root / "train/A/vocals.wav"]


def test_rounded_packs_are_not_taken_for_exact_ones(tmp_path):
    add_song(tmp_path / "set", "train/A", "FLOAT")
    add_song(tmp_path / "set", "train/B")
    pack = tmp_path / "pack"
    assert len(packed(tmp_path / "set", pack, precision="int16").jobs) == 2
    for precision, songs in (("int16", []), ("auto", ["A"]), ("auto", []), ("int16", ["A"])):
        assert [job.song.name for job in packed(tmp_path / "set", pack, precision=precision).jobs] == songs


@pytest.mark.skipif(sys.platform == "darwin", reason="its names are text")
def test_a_name_that_is_not_valid_unicode_is_packed(tmp_path):
    add_song(tmp_path / "set", "train/cafe")
    (tmp_path / "set/train/cafe").rename(tmp_path / "set" / os.fsdecode(b"train/caf\xe9"))
    packed(tmp_path / "set", tmp_path / "pack")
    assert training_tracks(files(tmp_path / "set"), FORM, tmp_path / "pack").packed == 1


@pytest.mark.parametrize("content", ["null", "[]", '"index"', "{", '{"format": 1, "sources": []}'])
def test_an_unreadable_index_makes_a_pack_stale(root, tmp_path, content):
    packed(root, tmp_path / "pack")
    (pack_folder(tmp_path / "pack", "train", "A") / "index.json").write_text(content)
    songs = training_tracks(files(root), FORM, tmp_path / "pack")
    assert songs.packed == 2 and songs.stale == ("A",)


def test_the_pack_of_a_track_of_another_split_is_not_stale(root, tmp_path):
    packed(root, tmp_path / "pack")
    add_song(root, "valid/A")
    soundfile.write(root / "valid/A/drums.wav", noise(20_000, seed=7), RATE)
    songs = training_tracks(files(root), FORM, tmp_path / "pack")
    assert songs.stale == () and songs.packed == 3


def test_files_replace_a_pack_deleted_during_use(root, tmp_path):
    packed(root, tmp_path / "pack")
    song = training_tracks(files(root), FORM, tmp_path / "pack").train[0]
    shutil.rmtree(song.folder)
    with pytest.warns(UserWarning, match=r"train/A was removed .*\(No such file .*\); the song's files are read"):
        assert song.stem("vocals", 5, 100).shape == (2, 100)
