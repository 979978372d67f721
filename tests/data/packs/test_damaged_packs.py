import json

import numpy as np
import pytest
import torch
from packed_sets import FORM, add_song, files, packed

from bsroformer.data.packs import tracks_of_pack, training_tracks
from bsroformer.data.packs.lookup import pack_folder
from bsroformer.data.packs.packed_track import INDEX, LEVELS, STEMS
from bsroformer.errors import InputError

INDEX_FAULTS = {
    "block": [0, -1, "x", 1e300, None, True, 1.5],
    "frames": [0, "x", 2**60, []],
    "channels": [0, "2"],
    "sample_rate": [-1, "x"],
    "stems": [[], "vocals", ["vocals", "vocals"], [["vocals"]], {}],
    "sources": [[], {"vocals": {}}, {"x": {"path": "", "stream": 0, "size": 1, "modified": 1, "digest": ""}}],
    "mended": ["x", 1],
    "name": [1, None],
}


@pytest.fixture
def pack(tmp_path):
    add_song(tmp_path / "set", "train/A", "FLOAT")
    packed(tmp_path / "set", tmp_path / "pack")
    return tmp_path / "pack"


def assert_read_from_files(tmp_path, pack):
    """Assert that the samples are those of the files, not of the pack."""
    songs = training_tracks(files(tmp_path / "set"), FORM, pack)
    assert (songs.packed, songs.stale) == (0, ("A",))
    whole = training_tracks(files(tmp_path / "set"), FORM, None).train[0].all_stems()
    assert torch.equal(songs.train[0].all_stems(), whole)


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in INDEX_FAULTS.items() for value in values])
def test_an_inconsistent_index_is_not_trusted(tmp_path, pack, key, value):
    path = pack_folder(pack, "train", "A") / INDEX
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    assert_read_from_files(tmp_path, pack)


def header(text):
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (INDEX, b"[" * 50_000),
        (INDEX, b"\xff\xfe"),
        (INDEX, b"{}"),
        (LEVELS, b"PK\x03\x04"),
        (LEVELS, header(b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 9999999999)}")),
        (LEVELS, header(b"(" * 5000)),
        (STEMS, header(b"{'descr': '|O', 'fortran_order': False, 'shape': (2, 20000, 2)}") + bytes(640_000)),
        (STEMS, b""),
    ],
)
def test_files_that_are_not_arrays_are_not_trusted(tmp_path, pack, name, content):
    (pack_folder(pack, "train", "A") / name).write_bytes(content)
    assert_read_from_files(tmp_path, pack)


@pytest.mark.parametrize("kind", ["<c8", "<f8", "<U4", "scalar", "NaN", "negative"])
def test_levels_of_another_kind_are_not_trusted(tmp_path, pack, kind):
    path = pack_folder(pack, "train", "A") / LEVELS
    levels = np.load(path)
    if kind == "scalar":
        levels = np.float32(1)
    elif kind in ("NaN", "negative"):
        levels[0, 0, 3] = np.nan if kind == "NaN" else -1
    else:
        levels = levels.astype(kind)
    np.save(path, levels)
    assert_read_from_files(tmp_path, pack)


@pytest.fixture
def pack_with_nan(pack):
    array = np.load(pack_folder(pack, "train", "A") / STEMS, mmap_mode="r+")
    array[0, 10] = np.nan
    array.flush()
    return pack


def test_files_are_read_where_a_pack_holds_nan(tmp_path, pack_with_nan):
    song = training_tracks(files(tmp_path / "set"), FORM, pack_with_nan).train[0]
    of_files = training_tracks(files(tmp_path / "set"), FORM, None).train[0]
    with pytest.warns(
        UserWarning, match=r"A .*holds NaN or infinity\); the song's files are read .* action=pack"
    ) as caught:
        for _ in range(2):
            assert torch.equal(song.all_stems(0, 100), of_files.all_stems(0, 100))
        assert torch.equal(song.stem("vocals"), of_files.stem("vocals"))
    assert len(caught) == 1


def test_nan_in_a_pack_without_its_files_is_an_error(tmp_path, pack_with_nan):
    song = tracks_of_pack(FORM, pack_with_nan).train[0]
    with pytest.raises(InputError, match=r"A was removed or is damaged \(it holds NaN .*\); remove it and run"):
        song.stem("vocals", 0, 100)


def test_nan_in_a_pack_of_other_files_is_an_error(tmp_path, pack_with_nan):
    song = training_tracks(files(tmp_path / "set"), FORM, pack_with_nan).train[0]
    for path in (tmp_path / "set").rglob("vocals.*"):
        path.unlink()
    with pytest.raises(InputError, match=r"holds NaN or infinity\); .* do not replace it \(There is no file"):
        song.stem("vocals", 0, 100)


@pytest.mark.parametrize("songs", ["x", [1], [{"split": "train", "folder": "../../outside"}], [{"split": "train"}]])
def test_a_list_of_packs_that_leads_elsewhere_is_refused(pack, songs):
    (pack / "pack.json").write_text(json.dumps({"format": 1, "songs": songs}))
    with pytest.raises(InputError, match=r"holds no packed songs|outside of"):
        tracks_of_pack(FORM, pack)
