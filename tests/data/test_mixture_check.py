import numpy as np
import pytest
import soundfile
import torch

from bsroformer.audio.files import read
from bsroformer.data import mixture_check
from bsroformer.data.augment import Augment
from bsroformer.data.datamodule import Batches, StemsDataModule
from bsroformer.data.layouts import TrackFormat, find_files
from bsroformer.data.packs import pack_tracks, plan_packs, training_tracks
from bsroformer.data.sources import FolderSource
from bsroformer.data.track import open_track
from bsroformer.errors import InputError

RATE, FRAMES = 8000, 40_000
FULL = ("vocals", "drums", "bass")


def write_song(folder, files, mixture=True, gain=1.0, bass=1.0):
    """Write noise stems of 16 bits, and the mixture of `FULL` with another bass gain."""
    draw = np.random.default_rng(0)
    folder.mkdir(parents=True)
    stems = {stem: draw.integers(-3000, 3000, (FRAMES, 2), dtype=np.int16) for stem in FULL}
    for stem in files:
        soundfile.write(folder / f"{stem}.wav", stems[stem], RATE)
    if mixture:
        gains = {"vocals": gain, "drums": gain, "bass": gain * bass}
        summed = sum(stem * gains[name] for name, stem in stems.items())
        soundfile.write(folder / "mixture.wav", summed.astype(np.int16), RATE)
    return {stem: torch.from_numpy(audio.T / np.float32(2**15)) for stem, audio in stems.items()}


def data_of(root, stems, pack=None):
    source = FolderSource(str(root), "any", ["B"], None, stems, RATE, 2)
    augment = Augment(1.0, 0.0, None, mixup=None, stretch=None, effects={})
    return StemsDataModule(source, augment, Batches(1.0, 1, 4, 1, 0), 0, pack)


@pytest.mark.parametrize("stems", [["vocals", "drums"], ["drums", "bass"]])
def test_stems_that_leave_much_of_the_mixture_are_refused(tmp_path, stems):
    for name in "AB":
        write_song(tmp_path / "train" / name, FULL)
    with pytest.raises(InputError, match=rf"mixture holds more than .*data\.stems=\[{','.join(stems)},rest\]"):
        data_of(tmp_path, stems).setup("fit")


def test_a_quiet_unnamed_part_is_a_warning_with_the_song(tmp_path):
    for name in "ABCDEFGHI":
        write_song(tmp_path / "train" / name, FULL, bass=0.3 if name == "H" else 0.01)
    with pytest.warns(UserWarning, match=r"H: its mixture holds more than vocals, drums; .* has -1\d\.\d dB") as caught:
        data_of(tmp_path, ["vocals", "drums"]).setup("fit")
    assert "like 1 of 9 compared songs" in str(caught[0].message)
    assert "data.stems=[vocals,drums,rest]" in str(caught[0].message)


def test_a_part_that_one_song_of_many_has_is_refused(tmp_path):
    for name in "ABCDEFGHI":
        write_song(tmp_path / "train" / name, FULL, bass=1 if name == "H" else 0)
    with pytest.raises(InputError, match=r"H: its mixture holds more than vocals, drums"):
        data_of(tmp_path, ["vocals", "drums"]).setup("fit")


def test_comparing_songs_ends_after_its_time(tmp_path, monkeypatch):
    for name in "ABCDEFGHI":
        write_song(tmp_path / "train" / name, FULL)
    compared = []
    monkeypatch.setattr(mixture_check, "COMPARING_S", 0.0)
    monkeypatch.setattr(mixture_check, "unnamed_part_db", lambda files, *_: compared.append(files.name) or -90.0)
    data_of(tmp_path, list(FULL)).setup("fit")
    assert len(compared) == 3


@pytest.mark.parametrize("count", [1, 2, 5, 16, 200])
def test_compared_songs_are_spread_over_the_set(count):
    chosen = mixture_check.spread(range(count), 16)
    assert len(set(chosen)) == len(chosen) == min(16, count)
    if count == 200:
        assert chosen[:4] == [0, 50, 100, 150]


