import unicodedata

import pytest

from bsroformer.data.layouts import find_files
from bsroformer.data.layouts.flat import divide
from bsroformer.data.splits import named_valid
from bsroformer.file_names import existing, is_visible
from bsroformer.inference.songs import find_songs

NFC, NFD = (unicodedata.normalize(form, "Beyoncé Ünder") for form in ("NFC", "NFD"))


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.mark.parametrize("name", ["@eaDir", "__MACOSX", "._song.wav", ".DS_Store", "#recycle", "$RECYCLE.BIN"])
def test_folders_of_systems_are_ignored(tmp_path, name):
    assert not is_visible(name)
    for place in ("train/A", f"train/{name}", f"train/A/{name}"):
        touch(tmp_path / place / "vocals.wav")
    assert [song.name for song in find_files(tmp_path, ["vocals"])] == ["A"]
    touch(tmp_path / "train" / "A" / "song.wav")
    found = find_songs(tmp_path, tmp_path / "out", ["vocals"])
    assert {song.source.name for song in found} == {"vocals.wav", "song.wav"} and len(found) == 2


@pytest.mark.parametrize(("on_disk", "written"), [(NFC, NFD), (NFD, NFC)])
def test_accents_may_be_written_in_two_ways(tmp_path, on_disk, written):
    for song in (on_disk, "B"):
        touch(tmp_path / "train" / song / "vocals.wav")
    songs = named_valid(find_files(tmp_path, ["vocals"]), [written])
    assert [song.split for song in songs if song.name == NFC] == ["valid"]
    assert existing(tmp_path / "train" / written).samefile(tmp_path / "train" / on_disk)
    table = tmp_path / "songs.csv"
    table.write_text(f"song,stem,path\n{written},vocals,train/{written}/vocals.wav\n", "utf-8")
    (song,) = find_files(table, ["vocals"], "table")
    assert song.name == NFC and song.stems["vocals"].path.is_file()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_of_spreadsheets_are_read(tmp_path, delimiter, encoding):
    rows = [("split", "song", "stem", "path"), ("train", "Ünder, Vol. 1", "vocals", "a b.wav")]
    quoted = [[f'"{value}"' if "," in value else value for value in row] for row in rows]
    (tmp_path / "t.csv").write_text("\r\n".join(map(delimiter.join, quoted)), encoding)
    (song,) = find_files(tmp_path / "t.csv", ["vocals"], "table")
    assert (song.name, song.stems["vocals"].path) == ("Ünder, Vol. 1", tmp_path / "a b.wav")


def test_songs_without_splits_are_divided_by_their_names(tmp_path):
    for number in range(40):
        touch(tmp_path / f"Song {number}" / "vocals.wav")
    before = {song.name: song.split for song in find_files(tmp_path, ["vocals"])}
    assert {"train", "valid", "test"} == set(before.values())
    for number in range(40, 60):
        touch(tmp_path / f"Song {number}" / "vocals.wav")
    after = {song.name: song.split for song in find_files(tmp_path, ["vocals"])}
    assert len(after) == 60 and before.items() <= after.items()


@pytest.mark.parametrize("count", range(2, 8))
def test_few_songs_have_some_to_train_and_to_validate_on(tmp_path, count):
    for number in range(count):
        touch(tmp_path / f"{number}" / "vocals.wav")
    splits = [song.split for song in divide(find_files(tmp_path, ["vocals"]))]
    assert "train" in splits and "valid" in splits
