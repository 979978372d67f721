import unicodedata
from pathlib import Path

import pytest
import torch

from bsroformer.audio.encoders import EncodingSpec
from bsroformer.audio.files import block_writer
from bsroformer.errors import InputError
from bsroformer.inference import Song, find_songs

STEMS = ("vocals", "rest")


@pytest.fixture
def music(tmp_path, monkeypatch) -> Path:
    """A folder with music in folders, and other files."""
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


@pytest.mark.parametrize("suffix", ["mp2", "ac3", "eac3", "dts", "tta"])
def test_folders_are_searched_for_less_common_formats(music, suffix):
    (music / f"z.{suffix}").write_bytes(b"x")
    assert found("music")[f"music/z.{suffix}"] == "out/z"


def test_a_pattern_matches_files(music):
    assert found("music/**/*.flac") == {"music/B/c.flac": "out/B/c"}
    assert found("music/*") == {"music/a.mp3": "out/a"}
    assert found(str(music / "?" / "*.wav")) == {f"{music}/B/d é.wav": "out/B/d é"}


def test_a_list_keeps_the_structure_below_the_shared_folder(music):
    assert found("music/a.mp3", "music/B/deep", "music/B/deep/../c.flac") == {
        "music/a.mp3": "out/a",
        "music/B/deep/e.stem.mp4": "out/B/deep/e",
        "music/B/deep/../c.flac": "out/B/c",
    }


def test_a_file_that_is_named_twice_is_taken_once(music):
    assert len(found("music", "music/a.mp3", str(music / "a.mp3"))) == 4


def test_brackets_of_an_existing_name_are_not_a_pattern(music):
    (music / "song [live].mp3").write_bytes(b"x")
    assert found("music/song [live].mp3") == {"music/song [live].mp3": "out/song [live]"}


def test_files_of_one_name_keep_their_suffixes(music):
    (music / "A.WAV").write_bytes(b"x")
    songs = found("music")
    assert (songs["music/a.mp3"], songs["music/A.WAV"]) == ("out/a (mp3)", "out/A (WAV)")


def test_a_missing_file_fails_at_its_turn(music):
    assert found("music/gone.wav", "music/a.mp3").keys() == {"music/gone.wav", "music/a.mp3"}


@pytest.mark.parametrize("output", ["music", "music/out", "."])
def test_stems_of_any_name_are_not_separated_again(music, output):
    before = found("music", output=output)
    for folder in before.values():
        for stem in ("vocals", "from earlier settings"):
            write_stem(Path(folder) / f"{stem}.flac", fingerprint="abc")
    assert found("music", output=output) == before
    assert found("music/**/*.flac", output=output).keys() == {"music/B/c.flac"}


def write_stem(path: Path, fingerprint: str) -> None:
    with block_writer(path, EncodingSpec(8000, 1, "PCM_16", fingerprint=fingerprint)) as append:
        append(torch.zeros(1, 100))


@pytest.mark.parametrize("pattern", ["music", "music/**/*.wav"])
def test_a_stem_may_not_replace_a_detected_recording(music, pattern):
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


def test_a_stem_may_not_replace_its_input(music):
    (music / "vocals").mkdir()
    (music / "vocals" / "vocals.wav").write_bytes(b"x")
    with pytest.raises(InputError, match=r"vocals\.wav would be replaced by a stem; choose another"):
        find_songs(["music/vocals/vocals.wav"], "music", STEMS)


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [("nothing", "no audio file in the folder nothing"), ("music/*.ogg", r"no file matches music/\*")],
)
def test_a_folder_or_pattern_without_music_is_reported(music, inputs, reason):
    Path("nothing").mkdir()
    with pytest.raises(InputError, match=reason):
        find_songs([inputs], "out", STEMS)


def write_song(path: Path) -> Song:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"music")
    return Song(path, path.with_suffix(""))


def test_a_song_is_separated_if_all_stems_have_its_fingerprint(tmp_path):
    song = write_song(tmp_path / "a.wav")
    files = [tmp_path / f"{name}.flac" for name in STEMS]
    fingerprint = song.fingerprint("settings")
    assert not song.is_separated(files, fingerprint)
    for path in files:
        write_stem(path, fingerprint)
    assert song.is_separated(files, fingerprint)
    assert not song.is_separated(files, song.fingerprint("others"))
    files[1].unlink()
    assert not song.is_separated(files, fingerprint)


def test_a_song_that_was_moved_is_still_done(tmp_path):
    song = write_song(tmp_path / "here" / "a.wav")
    write_stem(tmp_path / "vocals.flac", song.fingerprint("settings"))
    moved = Song(song.source.rename(tmp_path / "a.wav"), song.folder)
    assert moved.is_separated([tmp_path / "vocals.flac"], moved.fingerprint("settings"))