def test_a_single_stem_is_refused(tmp_path):
    for name in "AB":
        write_song(tmp_path / "train" / name, FULL, mixture=False)
    with pytest.raises(InputError, match=r"data\.stems=\[vocals\] is all that would be heard.*\[vocals,rest\]"):
        data_of(tmp_path, ["vocals"]).setup("fit")


@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_stems_that_make_up_the_mixture_are_accepted_at_any_gain(tmp_path, gain):
    for name in "AB":
        write_song(tmp_path / "train" / name, FULL, gain=gain)
    data_of(tmp_path, list(FULL)).setup("fit")


@pytest.mark.parametrize("packed", [False, True])
def test_the_rest_is_the_mixture_minus_the_other_stems(tmp_path, packed):
    root, pack = tmp_path / "set", tmp_path / "pack"
    stems = {name: write_song(root / "train" / name, ["vocals"]) for name in "AB"}["A"]
    form = TrackFormat(["vocals", "rest"], RATE, 2)
    files = find_files(root, form.stems)
    if packed:
        assert not [outcome.error for outcome in pack_tracks(plan_packs(files, form, pack), 1) if outcome.error]
    song = training_tracks(files, form, pack if packed else None).train[0]
    excerpt = song.all_stems(1000, 500)
    assert torch.equal(excerpt[0], stems["vocals"][:, 1000:1500])
    torch.testing.assert_close(excerpt[1], (stems["drums"] + stems["bass"])[:, 1000:1500], atol=1e-6, rtol=0)
    assert torch.equal(song.stem("rest", 1000, 500), excerpt[1])
    data_of(root, ["vocals", "rest"], pack).setup("fit")


def test_a_pack_with_the_rest_of_other_stems_is_stale(tmp_path):
    root, pack = tmp_path / "set", tmp_path / "pack"
    write_song(root / "train" / "A", FULL)
    of_three = TrackFormat(["vocals", "drums", "rest"], RATE, 2)
    list(pack_tracks(plan_packs(find_files(root, of_three.stems), of_three, pack), 1))
    of_two = TrackFormat(["vocals", "rest"], RATE, 2)
    songs = training_tracks(find_files(root, of_two.stems), of_two, pack)
    assert songs.stale == ("A",) and not songs.packed


def test_a_file_named_rest_is_a_stem_like_others(tmp_path):
    write_song(tmp_path / "train" / "A", ["vocals"])
    audio, _ = read(tmp_path / "train/A/vocals.wav")
    soundfile.write(tmp_path / "train/A/rest.wav", audio.numpy().T, RATE)
    form = TrackFormat(["vocals", "rest"], RATE, 2)
    assert torch.equal(open_track(find_files(tmp_path, form.stems)[0], form).stem("rest"), audio)


def test_missing_stems_are_silent_only_if_the_mixture_agrees(tmp_path):
    form = TrackFormat(list(FULL), RATE, 2)
    write_song(tmp_path / "set/train/A", ["vocals"])
    with pytest.raises(InputError, match=r"lacks drums, bass; .* data\.stems=\[vocals,rest\]"):
        open_track(find_files(tmp_path / "set", FULL)[0], form)
    plan = plan_packs(find_files(tmp_path / "set", FULL), form, tmp_path / "pack", mend=["missing"])
    assert not plan.jobs and "its mixture holds more than vocals" in plan.faults[0]
    vocals, _ = soundfile.read(tmp_path / "set/train/A/vocals.wav", dtype="int16")
    soundfile.write(tmp_path / "set/train/A/mixture.wav", vocals, RATE)
    plan = plan_packs(find_files(tmp_path / "set", FULL), form, tmp_path / "pack", mend=["missing"])
    assert [job.repairs for job in plan.jobs] == [("missing",)]
