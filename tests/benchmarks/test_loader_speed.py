import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from benchmarks import Loader
from benchmarks.loader_material import folder_in, make_material
from benchmarks.loader_ways import (
    Excerpt,
    check_agreement,
    from_musdb,
    from_packs,
    from_soundfile,
    open_with_musdb,
)
from benchmarks.measure import on_one_core
from bsroformer.data.augment import Augment, Mixup, Stretch
from bsroformer.data.sources import FolderSource
from bsroformer.errors import InputError
from bsroformer.metrics import sdr
from support.opened import find_splits

AAC_FRAME = 1024
RATE, SECONDS = 44_100, 3
STEMS = ("vocals", "drums", "bass", "other")
needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="musdb reads with ffmpeg")


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> FolderSource:
    """Two songs of dull noise, of which the second validates."""
    root = tmp_path_factory.mktemp("set") / "songs"
    rng = np.random.default_rng(0)
    for song in ("A", "B"):
        (root / "train" / song).mkdir(parents=True)
        for stem in STEMS:
            noise = rng.normal(0, 1, (SECONDS * RATE + 10, 2))
            dull = 0.02 * sum(noise[delay : delay + SECONDS * RATE] for delay in range(10))
            soundfile.write(root / "train" / song / f"{stem}.wav", dull, RATE, subtype="PCM_16")
    return FolderSource(str(root), "folders", ["B"], [], STEMS, RATE, 2)


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch) -> None:
    """Pack and encode in this process, since two songs take less time than its start."""
    monkeypatch.setattr("benchmarks.loader_material.processors", lambda: 1)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def augment() -> Augment:
    mixup, stretch = Mixup(0.0, 2, (1.0, 1.0)), Stretch(0.0, (0.0, 0.0), (1.0, 1.0))
    return Augment(0.5, 0.1, -50.0, mixup, stretch, {})


def loader(source, augment, cache, **changes) -> Loader:
    usual = {"seconds": 0.5, "batch_size": 1, "num_workers": 0, "excerpts": 2, "musdb_excerpts": 0, "repeats": 2}
    return Loader(**{"source": source, "augment": augment, "cache": str(cache), "batches": 3, **usual, **changes})


def test_packs_and_soundfile_give_the_same_samples(source, cache):
    material = make_material(source, cache, with_stem_mp4=False)
    excerpt = Excerpt(1, 12_345, 6_789)
    packs, wav = from_packs(material.packed, excerpt), from_soundfile(material.tracks, excerpt)
    assert packs.shape == (4, 2, 6_789)
    assert packs.is_contiguous() and wav.is_contiguous()
    assert torch.equal(packs, wav)
    assert not material.stem_mp4.exists()


def test_sets_of_one_name_are_cached_apart_from_the_songs(source, cache):
    beside = set(source.location.parent.iterdir())
    material = make_material(source, cache, with_stem_mp4=False)
    assert set(source.location.parent.iterdir()) == beside
    assert folder_in(cache, source.location) == material.pack.parent
    assert folder_in(cache, source.location) != folder_in(
        cache, source.location.parent / "other" / source.location.name
    )


@needs_ffmpeg
def test_musdb_reads_the_same_stem_at_the_same_sample(source, cache):
    material = make_material(source, cache, with_stem_mp4=True)
    tracks = open_with_musdb(material.stem_mp4, [track.name for track in material.tracks])
    excerpt = Excerpt(1, 40_001, 22_050)
    coded = from_musdb(tracks, source.form, excerpt)
    assert (sdr(coded, from_packs(material.packed, excerpt)) > 15).all()
    late = from_packs(material.packed, excerpt._replace(start=40_004))
    assert (sdr(coded, late) < 10).all()


def test_the_encoded_songs_are_a_data_set_of_musdb18s_layout(source, cache):
    material = make_material(source, cache, with_stem_mp4=True)
    coded = FolderSource(str(material.stem_mp4), "stem_mp4", ["B"], [], STEMS, RATE, 2)
    [track] = find_splits(coded).train
    whole = material.tracks[0].all_stems()
    assert 0 <= track.frames - whole.shape[-1] < AAC_FRAME  # the last frame is decoded whole
    length = whole.shape[-1]
    assert (sdr(track.all_stems()[..., :length], whole) > 15).all()
    assert sdr(track.mixture()[..., :length], whole.sum(dim=0)) > 15


def test_existing_material_is_not_built_again(source, cache):
    material = make_material(source, cache, with_stem_mp4=True)
    files = [*material.pack.rglob("stems.npy"), *material.stem_mp4.rglob("*.mp4")]
    assert len(files) == 4
    times = {path: path.stat().st_mtime_ns for path in files}
    make_material(source, cache, with_stem_mp4=True)
    assert {path: path.stat().st_mtime_ns for path in files} == times


@needs_ffmpeg
def test_speeds_and_their_ratios_are_found(source, augment, cache):
    found = loader(source, augment, cache, musdb_excerpts=1).run()
    tree = found.to_dict()
    assert json.loads(json.dumps(tree)) == tree
    for way in ("packs", "soundfile", "musdb"):
        assert tree[way]["ms_per_excerpt"] * tree[way]["excerpts_per_second"] == pytest.approx(1000)
    names = ("ratio_to_soundfile", "ratio_to_musdb", "batches_per_second", "batches_per_second_from_files")
    assert all(0 < tree[name] < float("inf") for name in names)
    assert found.table().row_count == 3 + 2


def test_musdb_can_be_skipped(source, augment, cache):
    tree = loader(source, augment, cache).run().to_dict()
    assert "ratio_to_soundfile" in tree
    assert "musdb" not in tree and "ratio_to_musdb" not in tree


def test_missing_musdb_is_reported_with_the_remedy(source, augment, monkeypatch, cache):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(InputError, match=r"musdb_excerpts=0"):
        loader(source, augment, cache, musdb_excerpts=1).run()


def test_ways_that_read_something_else_are_noticed(source, cache):
    material = make_material(source, cache, with_stem_mp4=False)
    ways = {
        "packs": lambda excerpt: from_packs(material.packed, excerpt),
        "late": lambda excerpt: from_packs(material.packed, excerpt._replace(start=excerpt.start + 20)),
    }
    with pytest.raises(AssertionError, match="late reads something else"):
        check_agreement(ways, Excerpt(0, 0, 5_000))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"excerpts": 0}, "excerpts=0"),
        ({"musdb_excerpts": 3}, "musdb_excerpts=3 must not be above excerpts=2"),
        ({"repeats": 0}, "repeats=0"),
        ({"batches": 0}, "batches=0"),
        ({"seconds": 4}, r"data\.seconds=4 is longer than a song"),
    ],
)
def test_settings_that_measure_nothing_are_refused(source, augment, changes, reason, cache):
    with pytest.raises(InputError, match=reason):
        loader(source, augment, cache, **changes).run()


def test_songs_with_other_stems_are_refused(source, augment, cache):
    with pytest.raises(InputError, match=r"needs songs with the four stems of MUSDB18"):
        loader(replace(source, stems=STEMS[:2]), augment, cache).run()


def test_one_core_means_one_thread_and_the_count_is_restored():
    torch.set_num_threads(2)
    with on_one_core():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
