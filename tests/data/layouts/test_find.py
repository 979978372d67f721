import csv
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bsroformer.data.layouts import TrackFormat, find_files
from bsroformer.data.splits import open_tracks
from bsroformer.errors import InputError

STEMS = ("vocals", "drums", "bass")
RATE = 8000


def write(path: Path, frames: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full((frames, 2), 0.1), RATE)
    return path


def add_song(folder: Path, stems=STEMS) -> None:
    for stem in stems:
        write(folder / f"{stem}.wav")


def table(path: Path, *rows: dict[str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


def found(songs) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(song.split, song.name, tuple(song.stems)) for song in songs]


@pytest.fixture
def clips(tmp_path) -> Path:
    for name in ("train/vocals/a.wav", "train/vocals/deep/b.flac", "train/drums/a.wav", "train/bass/.hidden.wav"):
        write(tmp_path / "clips" / name)
    (tmp_path / "clips" / "train" / "vocals" / "notes.txt").touch()
    add_song(tmp_path / "clips" / "valid" / "V")
    return tmp_path / "clips"


def test_clips_are_for_training_and_other_splits_hold_tracks(clips):
    songs = find_files(clips, STEMS, "clips")
    assert found(songs) == [
        ("train", "vocals/a.wav", ("vocals",)),
        ("train", "vocals/deep/b.flac", ("vocals",)),
        ("train", "drums/a.wav", ("drums",)),
        ("valid", "V", tuple(sorted(STEMS))),
    ]
    splits = open_tracks(songs, TrackFormat(STEMS, RATE, 2))
    assert [track.stems for track in splits.train] == [("drums",), ("vocals",), ("vocals",)]
    assert splits.valid[0].stems == STEMS


def test_stem_folders_without_clips_are_refused(tmp_path):
    add_song(tmp_path / "train" / "Song")
    with pytest.raises(InputError, match=r"train should hold folders named vocals, drums, bass .* but holds Song"):
        find_files(tmp_path, STEMS, "clips")


def test_entries_of_one_song_are_a_track_and_others_are_clips(tmp_path):
    for name in ("x/a.wav", "x/b.wav", "y/c.wav"):
        write(tmp_path / name)
    rows = [
        {"split": "valid", "song": "S", "stem": "vocals", "path": "x/a.wav"},
        {"split": "", "song": "", "stem": "drums", "path": str(tmp_path / "y/c.wav")},
        {"split": "valid", "song": "S", "stem": "drums", "path": "x/b.wav"},
    ]
    songs = find_files(table(tmp_path / "songs.csv", *rows), STEMS, "table")
    assert found(songs) == [("valid", "S", ("vocals", "drums")), ("train", f"drums/{tmp_path}/y/c.wav", ("drums",))]
    assert songs[0].stems["drums"].path == tmp_path / "x/b.wav"
    assert [song.whole for song in songs] == [True, False]


def test_the_columns_of_the_public_trainer_are_understood(tmp_path):
    path = write(tmp_path / "a.wav")
    songs = find_files(table(tmp_path / "t.csv", {"instrum": "vocals", "path": str(path)}), STEMS, "table")
    assert found(songs) == [("train", f"vocals/{path}", ("vocals",))]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stem,where\nvocals,a.wav\n", r"lacks the column path; its first line must name stem and path"),
        ("split,song\n", r"lacks the column stem and path"),
        ("", r"lacks the column stem and path"),
        ("stem,path\n", r"has no rows; list a stem and a path"),
        ("stem,path\nvocals,\n", r"row 2: stem or path is empty"),
        ("stem,path,split\nvocals,a.wav,training\n", r"row 2: split is training; write train, valid, test"),
        ("stem,path,split\nvocals,a.wav,valid\n", r"row 2: only train takes clips; name the song that this vocals"),
        ("stem,path\nvocals,a, b.wav\n", r"row 2 has more values than columns; put a path with a comma in quotes"),
        ("stem,path,stem\nvocals,a.wav,drums\n", r"has the column stem twice"),
        ("stem,path\nvocals,~no-such-user/a.wav\n", r"row 2: '~no-such-user/a\.wav' cannot be a path"),
        (f"stem,path\nvocals,{'x' * 300}.wav\n", r"row 2: 'x+\.wav' cannot be a path"),
        ("stem,path\nvocals,a.wav\nvocals,a.wav\n", r"row 3: vocals/a\.wav has vocals twice"),
        ("stem,path,song\nvocals,a.wav,S\nvocals,b.wav,S\n", r"row 3: S has vocals twice"),
    ],
)
def test_a_wrong_entry_of_a_table_is_refused_with_its_line(tmp_path, text, message):
    (tmp_path / "songs.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        find_files(tmp_path / "songs.csv", STEMS, "table")


def test_a_missing_or_unreadable_table_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"There is no table .*songs\.csv; set data\.root"):
        find_files(tmp_path / "songs.csv", STEMS, "table")
    with pytest.raises(InputError, match=r"No table is named"):
        find_files(None, STEMS, "table")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"cannot be read as a table"):
        find_files(tmp_path / "binary.csv", STEMS, "table")


