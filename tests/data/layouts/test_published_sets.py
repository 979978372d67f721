"""Small trees after the published layouts of MoisesDB, Slakh2100, MedleyDB and Divide and Remaster."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from bsroformer.data.layouts import find_files
from bsroformer.data.sources import Source
from bsroformer.data.splits import open_tracks
from bsroformer.data.track import Track
from bsroformer.errors import InputError
from support.launched import composed


def write(path: Path, level: int, channels: int = 2, frames: int = 1000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full((frames, channels), level / 32), 44_100, subtype="PCM_16")


def source(config: str, root: Path, *overrides: str) -> Source:
    return composed("train", f"data={config}", f"data.root={root}", *overrides).data.source.build()


def opened(config: str, root: Path, *overrides: str) -> dict[str, Track]:
    made = source(config, root, *overrides)
    splits = open_tracks(made.files(), made.form)
    return {track.name: track for track in (*splits.train, *splits.valid, *splits.test)}


def levels(track: Track) -> dict[str, float]:
    return dict(zip(track.stems, (32 * track.all_stems()[:, 0, 0]).tolist(), strict=True))


@pytest.fixture
def moisesdb(tmp_path) -> Path:
    """Twenty songs with two voices, drums, a guitar and percussion; one has no drums."""
    for number in range(20):
        folder = tmp_path / "moisesdb_v0.1" / f"uuid-{number}"
        stems = {"vocals": ["a", "b"], "drums": ["c"], "bass": ["d"], "guitar": ["e"], "other_keys": ["f"]}
        if number == 3:
            del stems["drums"]
        for stem, files in stems.items():
            for file in files:
                write(folder / stem / f"{file}.wav", 1 + "abcdef".index(file))
        described = [
            {"stemName": stem, "tracks": [{"id": file, "extension": "wav", "trackType": "x"} for file in files]}
            for stem, files in stems.items()
        ]
        metadata = {"song": f"Song {number}", "artist": "Artist", "stems": described}
        (folder / "data.json").write_text(json.dumps(metadata))
    return tmp_path


def test_moisesdb_sums_its_files_into_four_stems(moisesdb):
    tracks = opened("moisesdb", moisesdb)
    assert levels(tracks["Artist - Song 1"]) == {"vocals": 3, "drums": 3, "bass": 4, "other": 11}
    assert levels(tracks["Artist - Song 3"]) == {"vocals": 3, "drums": 0, "bass": 4, "other": 11}
    assert {"train", "valid"} <= {track.split for track in tracks.values()}


def test_moisesdb_can_give_further_stems(moisesdb):
    track = opened("moisesdb", moisesdb, "data.stems=[vocals,drums,bass,guitar,other]")["Artist - Song 1"]
    assert levels(track) == {"vocals": 3, "drums": 3, "bass": 4, "guitar": 5, "other": 6}


def test_stems_of_moisesdb_that_were_not_requested_are_others(moisesdb):
    track = opened("moisesdb", moisesdb, "data.stems=[vocals,other]")["Artist - Song 1"]
    assert levels(track) == {"vocals": 3, "other": 18}


def test_files_of_moisesdb_may_end_before_others(moisesdb):
    write(moisesdb / "moisesdb_v0.1" / "uuid-1" / "guitar" / "e.wav", 5, frames=600)
    track = opened("moisesdb", moisesdb)["Artist - Song 1"]
    assert track.frames == 1000
    other = 32 * track.stem("other")[0]
    assert other[:600].tolist() == [11] * 600 and other[600:].tolist() == [6] * 400
    assert (32 * track.stem("other", 700, 100)).unique().tolist() == [6]


def test_equal_titles_of_moisesdb_get_their_folders_name(moisesdb):
    file = moisesdb / "moisesdb_v0.1" / "uuid-2" / "data.json"
    file.write_text(file.read_text().replace("Song 2", "Song 1"))
    assert {"Artist - Song 1", "Artist - Song 1 (uuid-2)"} < set(opened("moisesdb", moisesdb))


@pytest.mark.parametrize("text", ["", "[]", '{"song": "a"}', '{"song": "a", "artist": "b", "stems": [{}]}'])
def test_damaged_metadata_are_one_sentence(moisesdb, text):
    file = moisesdb / "moisesdb_v0.1" / "uuid-2" / "data.json"
    file.write_text(text)
    with pytest.raises(InputError, match=r"uuid-2/data\.json .*restore it"):
        source("moisesdb", moisesdb).files()


def add_slakh(folder: Path) -> None:
    classes = {"S00": "Guitar", "S01": "Bass", "S02": "Drums", "S03": "Strings (continued)", "S04": "Guitar"}
    stems = {
        name: {"inst_class": inst_class, "is_drum": inst_class == "Drums", "audio_rendered": True}
        for name, inst_class in classes.items()
    }
    stems["S05"] = {"inst_class": "Pipe", "is_drum": False, "audio_rendered": False}
    for number, name in enumerate(classes):
        write(folder / "stems" / f"{name}.flac", number + 1, channels=1)
    write(folder / "mix.flac", 15, channels=1)
    (folder / "metadata.yaml").write_text(yaml.safe_dump({"stems": stems}))


def test_slakh2100_has_its_splits_and_classes(tmp_path):
    for folder in ("train/Track00001", "validation/Track01501", "test/Track01876", "omitted/Track00049"):
        add_slakh(tmp_path / folder)
    tracks = opened("slakh2100", tmp_path, "audio.channels=1")
    splits = {name: track.split for name, track in tracks.items()}
    assert splits == {"Track00001": "train", "Track01501": "valid", "Track01876": "test"}
    assert levels(tracks["Track00001"]) == {"drums": 3, "bass": 2, "guitar": 6, "piano": 0, "other": 4}
    assert (32 * tracks["Track00001"].mixture()[0, 0]).item() == 15


def test_slakh2100_without_folders_has_the_published_splits(tmp_path):
    for number in (1, 1500, 1501, 1875, 1876, 2100):
        add_slakh(tmp_path / f"Track{number:05}")
    splits = [song.split for song in source("slakh2100", tmp_path).files()]
    assert splits == ["train", "train", "valid", "valid", "test", "test"]


def add_medleydb(root: Path, name: str, metadata: Path) -> None:
    instruments = ["male singer", "drum set", "electric bass", "clean electric guitar", "vocalists", "tambourine"]
    stems = {}
    for number, instrument in enumerate(instruments):
        file = f"{name}_STEM_{number + 1:02}.wav"
        write(root / "Audio" / name / f"{name}_STEMS" / file, number + 1)
        stems[f"S{number + 1:02}"] = {"filename": file, "instrument": instrument, "component": ""}
    write(root / "Audio" / name / f"{name}_MIX.wav", 21)
    metadata.mkdir(parents=True, exist_ok=True)
    (metadata / f"{name}_METADATA.yaml").write_text(yaml.safe_dump({"stems": stems, "title": name}))


@pytest.mark.parametrize("place", ["Audio/Artist_Song", "Metadata"])
def test_medleydb_sums_instruments(tmp_path, place):
    add_medleydb(tmp_path, "Artist_Song", tmp_path / place)
    track = opened("medleydb", tmp_path)["Artist_Song"]
    assert levels(track) == {"vocals": 6, "drums": 8, "bass": 3, "other": 4}
    assert (32 * track.mixture()[0, 0]).item() == 21


def test_medleydb_without_metadata_names_where_they_are(tmp_path):
    add_medleydb(tmp_path, "Artist_Song", tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"has no Artist_Song_METADATA\.yaml, nor has .*marl/medleydb"):
        source("medleydb", tmp_path).files()


def test_divide_and_remaster_has_three_stems(tmp_path):
    for split in ("tr", "cv", "tt"):
        for number, stem in enumerate(("speech", "music", "sfx")):
            write(tmp_path / split / "1002" / f"{stem}.wav", number + 1, channels=1)
        write(tmp_path / split / "1002" / "mix.wav", 6, channels=1)
    songs = source("dnr", tmp_path, "audio.channels=1").files()
    assert [song.split for song in songs] == ["train", "valid", "test"]
    track = opened("dnr", tmp_path, "audio.channels=1")["1002"]
    assert levels(track) == {"speech": 1, "music": 2, "sfx": 3}


@pytest.mark.parametrize("config", ["moisesdb", "slakh2100", "medleydb", "dnr"])
def test_another_folder_is_refused_with_what_is_expected(tmp_path, config):
    (tmp_path / "vocals.wav").touch()
    with pytest.raises(InputError, match=rf"data={config} expects .* which holds vocals\.wav; correct data\.root"):
        source(config, tmp_path).files()
    with pytest.raises(InputError, match=r"there is no folder .*gone; set data\.root"):
        source(config, tmp_path / "gone").files()
    with pytest.raises(InputError, match=rf"data={config} needs data\.root"):
        find_files(None, ["vocals"], config)