def test_a_file_of_another_program_is_reported_as_a_conflict(tmp_path):
    song = write_song(tmp_path / "a.wav")
    fingerprint = song.fingerprint("settings")
    ours, others = tmp_path / "vocals.flac", tmp_path / "rest.flac"
    write_stem(ours, "abc")  # as earlier versions wrote it
    song.check_conflicts([ours, others], fingerprint)
    write_stem(others, "")
    with pytest.raises(InputError, match=r"rest\.flac exists and was not written by this program"):
        song.check_conflicts([ours, others], fingerprint)


def test_stems_of_another_song_of_the_same_name_are_not_replaced(tmp_path):
    first, second = (write_song(tmp_path / album / "01.wav") for album in "AB")
    second.source.write_bytes(b"other music")
    stem = tmp_path / "out" / "vocals.flac"
    stem.parent.mkdir()
    write_stem(stem, first.fingerprint("settings"))
    first.check_conflicts([stem], first.fingerprint("others"))
    with pytest.raises(InputError, match=r"vocals\.flac is a stem of another song of this name; choose another"):
        second.check_conflicts([stem], second.fingerprint("settings"))
    first.source.write_bytes(b"the same song, edited")
    first.check_conflicts([stem], first.fingerprint("settings"))


def test_stems_of_other_settings_in_the_folder_are_listed(tmp_path):
    song = write_song(tmp_path / "a.wav")
    song.folder.mkdir()
    for name, settings in (("vocals", "now"), ("drums", "earlier"), ("bass", "now")):
        write_stem(song.folder / f"{name}.flac", song.fingerprint(settings))
    (song.folder / "notes.txt").write_text("mine")
    found = song.stems_of_other_settings([song.folder / "vocals.flac"], song.fingerprint("now"))
    assert [path.name for path in found] == ["drums.flac"]


@pytest.mark.parametrize(
    "names",
    [
        ["song.mp4", "song.stem.mp4"],
        ["a.wav", "a.stem.wav"],
        ["b.wav", "b.mp3", "b (wav).flac"],
        ["Ü.wav", "U\u0308.mp3", "ü.flac"],
        ["x.wav", "X.wav", "x (wav).wav", "x (wav) (2).wav"],
        ["con.wav", "CON.mp3", "nul.tar.wav"],
    ],
)
def test_every_song_has_its_own_folder_inside_the_output(tmp_path, names):
    for name in names:
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"x")
    songs = find_songs(tmp_path / "in", tmp_path / "out", STEMS)
    assert len(songs) == len(list((tmp_path / "in").iterdir()))
    folders = {unicodedata.normalize("NFC", str(song.folder)).casefold() for song in songs}
    assert len(folders) == len(songs)
    for song in songs:
        assert song.folder.resolve().parent == (tmp_path / "out").resolve()
        assert song.folder.name.split(".")[0].upper() not in ("CON", "NUL")


@pytest.mark.parametrize("name", ["...wav", "..wav"])
def test_a_name_of_dots_stays_inside_the_output(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    (song,) = find_songs(tmp_path / name, tmp_path / "out" / "sub", STEMS)
    assert song.folder.resolve().parent == (tmp_path / "out" / "sub").resolve()


def test_nothing_is_reported(tmp_path):
    with pytest.raises(InputError, match="no songs to separate"):
        find_songs([], tmp_path, STEMS)
    assert [song.source for song in find_songs(tmp_path / "a.wav", tmp_path, STEMS)] == [tmp_path / "a.wav"]


def test_folders_with_dots_in_their_paths_stay_inside_the_output(music):
    assert found("music/B/deep/../c.flac", "music/B/deep/e.stem.mp4") == {
        "music/B/deep/../c.flac": "out/c",
        "music/B/deep/e.stem.mp4": "out/deep/e",
    }


def test_brackets_in_a_pattern_are_read_as_a_name_too(music):
    for name in ("Album [2019]/a.wav", "Album [2019]/b1.wav", "Album 9/b2.wav"):
        (music / name).parent.mkdir(exist_ok=True)
        (music / name).write_bytes(b"x")
    album = {"music/Album [2019]/a.wav": "out/a", "music/Album [2019]/b1.wav": "out/b1"}
    assert found("music/Album [2019]/*.wav") == album
    assert found("music/Album [2019]/b[12].wav") == {"music/Album [2019]/b1.wav": "out/b1"}
    assert found("*/Album [2019]/a.wav").keys() == {"music/Album [2019]/a.wav"}
    assert found("music/Album [0-9]/*.wav").keys() == {"music/Album 9/b2.wav"}


def test_a_stem_may_not_replace_its_input_in_any_case(music):
    (music / "vocals").mkdir()
    (music / "vocals" / "Vocals.wav").write_bytes(b"x")
    with pytest.raises(InputError, match=r"Vocals\.wav would be replaced by a stem"):
        find_songs(["music/vocals/Vocals.wav"], "music", STEMS)