def test_further_material_of_any_layout_is_added_to_train(tmp_path, clips):
    add_song(tmp_path / "main" / "train" / "A")
    add_song(tmp_path / "main" / "test" / "T")
    add_song(tmp_path / "more" / "A", ("vocals", "mixture"))
    row = {"stem": "bass", "path": str(write(tmp_path / "low.wav")), "split": "train"}
    extra = [tmp_path / "more", clips, table(tmp_path / "low.csv", row)]
    songs = find_files(tmp_path / "main", STEMS, extra=[str(path) for path in extra])
    assert found(songs) == [
        ("train", "A", tuple(sorted(STEMS))),
        ("test", "T", tuple(sorted(STEMS))),
        ("train", "more/A", ("mixture", "vocals")),
        ("train", "clips/vocals/a.wav", ("vocals",)),
        ("train", "clips/vocals/deep/b.flac", ("vocals",)),
        ("train", "clips/drums/a.wav", ("drums",)),
        ("train", f"low/bass/{tmp_path}/low.wav", ("bass",)),
    ]
    tracks = open_tracks(songs, TrackFormat(STEMS, RATE, 2)).train
    assert next(track.stems for track in tracks if track.name == "more/A") == ("vocals",)


def test_missing_further_material_is_refused(tmp_path):
    add_song(tmp_path / "main" / "train" / "A")
    with pytest.raises(InputError, match=r"no folder or table .*nowhere, which data\.extra names"):
        find_files(tmp_path / "main", STEMS, extra=[str(tmp_path / "nowhere")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"data\.extra names .*empty, which should hold songs, .* but holds nothing"):
        find_files(tmp_path / "main", STEMS, extra=[str(tmp_path / "empty")])


def test_two_tracks_of_one_name_are_refused(tmp_path):
    add_song(tmp_path / "main" / "train" / "A")
    for place in ("x", "y"):
        add_song(tmp_path / place / "more" / "B")
    extra = [str(tmp_path / place / "more") for place in ("x", "y")]
    with pytest.raises(InputError, match=r"x/more/B and .*y/more/B are both called more/B; rename one"):
        find_files(tmp_path / "main", STEMS, extra=extra)


def test_an_unknown_layout_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"data\.layout=zip must be one of stem_mp4, folders, any, clips, table"):
        find_files(tmp_path, STEMS, "zip")


def test_links_to_folders_are_followed_but_not_in_a_loop(tmp_path):
    write(tmp_path / "elsewhere" / "far.wav")
    write(tmp_path / "train" / "vocals" / "near.wav")
    (tmp_path / "train" / "vocals" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "train" / "vocals")
    songs = find_files(tmp_path, ("vocals",), "clips")
    assert [song.name for song in songs] == ["vocals/link/far.wav", "vocals/near.wav"]


def test_folders_of_further_material_keep_their_whole_name(tmp_path):
    add_song(tmp_path / "main" / "train" / "A")
    for place in ("set.1", "set.2"):
        add_song(tmp_path / place / "A")
    songs = find_files(tmp_path / "main", STEMS, extra=[str(tmp_path / "set.1"), str(tmp_path / "set.2")])
    assert [song.name for song in songs] == ["A", "set.1/A", "set.2/A"]


def test_a_word_instead_of_a_list_of_stems_is_refused():
    with pytest.raises(InputError, match=r"data\.stems=vocals must be a list of words"):
        TrackFormat("vocals", RATE, 2)


def test_files_may_have_other_names_than_their_stems(tmp_path):
    add_song(tmp_path / "train" / "A", ("voice", "drums", "song"))
    [song] = find_files(tmp_path, ("vocals", "drums"), stem_map={"voice": "vocals", "song": "mixture"})
    assert sorted(song.stems) == ["drums", "mixture", "vocals"]
    assert song.stems["vocals"].path.name == "voice.wav"


def test_folders_of_clips_and_tables_may_have_other_names(tmp_path):
    write(tmp_path / "clips" / "train" / "voice" / "a.wav")
    names = {"voice": "vocals"}
    [clip] = find_files(tmp_path / "clips", ("vocals",), "clips", stem_map=names)
    assert list(clip.stems) == ["vocals"]
    listed = table(tmp_path / "songs.csv", {"stem": "voice", "path": "clips/train/voice/a.wav"})
    [row] = find_files(listed, ("vocals",), "table", stem_map=names)
    assert list(row.stems) == ["vocals"]


def test_two_files_for_one_stem_are_a_fault_of_their_track(tmp_path):
    add_song(tmp_path / "train" / "A", ("voice", "vocals"))
    [song] = find_files(tmp_path, ("vocals",), stem_map={"voice": "vocals"})
    [fault] = song.faults
    assert fault.startswith(f"{tmp_path}/train/A has vocals and voice, which are both vocals by data.stem_map; change")


def test_names_may_be_swapped(clips):
    songs = find_files(clips, STEMS, "clips", stem_map={"vocals": "drums", "drums": "vocals"})
    assert [tuple(song.stems) for song in songs[:3]] == [("drums",), ("drums",), ("vocals",)]


@pytest.mark.parametrize(
    ("stem_map", "message"),
    [
        ({"voise": "vocals"}, "data.stem_map names voise, and no song has a file or stem of that name"),
        ({"voice": "vocls"}, "data.stem_map makes voice vocls, which is not in data.stems=[vocals]"),
    ],
)
def test_names_that_nothing_has_are_refused(tmp_path, stem_map, message):
    add_song(tmp_path / "train" / "A", ("voice",))
    with pytest.raises(InputError, match=re.escape(message)):
        find_files(tmp_path, ("vocals",), stem_map=stem_map)
