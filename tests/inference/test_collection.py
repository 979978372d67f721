from pathlib import Path

import pytest
import torch

from bsroformer.audio.encoders import Sound
from bsroformer.audio.files import block_writer
from bsroformer.errors import InputError
from bsroformer.inference import Song, find_songs

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
    song.check_room([ours, others])
    write_stem(others, mark="")
    with pytest.raises(InputError, match=r"rest\.flac is there and was not written by this program"):
        song.check_room([ours, others])


def test_nothing_is_told(tmp_path):
    with pytest.raises(InputError, match="there is nothing to separate"):
        find_songs([], tmp_path, STEMS)
    assert [song.source for song in find_songs(tmp_path / "a.wav", tmp_path, STEMS)] == [tmp_path / "a.wav"]
