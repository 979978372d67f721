import os
import unicodedata
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bsroformer.audio.encoders import Sound
from bsroformer.audio.files import block_writer
from bsroformer.audio.tags import TAGS, read_marks, read_tags
from bsroformer.errors import InputError
from bsroformer.inference import Song, find_songs
from bsroformer.inference.folder_names import song_folders
from bsroformer.inference.stem_marks import StemMark

STEMS = ("vocals", "rest")


@pytest.fixture
def music(tmp_path, monkeypatch) -> Path:
    """A folder with music in folders, and other things."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.mp3", "B/c.flac", "B/d é.wav", "B/.hidden.wav", "B/text.txt", "B/deep/e.stem.mp4", "._a.mp3"):
        path = tmp_path / "music" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path / "music"


def found(*inputs: str | Path, output: str = "out") -> dict[str, str]:
    return {song.source.as_posix(): song.folder.as_posix() for song in find_songs(inputs, output, STEMS)}


def test_a_file_goes_to_a_folder_of_its_name(music):
    assert found("music/B/d é.wav") == {"music/B/d é.wav": "out/d é"}
    assert found("music/B/deep/e.stem.mp4") == {"music/B/deep/e.stem.mp4": "out/e"}


def test_a_folder_is_searched_and_its_structure_kept(music):
    assert found("music") == {
        "music/a.mp3": "out/a",
        "music/B/c.flac": "out/B/c",
        "music/B/d é.wav": "out/B/d é",
        "music/B/deep/e.stem.mp4": "out/B/deep/e",
    }


def test_a_pattern_matches_files(music):
    assert found("music/**/*.flac") == {"music/B/c.flac": "out/B/c"}
    assert found("music/*") == {"music/a.mp3": "out/a"}
    assert found(str(music / "?" / "*.wav")) == {f"{music}/B/d é.wav": "out/B/d é"}


def test_a_list_keeps_the_structure_below_what_its_parts_share(music):
    assert found("music/a.mp3", "music/B/deep", "music/B/deep/../c.flac") == {
        "music/a.mp3": "out/a",
        "music/B/deep/e.stem.mp4": "out/B/deep/e",
        "music/B/deep/../c.flac": "out/B/c",
    }


def test_a_file_that_is_named_twice_is_taken_once(music):
    assert len(found("music", "music/a.mp3", str(music / "a.mp3"))) == 4


def test_a_name_with_signs_of_a_pattern_is_a_name_if_there_is_such_a_file(music):
    (music / "song [live].mp3").write_bytes(b"x")
    assert found("music/song [live].mp3") == {"music/song [live].mp3": "out/song [live]"}


def test_files_of_one_name_keep_their_suffixes(music):
    (music / "A.WAV").write_bytes(b"x")
    songs = found("music")
    assert (songs["music/a.mp3"], songs["music/A.WAV"]) == ("out/a (mp3)", "out/A (WAV)")


def test_a_name_that_is_not_there_is_kept_to_fail_when_it_is_its_turn(music):
    assert found("music/gone.wav", "music/a.mp3").keys() == {"music/gone.wav", "music/a.mp3"}


@pytest.mark.parametrize("output", ["music", "music/out", "."])
def test_what_was_written_is_not_read_again_whatever_its_name(music, output):
    before = found("music", output=output)
    for folder in before.values():
        for stem in ("vocals", "from earlier settings"):
            write_stem(Path(folder) / f"{stem}.flac", mark="abc")
    assert found("music", output=output) == before
    assert found("music/**/*.flac", output=output).keys() == {"music/B/c.flac"}


def write_stem(path: Path, mark: str) -> None:
    with block_writer(path, Sound(8000, 1, "PCM_16", mark=mark)) as append:
        append(torch.zeros(1, 100))


@pytest.mark.parametrize("pattern", ["music", "music/**/*.wav"])
def test_a_recording_that_a_stem_would_replace_is_told_even_if_it_was_only_found(music, pattern):
    (music / "song.wav").write_bytes(b"x")
    (music / "song").mkdir()
    (music / "song" / "vocals.wav").write_bytes(b"a take of the user's own")
    with pytest.raises(InputError, match=r"music/song/vocals\.wav would be replaced by a stem"):
        find_songs([pattern], "music", STEMS)


def test_links_are_followed_once_and_loops_end(music):
    (music / "B" / "loop").symlink_to(music)
    (music / "self").symlink_to(music / "self")
    (music / "linked").symlink_to(music / "B" / "deep")
    (music / "again.mp3").symlink_to(music / "a.mp3")
    songs = found("music")
    assert "music/again.mp3" in songs
    assert len([source for source in songs if source.endswith("e.stem.mp4")]) == 1


def test_a_stem_that_would_replace_its_input_is_told(music):
    (music / "vocals").mkdir()
    (music / "vocals" / "vocals.wav").write_bytes(b"x")
    with pytest.raises(InputError, match=r"vocals\.wav would be replaced by a stem: choose another"):
        find_songs(["music/vocals/vocals.wav"], "music", STEMS)


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [("nothing", "no audio file in the folder nothing"), ("music/*.ogg", r"no file matches music/\*")],
)
def test_a_folder_or_pattern_without_music_is_told(music, inputs, reason):
    Path("nothing").mkdir()
    with pytest.raises(InputError, match=reason):
        find_songs([inputs], "out", STEMS)


def test_a_song_is_done_when_all_its_stems_are_there_and_bear_its_mark(tmp_path):
    song = Song(tmp_path / "a.wav", tmp_path / "a")
    files = [tmp_path / f"{name}.flac" for name in STEMS]
    assert not song.done(files, "abc")
    for path in files:
        write_stem(path, mark="abc")
    assert song.done(files, "abc")
    assert not song.done(files, "other")
    files[1].unlink()
    assert not song.done(files, "abc")


def test_what_somebody_else_wrote_is_not_in_the_way_without_a_word(tmp_path):
    song = Song(tmp_path / "a.wav", tmp_path / "a")
    ours, others = tmp_path / "vocals.flac", tmp_path / "rest.flac"
    write_stem(ours, mark="abc")
    song.check_room([ours, others], "abc")
    write_stem(others, mark="")
    with pytest.raises(InputError, match=r"rest\.flac is there and was not written by this program"):
        song.check_room([ours, others], "abc")


def test_nothing_is_told(tmp_path):
    with pytest.raises(InputError, match="there is nothing to separate"):
        find_songs([], tmp_path, STEMS)
    assert [song.source for song in find_songs(tmp_path / "a.wav", tmp_path, STEMS)] == [tmp_path / "a.wav"]


@pytest.mark.parametrize(
    ("names", "folders"),
    [
        (["song.mp4", "song.stem.mp4"], ["song.mp4", "song.stem.mp4"]),
        (["b.wav", "b.mp3", "b (wav).flac"], ["b.wav", "b (mp3)", "b (wav) (flac)"]),
        (["...wav", "..wav", "....wav"], ["__", "_", "___"]),
        (["con.wav", "Lpt1.x.mp3", "console.wav"], ["con_", "Lpt1_.x", "console"]),
        (["end. .wav", "R.E.M.wav"], ["end__", "R.E.M"]),
        ([".stem.mp4"], [".stem"]),
    ],
)
def test_each_song_has_a_folder_of_its_own_that_every_system_can_have(tmp_path, names, folders):
    songs = song_folders([tmp_path / name for name in names], tmp_path, Path("out"))
    assert [folder.as_posix() for folder in songs] == [f"out/{folder}" for folder in folders]


PARTS = st.sampled_from(
    ["a", "A", ".", "stem", " ", "(wav)", "\u00e9", "e\u0301", "con", "wav", "mp3", ".wav", ".mp3", ".stem.mp4"]
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.lists(PARTS, min_size=1, max_size=4).map("".join), min_size=1, max_size=6, unique=True))
def test_no_two_songs_share_a_folder_and_all_are_inside_the_output(names):
    sources = [Path("/music") / name for name in names if name.strip(".")]
    folders = song_folders(sources, Path("/music"), Path("/out"))
    same = {unicodedata.normalize("NFC", os.path.normpath(folder)).casefold().rstrip(". ") for folder in folders}
    assert len(same) == len(sources)
    assert {Path(os.path.normpath(folder)).parent for folder in folders} <= {Path("/out")}


def test_folders_with_dots_in_their_paths_stay_inside_the_output(music):
    assert found("music/B/../a.mp3", "music/B/c.flac") == {"music/B/../a.mp3": "out/a", "music/B/c.flac": "out/B/c"}


def test_brackets_in_a_pattern_are_read_as_a_name_too(music):
    for name in ("Album [2019]/a.wav", "Album [2019]/b1.wav", "Album 9/b2.wav"):
        (music / name).parent.mkdir(exist_ok=True)
        (music / name).write_bytes(b"x")
    album = {"music/Album [2019]/a.wav": "out/a", "music/Album [2019]/b1.wav": "out/b1"}
    assert found("music/Album [2019]/*.wav") == album
    assert found("music/Album [2019]/b[12].wav") == {"music/Album [2019]/b1.wav": "out/b1"}
    assert found("*/Album [2019]/a.wav").keys() == {"music/Album [2019]/a.wav"}
    assert found("music/Album [0-9]/*.wav").keys() == {"music/Album 9/b2.wav"}


def test_stems_of_another_song_are_not_replaced_nor_joined(tmp_path):
    mark = StemMark("file", "settings", "place")
    song = Song(tmp_path / "a.wav", tmp_path)
    stem = tmp_path / "vocals.flac"
    for known in (mark, StemMark("edited", "settings", "place"), StemMark("file", "others", "moved")):
        write_stem(stem, mark=str(known))
        song.check_room([stem], str(mark))
    for known, whose in ((StemMark("x", "settings", "y"), "another song"), (StemMark("abc"), "does not name")):
        write_stem(stem, mark=str(known))
        for files in ([stem], [tmp_path / "drums.flac"]):
            with pytest.raises(InputError, match=rf"vocals\.flac is a stem of .*{whose}.*overwrite=true"):
                song.check_room(files, str(mark))


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "m4a"])
def test_long_tags_of_the_source_leave_room_for_the_mark(tmp_path, suffix):
    """FFmpeg reads the tags back; libsndfile drops all tags of a wav if they are too long."""
    tags = dict.fromkeys(TAGS, "é" * 60_000) | {"title": "kept"}
    subtype = {"ogg": "VORBIS", "mp3": "MP3", "m4a": "AAC"}.get(suffix, "PCM_16")
    path = tmp_path / f"vocals.{suffix}"
    with block_writer(path, Sound(8000, 1, subtype, tags=tags, mark="abc")) as append:
        append(torch.zeros(1, 100))
    assert read_marks(path) == {"abc"}
    assert read_tags(path)["title"] == "kept"
    assert set(read_tags(path)["comment"]) == {"é"}
