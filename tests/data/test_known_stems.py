import numpy as np
import pytest
import soundfile
import torch
from counting_tracks import random_excerpts
from torch import Tensor

from bsroformer.data.excerpts import ExcerptKey
from bsroformer.data.known_stems import KnownStems, in_order, summed_unknown
from bsroformer.data.layouts import UNKNOWN, TrackFormat, find_files
from bsroformer.data.packs import pack_tracks, plan_packs, training_tracks
from bsroformer.data.packs.manifest import packed_tracks
from bsroformer.data.splits import open_tracks
from bsroformer.data.track import Track
from bsroformer.data.validation import ValidationExcerpts
from bsroformer.errors import InputError
from bsroformer.evaluation.track_audio import read_track
from support.augments import augment
from support.trainers import module

STEMS = ("vocals", "drums", "bass", "other")
RATE = 44_100
FORM = TrackFormat(STEMS, RATE, 2)
ESTIMATES = torch.randn(2, 4, 2, 30, generator=torch.Generator().manual_seed(0))
TARGETS = torch.randn(2, 4, 2, 30, generator=torch.Generator().manual_seed(1))


def add_song(root, name: str, known: tuple[str, ...] = STEMS, with_mixture: bool = True) -> None:
    """Write a song of 2,000 samples whose stems are multiples of a sixteenth of full scale."""
    folder = root / name
    folder.mkdir(parents=True)
    levels = {stem: (number + 1) / 16 for number, stem in enumerate(STEMS)}
    written = {stem: levels[stem] for stem in known}
    if with_mixture:
        written["mixture"] = sum(levels.values())
    for stem, level in written.items():
        soundfile.write(folder / f"{stem}.wav", np.full((2000, 2), level), RATE, subtype="PCM_16")


@pytest.fixture
def root(tmp_path):
    add_song(tmp_path / "songs", "train/All")
    add_song(tmp_path / "songs", "train/Drums", ("drums",))
    add_song(tmp_path / "songs", "train/Vocals", ("vocals",))
    add_song(tmp_path / "songs", "train/Three", ("vocals", "drums", "bass"))
    add_song(tmp_path / "songs", "valid/V", ("vocals", "bass"))
    return tmp_path / "songs"


def tracks(root, missing: str = "unknown", split: str = "train") -> list[Track]:
    files = [song for song in find_files(root, STEMS, missing=missing) if song.split == split]
    return open_tracks(files, FORM).train + open_tracks(files, FORM).valid


def levels(stems: Tensor) -> list[float]:
    """Sixteenths of full scale in each stem ``(n c t)``."""
    return (16 * stems[:, 0, 0]).tolist()


def test_the_mixture_less_the_known_stems_is_the_unknown(root):
    song = {track.name: track for track in tracks(root)}["Drums"]
    assert song.stems == ("drums", UNKNOWN)
    assert levels(song.all_stems(100, 10)) == [2, 8]


def test_a_single_missing_stem_is_known(root):
    song = {track.name: track for track in tracks(root)}["Three"]
    assert song.stems == STEMS
    assert levels(song.all_stems(100, 10)) == [1, 2, 3, 4]


def test_missing_stems_can_be_silent(root):
    song = {track.name: track for track in tracks(root, "silent")}["Drums"]
    assert song.stems == STEMS
    assert levels(song.all_stems(100, 10)) == [0, 2, 0, 0]


def test_missing_stems_are_refused_unless_allowed(root):
    with pytest.raises(InputError, match=r"Drums has .* lacks vocals, bass, other; .*data\.missing=unknown"):
        tracks(root, "refuse")


def test_another_spelling_is_not_an_unknown_stem(tmp_path):
    add_song(tmp_path, "train/A", ("vocals", "drums", "bass"))
    (tmp_path / "train/A/bass.wav").rename(tmp_path / "train/A/Bass.wav")
    with pytest.raises(InputError, match="Bass instead of bass"):
        tracks(tmp_path)


