import os
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bsroformer.data.layouts import TrackFormat, find_files
from bsroformer.data.layouts.musdb18 import validation_songs
from bsroformer.data.splits import Splits, named_valid, open_tracks
from bsroformer.errors import InputError

RATE = 44100
STEMS = ("drums", "bass", "other", "vocals")
MUSDB_SONG = next((Path(find_spec("stempeg").origin).parent / "data").glob("*.stem.mp4"))


def add_folder(root: Path, split: str, song: str, stems: tuple[str, ...] = STEMS, rate: int = RATE) -> None:
    folder = root / split / song
    folder.mkdir(parents=True)
    for stem in stems:
        soundfile.write(folder / f"{stem}.wav", np.full((100, 2), 0.1), rate)


def add_stem_mp4(root: Path, split: str, song: str) -> None:
    (root / split).mkdir(parents=True, exist_ok=True)
    (root / split / f"{song}.stem.mp4").symlink_to(MUSDB_SONG)


def find(root: Path | None, layout: str = "any", valid_songs: Sequence[str] = ()) -> Splits:
    return open_tracks(named_valid(find_files(root, STEMS, layout), valid_songs), TrackFormat(STEMS, RATE, 2))


def names(splits: Splits) -> tuple[list[str], list[str], list[str]]:
    return tuple([track.name for track in split] for split in (splits.train, splits.valid, splits.test))


@pytest.mark.parametrize("add", [add_folder, add_stem_mp4])
def test_tracks_are_found_by_split_in_the_order_of_names(tmp_path, add):
    for split, song in [("train", "B"), ("train", "A"), ("valid", "V"), ("test", "T")]:
        add(tmp_path, split, song)
    splits = find(tmp_path, "folders" if add is add_folder else "stem_mp4")
    assert names(splits) == (["A", "B"], ["V"], ["T"])
    assert [track.split for track in (*splits.train, *splits.valid, *splits.test)] == [
        "train",
        "train",
        "valid",
        "test",
    ]
    assert names(find(str(tmp_path))) == names(splits)


def test_a_layout_accepts_only_its_own_songs(tmp_path):
    add_folder(tmp_path, "train", "folder")
    add_stem_mp4(tmp_path, "train", "file")
    (tmp_path / "train" / ".hidden").mkdir()
    (tmp_path / "train" / "readme.txt").write_text("hello")
    assert names(find(tmp_path, "any"))[0] == ["file", "folder"]
    assert names(find(tmp_path, "stem_mp4"))[0] == ["file"]
    assert names(find(tmp_path, "folders"))[0] == ["folder"]


def test_named_songs_of_train_become_the_validation_set(tmp_path):
    for song in ("A", "B", "C"):
        add_folder(tmp_path, "train", song)
    add_folder(tmp_path, "valid", "AA")
    splits = find(tmp_path, valid_songs=["B", "not there", "A"])
    assert names(splits) == (["C"], ["A", "AA", "B"], [])
    assert {track.split for track in splits.valid} == {"valid"}


def test_the_official_validation_songs_are_matched_by_name(tmp_path):
    for song in (validation_songs()[2], "A Classic Education - NightOwl"):
        add_stem_mp4(tmp_path, "train", song)
    splits = find(tmp_path, "stem_mp4", list(validation_songs()))
    assert names(splits) == (["A Classic Education - NightOwl"], [validation_songs()[2]], [])


def test_unknown_validation_songs_are_refused(tmp_path):
    add_folder(tmp_path, "train", "A")
    with pytest.raises(InputError, match=r"No song of the 2 in data\.valid_songs \(X\.\.\.\) is in .*train"):
        find(tmp_path, valid_songs=["X", "Y"])


def test_a_test_set_alone_needs_no_validation_songs(tmp_path):
    add_folder(tmp_path, "test", "T")
    assert names(find(tmp_path, valid_songs=["X"])) == ([], [], ["T"])


def test_a_wrong_root_is_refused_with_the_key_and_the_variable(tmp_path):
    (tmp_path / "musdb18hq").mkdir()
    remedy = r"set data\.root, or the environment variable MUSDB_PATH, to the folder that holds train/ and test/"
    with pytest.raises(InputError, match=f"No data set is named; {remedy}"):
        find(None)
    with pytest.raises(InputError, match=f"There is no data set folder .*nowhere; {remedy}"):
        find(tmp_path / "nowhere")
    with pytest.raises(InputError, match=rf"should hold the folders train/ and test/, but holds musdb18hq; {remedy}"):
        find(tmp_path)
    with pytest.raises(InputError, match="but holds nothing"):
        find(tmp_path / "musdb18hq")


def test_tracks_of_another_layout_are_reported_with_its_config(tmp_path):
    add_folder(tmp_path / "hq", "train", "A")
    with pytest.raises(
        InputError, match=r"Expected files <song>\.stem\.mp4 in .*train, but found folders .*data=musdb18hq"
    ):
        find(tmp_path / "hq", "stem_mp4")
    add_stem_mp4(tmp_path / "mp4", "test", "A")
    with pytest.raises(
        InputError, match=r"Expected folders .* but found files <song>\.stem\.mp4; choose data=musdb18\b"
    ):
        find(tmp_path / "mp4", "folders")


def test_splits_without_tracks_are_refused(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "notes.txt").touch()
    with pytest.raises(InputError, match=r"Expected files .* or folders .* but found notes\.txt; set data\.root"):
        find(tmp_path)


def test_faulty_tracks_are_counted_and_the_first_are_named(tmp_path):
    add_folder(tmp_path, "train", "good")
    for number in range(5):
        add_folder(tmp_path, "train", f"bad {number}", STEMS[: number % 2 + 2], rate=48000)
    with pytest.raises(InputError) as error:
        find(tmp_path)
    message = str(error.value)
    assert message.startswith("5 of 6 songs cannot be used: ")
    assert all(f"bad {number}" in message for number in range(3))
    assert message.endswith("; and 2 more.")
    assert "\n" not in message


def test_a_track_as_file_and_folder_is_refused(tmp_path):
    add_folder(tmp_path, "train", "A")
    add_stem_mp4(tmp_path, "train", "A")
    with pytest.raises(InputError, match="train holds A as a file and as a folder; remove one"):
        find(tmp_path)


def test_all_of_musdb18_is_found_in_about_a_second(tmp_path):
    for number in range(150):
        add_stem_mp4(tmp_path, "train" if number < 100 else "test", f"song {number:03}")
    start = time.process_time()  # of this process alone: other tests run beside it
    splits = find(tmp_path, "stem_mp4")
    assert (len(splits.train), len(splits.test)) == (100, 50)
    assert time.process_time() - start < 10  # about 1 s


def test_a_validation_song_that_is_in_valid_already_is_refused(tmp_path):
    add_folder(tmp_path, "train", "A")
    add_folder(tmp_path, "valid", "A")
    with pytest.raises(InputError, match=r"train/A and .*valid/A are both called A"):
        find(tmp_path, valid_songs=["A"])


def test_a_clip_cannot_be_named_to_validate(tmp_path):
    (tmp_path / "train" / "vocals").mkdir(parents=True)
    soundfile.write(tmp_path / "train" / "vocals" / "a.wav", np.full((100, 2), 0.1), RATE)
    with pytest.raises(InputError, match=r"valid_songs names vocals/a\.wav, which is a clip or further material"):
        find(tmp_path, "clips", ["vocals/a.wav"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_folder_is_refused(tmp_path):
    add_folder(tmp_path, "train", "A")
    (tmp_path / "train").chmod(0)
    with pytest.raises(InputError, match=r"train cannot be read"):
        find(tmp_path)
