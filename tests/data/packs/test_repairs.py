import shutil

import numpy as np
import pytest
import soundfile
import torch
from packed_sets import FORM, RATE, STEMS, add_song, files, noise, packed

from bsroformer.audio.convert import resample
from bsroformer.audio.files import read
from bsroformer.data.layouts import find_files
from bsroformer.data.packs import estimate_packing, pack_tracks, plan_packs, tracks_of_pack, training_tracks
from bsroformer.data.packs.lookup import find_pack, pack_folder
from bsroformer.data.packs.plan import refuse_full_disk
from bsroformer.errors import InputError


def test_mismatches_are_refused_unless_they_are_repaired(tmp_path):
    root, pack = tmp_path / "set", tmp_path / "pack"
    add_song(root, "train/A", rate=16_000)
    add_song(root, "train/B", channels=1)
    add_song(root, "train/C", stems=("vocals",))
    add_song(root, "train/D")
    soundfile.write(root / "train/D/vocals.wav", noise(5000), RATE)
    plan = plan_packs(files(root), FORM, pack)
    assert not plan.jobs and len(plan.faults) == 4
    for name, message in (("A", "16000 Hz in vocals"), ("B", "1 channel"), ("C", "lacks drums"), ("D", "5000 samples")):
        assert any(f"train/{name} " in fault and message in fault for fault in plan.faults)
    missing = next(fault for fault in plan.faults if "lacks" in fault)
    assert "if they are silent, set data.missing=silent" in missing
    assert all("with bsroformer prepare mend=[" in fault for fault in plan.faults if fault != missing)
    plan = packed(root, pack, mend=["rate", "channels", "length", "missing"])
    assert [job.repairs for job in plan.jobs] == [("rate",), ("channels",), ("missing",), ("length",)]
    a, b, c, d = training_tracks(files(root), FORM, pack).train
    original = read(root / "train/A/vocals.wav")[0]
    torch.testing.assert_close(a.stem("vocals"), resample(original, 16_000, RATE), atol=1e-6, rtol=0)
    assert torch.equal(b.stem("drums"), read(root / "train/B/drums.wav")[0].expand(2, -1))
    assert not c.stem("drums").any() and c.frames == 20_000
    assert torch.equal(d.stem("vocals")[:, :5000], read(root / "train/D/vocals.wav")[0])
    assert d.frames == 20_000 and not d.stem("vocals")[:, 5000:].any()


def test_an_equally_long_stem_of_another_rate_differs_in_rate(tmp_path):
    add_song(tmp_path / "set", "train/A")
    soundfile.write(tmp_path / "set/train/A/vocals.wav", noise(40_001), 2 * RATE)
    plan = packed(tmp_path / "set", tmp_path / "pack", mend=["rate"])
    assert [job.repairs for job in plan.jobs] == [("rate",)] and plan.jobs[0].frames == 20_000


def test_a_missing_stem_that_appears_makes_the_pack_stale(tmp_path):
    add_song(tmp_path / "set", "train/A", stems=("vocals",))
    packed(tmp_path / "set", tmp_path / "pack", mend=["missing"])
    soundfile.write(tmp_path / "set/train/A/drums.wav", noise(20_000), RATE)
    assert find_pack(files(tmp_path / "set")[0], FORM, tmp_path / "pack").stale