def test_a_song_without_a_mixture_is_mixed_only(tmp_path):
    add_song(tmp_path, "train/All")
    add_song(tmp_path, "train/Alone", ("vocals",), with_mixture=False)
    alone = {track.name: track for track in tracks(tmp_path)}["Alone"]
    assert alone.stems == ("vocals",)


def test_the_sum_of_unknown_stems_stands_in_place_of_the_first():
    audio = torch.tensor([2.0, 8.0]).view(2, 1, 1).expand(2, 2, 5)
    stems, known = in_order(("drums", UNKNOWN), audio, STEMS)
    assert stems[:, 0, 0].tolist() == [8, 2, 0, 0]
    assert known.tolist() == [False, True, False, False]


@pytest.mark.parametrize("unmixed", [0.0, 1.0])
def test_excerpts_say_which_stems_are_known(root, unmixed):
    excerpts = random_excerpts(tracks(root), 10, augment(unmixed=unmixed), seed=0, stems=STEMS)
    drawn = [excerpts[ExcerptKey(0, number)] for number in range(60)]
    assert {type(excerpt) for excerpt in drawn} == {KnownStems}
    found = {tuple(known.tolist()): levels(stems) for stems, known in drawn}
    assert found == {
        (True, True, True, True): [1, 2, 3, 4],
        (True, False, False, False): [1, 9, 0, 0],
        (False, True, False, False): [8, 2, 0, 0],
    }


def test_stems_of_other_songs_are_mixed_with_the_unknown(tmp_path):
    add_song(tmp_path, "train/Drums", ("drums",))
    add_song(tmp_path, "train/Loud", ("drums",))
    soundfile.write(tmp_path / "train/Loud/drums.wav", np.full((2000, 2), 6 / 16), RATE, subtype="PCM_16")
    excerpts = random_excerpts(tracks(tmp_path), 10, augment(unmixed=0.0), seed=0, stems=STEMS)
    drawn = [excerpts[ExcerptKey(0, number)].stems for number in range(60)]
    assert {tuple(levels(stems)) for stems in drawn} == {(8, 2, 0, 0), (8, 6, 0, 0), (4, 2, 0, 0), (4, 6, 0, 0)}


def test_songs_that_know_all_give_plain_tensors(tmp_path):
    add_song(tmp_path, "train/All")
    excerpts = random_excerpts(tracks(tmp_path), 10, augment(), seed=0, stems=STEMS)
    assert torch.equal(excerpts[ExcerptKey(0, 0)][:, 0, 0], torch.tensor([1, 2, 3, 4]) / 16)


def test_validation_says_which_stems_are_known(root):
    excerpt = ValidationExcerpts(tracks(root, split="valid"), STEMS, 10, 1)[0]
    assert levels(excerpt.stems) == [1, 6, 3, 0]
    assert excerpt.known.tolist() == [True, False, True, False]


def test_evaluation_has_no_target_for_unknown_stems(root):
    (track,) = tracks(root, split="valid")
    audio = read_track(track, STEMS, RATE)
    assert levels(audio.targets) == [1, 0, 3, 0]
    assert levels(audio.mixture[None]) == [10]
    assert levels(read_track(track, ["accompaniment"], RATE).targets) == [9]


def test_packs_hold_the_same_stems(root, tmp_path):
    pack = tmp_path / "pack"
    files = find_files(root, STEMS, missing="unknown")
    list(pack_tracks(plan_packs(files, FORM, pack), workers=1))
    of_files = training_tracks(files, FORM, None)
    of_packs = training_tracks(files, FORM, pack)
    assert of_packs.packed == 5
    for one, other in zip((*of_files.train, *of_files.valid), (*of_packs.train, *of_packs.valid), strict=True):
        assert one.stems == other.stems
        assert torch.equal(one.all_stems(), other.all_stems())
    alone = packed_tracks(pack, "train", FORM)
    assert [track.stems for track in alone] == [track.stems for track in of_packs.train]


