import numpy as np
import pytest
import soundfile
import torch

from bsroformer.data.layouts import TrackFormat, find_files
from bsroformer.data.layouts.stem_map import StemMap
from bsroformer.data.mixture_check import unnamed_stems
from bsroformer.data.packs import pack_tracks, plan_packs, training_tracks
from bsroformer.data.splits import open_tracks
from bsroformer.errors import InputError

RATE = 44_100
STEMS = ("vocals", "other")
LEVELS = {"voice": 1, "guitar": 2, "piano": 4, "strings": 8, "mixture": 15}
"""Sixteenths of full scale in each file."""
STEM_MAP = {"voice": "vocals", "other": ["guitar", "piano", "strings"]}


def add_song(root, name: str, files=tuple(LEVELS)) -> None:
    (root / "train" / name).mkdir(parents=True)
    for file in files:
        audio = np.full((2000, 2), LEVELS[file] / 32)
        soundfile.write(root / "train" / name / f"{file}.wav", audio, RATE, subtype="PCM_16")


def opened(root, stems=STEMS, stem_map=STEM_MAP):
    return open_tracks(find_files(root, stems, stem_map=stem_map), TrackFormat(stems, RATE, 2)).train


def levels(stems: torch.Tensor) -> list[float]:
    return (32 * stems[:, 0, 0]).tolist()


def test_a_stem_can_be_the_sum_of_files(tmp_path):
    add_song(tmp_path, "A")
    (song,) = opened(tmp_path)
    assert levels(song.all_stems()) == [1, 14]
    assert levels(song.all_stems(50, 10)) == [1, 14]


def test_a_song_need_not_have_every_file_of_a_sum(tmp_path):
    add_song(tmp_path, "A")
    add_song(tmp_path, "B", ("voice", "piano"))
    assert [levels(song.all_stems()) for song in opened(tmp_path)] == [[1, 14], [1, 4]]


def test_a_sum_can_have_the_name_of_one_of_its_files(tmp_path):
    add_song(tmp_path, "A")
    (song,) = opened(tmp_path, ("voice", "piano"), {"piano": ["guitar", "piano"]})
    assert levels(song.all_stems()) == [1, 6]


def test_rest_is_the_mixture_without_sums(tmp_path):
    add_song(tmp_path, "A")
    (song,) = opened(tmp_path, ("keys", "rest"), {"keys": ["guitar", "piano"]})
    assert levels(song.all_stems()) == [6, 9]


@pytest.mark.parametrize("changed", ["guitar", "strings"])
def test_packs_hold_sums_and_notice_changes(tmp_path, changed):
    root, pack = tmp_path / "songs", tmp_path / "pack"
    add_song(root, "A")
    form = TrackFormat(STEMS, RATE, 2)
    files = find_files(root, STEMS, stem_map=STEM_MAP)
    list(pack_tracks(plan_packs(files, form, pack), workers=1))
    tracks = training_tracks(files, form, pack)
    assert tracks.packed == 1 and levels(tracks.train[0].all_stems()) == [1, 14]
    soundfile.write(root / "train/A" / f"{changed}.wav", np.zeros((2000, 2)), RATE, subtype="PCM_16")
    assert training_tracks(files, form, pack).stale == ("A",)


def test_a_pack_of_another_sum_is_not_used(tmp_path):
    root, pack = tmp_path / "songs", tmp_path / "pack"
    add_song(root, "A")
    form = TrackFormat(STEMS, RATE, 2)
    list(pack_tracks(plan_packs(find_files(root, STEMS, stem_map=STEM_MAP), form, pack), workers=1))
    others = find_files(root, STEMS, stem_map={**STEM_MAP, "other": ["guitar", "piano"]})
    assert training_tracks(others, form, pack).packed == 0


@pytest.mark.parametrize(
    ("stem_map", "message"),
    [
        ({"other": []}, r"data\.stem_map\.other has no files to sum"),
        ({"voice": "vocals", "other": ["voice", "piano"]}, "uses voice twice"),
        ({"other": ["flute", "organ"]}, "names flute, and no song has a file"),
        ({"keys": ["piano"]}, r"makes piano keys, which is not in data\.stems"),
        ({"other": ["guitar", "voice"], "drums": ["piano"]}, "makes piano drums"),
    ],
)
def test_impossible_maps_are_refused(tmp_path, stem_map, message):
    add_song(tmp_path, "A")
    with pytest.raises(InputError, match=message):
        opened(tmp_path, stem_map=stem_map)


def test_a_file_in_a_sum_and_a_stem_by_itself_is_refused(tmp_path):
    add_song(tmp_path, "A")
    with pytest.raises(InputError, match=r"sums guitar into other, and data\.stems="):
        opened(tmp_path, ("guitar", "other"), {"other": ["guitar", "piano"]})


def test_clips_are_found_by_the_names_of_their_folders():
    names = StemMap.of(STEM_MAP)
    assert names.files_of(["vocals", "other", "drums"]) == [
        "vocals",
        "other",
        "drums",
        "voice",
        "guitar",
        "piano",
        "strings",
    ]


def test_a_star_stands_for_all_other_files(tmp_path):
    add_song(tmp_path, "A")
    (song,) = opened(tmp_path, ("vocals", "piano", "other"), {"voice": "vocals", "other": ["*"]})
    assert levels(song.all_stems()) == [1, 4, 10]


def test_files_of_a_sum_are_not_reported_as_unnamed(tmp_path):
    add_song(tmp_path, "A")
    assert unnamed_stems(find_files(tmp_path, STEMS, stem_map=STEM_MAP), STEMS) == []
    assert unnamed_stems(find_files(tmp_path, STEMS, stem_map={"voice": "vocals", "other": ["guitar"]}), STEMS) == [
        "piano",
        "strings",
    ]