def test_int16_halves_the_size_and_rounds_but_never_clips(tmp_path):
    add_song(tmp_path / "set", "train/A", "FLOAT")
    add_song(tmp_path / "set", "train/B", "FLOAT")
    loud = noise(20_000) * 20
    soundfile.write(tmp_path / "set/train/B/vocals.wav", loud, RATE, subtype="FLOAT")
    exact = plan_packs(files(tmp_path / "set"), FORM, tmp_path / "pack")
    plan = packed(tmp_path / "set", tmp_path / "pack", precision="int16")
    assert plan.bytes * 2 == exact.bytes
    a, b = training_tracks(files(tmp_path / "set"), FORM, tmp_path / "pack").train
    assert (a.stem("vocals") - read(tmp_path / "set/train/A/vocals.wav")[0]).abs().max() <= 2**-16
    assert torch.equal(b.stem("vocals").T, torch.from_numpy(loud))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mend": ["pitch"]}, r"mend names pitch; choose from rate"),
        ({"precision": "int8"}, r"precision=int8 must be one of"),
    ],
)
def test_unknown_settings_are_refused(root, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        plan_packs(files(root), FORM, tmp_path / "pack", **options)


def test_a_faulty_track_is_reported_and_the_others_are_packed(root, tmp_path):
    bad = noise(20_000)
    bad[7000] = np.nan
    soundfile.write(root / "train/A/vocals.wav", bad, RATE, subtype="FLOAT")
    plan = plan_packs(files(root), FORM, tmp_path / "pack")
    outcomes = {outcome.name: outcome.error for outcome in pack_tracks(plan, 1)}
    assert "vocals.wav holds NaN or infinite values, the first at sample 7000" in outcomes["A"]
    assert outcomes["B"] is None and outcomes["V"] is None
    assert not pack_folder(tmp_path / "pack", "train", "A").exists()


def test_damage_in_the_middle_of_a_file_is_a_remark_on_the_song(root, tmp_path):
    (root / "train/A/vocals.wav").unlink()
    soundfile.write(root / "train/A/vocals.flac", noise(20_000), RATE)
    content = bytearray((root / "train/A/vocals.flac").read_bytes())
    content[len(content) // 2] ^= 1
    (root / "train/A/vocals.flac").write_bytes(content)
    plan = plan_packs(files(root), FORM, tmp_path / "pack")
    outcomes = {outcome.name: outcome for outcome in pack_tracks(plan, 1)}
    assert outcomes["A"].error is None and outcomes["B"].remarks == ()
    [remark] = outcomes["A"].remarks
    assert "vocals.flac is " in remark and "damaged" in remark


def test_a_full_disk_is_refused_before_anything_is_written(root, tmp_path, monkeypatch):
    plan = plan_packs(files(root), FORM, tmp_path / "pack")
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(InputError, match=r"takes 0\.0 GB, and .* has 0\.0 GB free; set data\.pack"):
        refuse_full_disk(plan)


@pytest.mark.parametrize("name", ["a/b.wav", ".hidden", "100%", "..", "a\\b", "x" * 300, "naïve é", "a%2Fb"])
def test_any_name_has_its_own_folder_in_the_split(tmp_path, name):
    folder = pack_folder(tmp_path, "train", name)
    assert folder.parent == tmp_path / "train" and not folder.name.startswith(".")
    folder.mkdir(parents=True)
    assert len({pack_folder(tmp_path, "train", each) for each in (name, "a/b", "a%2Fb!", "x" * 299)}) == 4


def test_the_gain_of_packing_is_measured(root, tmp_path):
    songs = training_tracks(files(root), FORM, tmp_path / "pack")
    found = estimate_packing(songs, FORM, 500, tmp_path / "pack")
    assert found.tracks == 3 and found.seconds > 0
    assert found.bytes == 3 * 2 * 20_000 * 2 * 2
    packed(root, tmp_path / "pack")
    assert estimate_packing(training_tracks(files(root), FORM, tmp_path / "pack"), FORM, 500, tmp_path / "pack") is None


def test_clips_are_packed_with_the_stem_they_have(tmp_path):
    for name in ("train/vocals/deep/a.wav", "train/drums/a.wav"):
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True)
        soundfile.write(path, noise(3000), RATE)
    songs = find_files(tmp_path / "set", STEMS, "clips")
    plan = plan_packs(songs, FORM, tmp_path / "pack")
    assert [job.stems for job in plan.jobs] == [("vocals",), ("drums",)]
    list(pack_tracks(plan, 1))
    found = training_tracks(songs, FORM, tmp_path / "pack")
    assert found.packed == 2 and [song.stems for song in found.train] == [("drums",), ("vocals",)]
    assert [song.stems for song in tracks_of_pack(FORM, tmp_path / "pack").train] == [("drums",), ("vocals",)]