@pytest.mark.parametrize(("before", "after"), [("unknown", "silent"), ("silent", "unknown")])
def test_a_pack_of_another_meaning_of_missing_is_not_used(root, tmp_path, before, after):
    pack = tmp_path / "pack"
    for song in ("Drums", "Vocals"):
        (root / "train" / song / "mixture.wav").rename(tmp_path / f"{song}.wav")  # it holds more than silence
        soundfile.write(root / "train" / song / "mixture.wav", np.full((2000, 2), 3 / 16), RATE, subtype="PCM_16")
    files = [song for song in find_files(root, STEMS, missing=before) if song.name in ("Drums", "Vocals")]
    list(pack_tracks(plan_packs(files, FORM, pack, mend=["missing"]), workers=1))
    others = [song for song in find_files(root, STEMS, missing=after) if song.name in ("Drums", "Vocals")]
    assert training_tracks(others, FORM, pack).packed == 0


def test_the_loss_compares_known_stems_and_the_sum_of_the_others():
    known = torch.tensor([[True, True, True, True], [False, True, False, False]])
    targets = TARGETS.clone()
    targets[1, 2:] = 0
    estimates, true, counted = summed_unknown(ESTIMATES, targets, known, range(4))
    assert counted.tolist() == [[True] * 4, [True, True, False, False]]
    assert torch.equal(estimates[0], ESTIMATES[0]) and torch.equal(true[0], targets[0])
    torch.testing.assert_close(estimates[1, 0], ESTIMATES[1, [0, 2, 3]].sum(0))
    torch.testing.assert_close(true[1, 0], targets[1, 0])
    assert torch.equal(estimates[1, 1], ESTIMATES[1, 1])
    assert not estimates[1, 2:].any() and not true[1, 2:].any()


def test_a_model_of_some_stems_learns_no_sum_of_others():
    known = torch.tensor([[True, False, False, True], [False, False, True, True]])
    _, _, counted = summed_unknown(ESTIMATES[:, :2], TARGETS, known, [0, 1])
    assert counted.tolist() == [[True, False], [True, False]]


def test_a_batch_has_the_mean_of_its_parts_losses(tiny_model):
    """So that devices, and accumulated batches, learn what one batch does."""
    stems = torch.randn(4, 2, 2, 500, generator=torch.Generator().manual_seed(0))
    known = torch.tensor([[True, True], [True, False], [False, True], [False, False]])
    separation = module(tiny_model)
    whole, _ = separation.loss_of(KnownStems(stems, known))
    parts = [separation.loss_of(KnownStems(stems[part], known[part]))[0] for part in (slice(0, 2), slice(2, 4))]
    torch.testing.assert_close(whole, torch.stack(parts).mean())


def test_a_file_called_unknown_is_a_usual_file(tmp_path):
    add_song(tmp_path, "train/A")
    (tmp_path / "train/A/mixture.wav").rename(tmp_path / "train/A/unknown.wav")
    (song,) = tracks(tmp_path, "refuse")
    assert song.stems == STEMS


def test_the_mixture_may_be_a_sum_of_files(tmp_path):
    add_song(tmp_path, "train/A", ("vocals", "drums"), with_mixture=False)
    soundfile.write(tmp_path / "train/A/backing.wav", np.full((2000, 2), 9 / 16), RATE, subtype="PCM_16")
    stem_map = {"mixture": ["vocals", "drums", "backing"]}
    (song,) = open_tracks(find_files(tmp_path, STEMS, stem_map=stem_map, missing="unknown"), FORM).train
    assert song.stems == ("vocals", "drums", UNKNOWN)
    assert levels(song.all_stems(0, 10)) == [1, 2, 9]
    assert levels(song.mixture(0, 10)[None]) == [12]
