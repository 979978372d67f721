from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from augments import VARIED, augment
from torch import Tensor
from torch.utils.data import DataLoader

from bsroformer.data.augment import Augment, Gain, Mixup, Stretch
from bsroformer.data.excerpts import EpochSampler, ExcerptKey, RandomExcerpts, padded
from bsroformer.data.layouts import SongFormat
from bsroformer.data.levels import Levels, block_levels
from bsroformer.data.sources import FolderSource, find_splits
from bsroformer.errors import InputError

STEMS = ("vocals", "drums", "bass")
RATE = 44_100
AS_IT_IS = augment()
VARIED_MIX = augment(unmixed=0.3, effects=VARIED)


@dataclass
class CountingSong:
    """A song whose two channels tell which song and stem a sample is of, and its place in the song."""

    number: int
    frames: int
    stems: tuple[str, ...] = STEMS
    name: str = "counting"
    levels: None = None

    def stem(self, stem: str, start: int, frames: int) -> Tensor:
        places = torch.arange(start, min(start + frames, self.frames))
        return torch.stack([torch.full_like(places, 10 * self.number + STEMS.index(stem)), places]).float()

    def all_stems(self, start: int, frames: int) -> Tensor:
        return torch.stack([self.stem(stem, start, frames) for stem in self.stems])


SONGS = [CountingSong(number, frames=30) for number in (1, 2, 3, 4)]


def random_excerpts(songs, frames, mixing: Augment, seed: int, stems=STEMS) -> RandomExcerpts:
    return RandomExcerpts(songs, SongFormat(stems, RATE, 2), frames, mixing, seed)


def drawn(mixing: Augment, songs: list[CountingSong] = SONGS, frames: int = 10, count: int = 1000) -> Tensor:
    excerpts = random_excerpts(songs, frames, mixing, seed=0)
    return torch.stack([excerpts[ExcerptKey(0, index)] for index in range(count)])


def test_stems_are_in_their_order_and_a_stretch_of_one_song_each():
    stems = drawn(AS_IT_IS)
    assert stems.shape == (1000, 3, 2, 10)
    assert (stems[:, :, 0] % 10 == torch.arange(3)[:, None]).all()
    assert (stems[:, :, 0].diff() == 0).all()
    assert (stems[:, :, 1].diff() == 1).all()


def test_songs_and_places_of_stems_are_drawn_evenly_and_each_on_its_own():
    first = drawn(AS_IT_IS, count=2000)[..., 0]  # (excerpt n c)
    songs, starts = first[..., 0].div(10, rounding_mode="floor"), first[..., 1]
    assert set(starts.flatten().tolist()) == set(range(30 - 10 + 1))
    assert all(abs(count / 6000 - 1 / 4) < 0.03 for count in Counter(songs.flatten().tolist()).values())
    assert all(abs(count / 6000 - 1 / 21) < 0.015 for count in Counter(starts.flatten().tolist()).values())
    for values in (songs, starts):
        assert (values.T.corrcoef() - torch.eye(3)).abs().max() < 0.1


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_unmixed_share_of_excerpts_is_one_place_of_one_song_as_it_is(share):
    stems = drawn(augment(unmixed=share, effects=VARIED | {"gain": Gain(1.0, (2.0, 3.0), "factor")}))
    songs = stems[:, :, 0, 0] - torch.arange(3)
    unmixed = (
        (songs == songs[:, :1]).all(1) & (songs[:, 0] % 10 == 0) & (stems[:, :, 1] == stems[:, :1, 1]).all(-1).all(-1)
    )
    assert unmixed.float().mean().item() == pytest.approx(share, abs=0.05 * (0 < share < 1))


@pytest.mark.parametrize("unmixed", [0.0, 1.0])
def test_a_song_shorter_than_an_excerpt_is_padded_with_silence(unmixed):
    stems = drawn(replace(AS_IT_IS, unmixed=unmixed), [CountingSong(1, frames=6)], frames=10, count=20)
    assert (stems[:, :, 1] == torch.tensor([0.0, 1, 2, 3, 4, 5, 0, 0, 0, 0])).all()


def test_an_excerpt_can_be_a_whole_song():
    assert (drawn(AS_IT_IS, frames=30, count=20)[:, :, 1, 0] == 0).all()


def test_an_excerpt_is_a_function_of_seed_epoch_and_index():
    excerpts = {seed: random_excerpts(SONGS, 10, VARIED_MIX, seed) for seed in (0, 1)}
    keys = [(seed, ExcerptKey(epoch, index)) for seed in (0, 1) for epoch in (0, 1) for index in (0, 1)]
    once = [excerpts[seed][key] for seed, key in keys]
    torch.randn(100)  # other random numbers change nothing
    again = [excerpts[seed][key] for seed, key in reversed(keys)][::-1]
    assert all(torch.equal(*pair) for pair in zip(once, again, strict=True))
    assert len({tuple(stems.flatten().tolist()) for stems in once}) == len(keys)


@pytest.fixture
def tracks(songs_root):
    return find_splits(FolderSource(str(songs_root), "folders", (), (), STEMS, RATE, 2)).train


@pytest.mark.filterwarnings("ignore:This DataLoader will create 8 worker processes")
def test_the_same_batches_come_with_any_number_of_workers_and_change_with_the_epoch(tracks):
    excerpts = random_excerpts(tracks, 500, VARIED_MIX, seed=0)
    epochs = {}
    for workers in (0, 1, 8):
        sampler = EpochSampler(6)
        loader = DataLoader(excerpts, 2, sampler=sampler, num_workers=workers, persistent_workers=workers > 0)
        for epoch in (0, 1):
            sampler.set_epoch(epoch)
            epochs[workers, epoch] = torch.stack(list(loader))
    assert epochs[0, 0].shape == (3, 2, 3, 2, 500)
    for epoch in (0, 1):
        assert torch.equal(epochs[0, epoch], epochs[1, epoch])
        assert torch.equal(epochs[0, epoch], epochs[8, epoch])
    assert not torch.equal(epochs[0, 0], epochs[0, 1])


def test_excerpts_of_files_are_stretches_of_their_stems(tracks):
    whole = torch.stack([track.all_stems() for track in tracks])  # (song n c t)
    for index in range(5):
        stems = random_excerpts(tracks, 500, AS_IT_IS, seed=0)[ExcerptKey(0, index)]
        for place, stem in enumerate(stems):
            song, start = (whole[:, place, 0] == stem[0, 0]).nonzero()[0].tolist()
            assert torch.equal(stem, whole[song, place, :, start : start + 500])


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9])
@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_ranks_share_the_keys_of_an_epoch_without_repeats_and_have_as_many_each(size, ranks):
    samplers = [EpochSampler(size, rank, ranks) for rank in range(ranks)]
    for epoch in (0, 3):
        for sampler in samplers:
            sampler.set_epoch(epoch)
        shares = [list(sampler) for sampler in samplers]
        assert {len(share) for share in shares} == {len(sampler) for sampler in samplers} == {size // ranks}
        keys = [key for share in shares for key in share]
        assert sorted(keys) == [(epoch, index) for index in range(size - size % ranks)]


@pytest.mark.parametrize("ranks", [1, 2])
def test_the_first_keys_of_an_epoch_can_be_left_out(ranks):
    for rank in range(ranks):
        sampler = EpochSampler(9, rank, ranks)
        whole = list(sampler)
        sampler.set_epoch(0, first=2)
        assert list(sampler) == whole[2:]
        sampler.set_epoch(0)
        assert list(sampler) == whole


def test_padding_is_at_the_end():
    assert padded(torch.ones(2, 3), 5).tolist() == [[1, 1, 1, 0, 0]] * 2


# What is heard, and what is silent


@dataclass
class RestingSong:
    """A song of mono noise at one level, each of whose stems rests in some stretches, and whose levels are known."""

    name: str
    audio: dict[str, Tensor]

    @property
    def stems(self) -> tuple[str, ...]:
        return tuple(self.audio)

    @property
    def frames(self) -> int:
        return next(iter(self.audio.values())).shape[-1]

    @property
    def levels(self) -> Levels:
        found = [block_levels(np.ascontiguousarray(stem.T.numpy()), 10) for stem in self.audio.values()]
        return Levels(10, np.stack(found)[:, 0], 2)

    def stem(self, stem: str, start: int, frames: int) -> Tensor:
        return self.audio[stem][:, start : start + frames]

    def all_stems(self, start: int, frames: int) -> Tensor:
        return torch.stack([self.stem(stem, start, frames) for stem in self.stems])


def resting(name: str, heard: dict[str, list[tuple[int, int]]], frames: int = 1000) -> RestingSong:
    audio = {}
    for stem, stretches in heard.items():
        audio[stem] = torch.zeros(2, frames)
        for begin, end in stretches:
            audio[stem][:, begin:end] = 0.1 * torch.randn(2, end - begin)
    return RestingSong(name, audio)


RESTING = {
    "a": {"vocals": [(300, 500)], "drums": [(0, 1000)], "bass": []},
    "b": {"vocals": [], "drums": [(0, 1000)], "bass": [(990, 1000)]},
}


@pytest.fixture
def resting_songs() -> list[RestingSong]:
    return [resting(name, heard) for name, heard in RESTING.items()]


def level_db(stems: Tensor) -> Tensor:
    return 10 * stems.square().mean(dim=(-2, -1)).log10()


def test_stems_are_heard_except_for_the_share_that_is_silent_on_purpose(resting_songs):
    for silent_prob in (0.0, 0.25, 1.0):
        excerpts = random_excerpts(resting_songs, 100, augment(silent_prob=silent_prob), seed=0)
        stems = torch.stack([excerpts[ExcerptKey(0, index)] for index in range(800)])
        heard = level_db(stems) >= -50
        share = 1 - heard.float().mean(0)
        assert share.tolist() == pytest.approx([silent_prob] * 3, abs=0.05 * (0 < silent_prob < 1))


def test_a_stem_that_rests_nowhere_is_digital_silence_where_it_is_to_be_silent(resting_songs):
    excerpts = random_excerpts(resting_songs, 100, augment(silent_prob=1.0), seed=0)
    assert not excerpts[ExcerptKey(0, 0)][1].any()


def test_every_place_in_which_a_stem_is_heard_is_drawn_and_as_often(resting_songs):
    excerpts = random_excerpts(resting_songs, 100, augment(), seed=0)
    active, between, silent = excerpts.places["vocals"]
    starts = [active.at(number) for number in range(len(active))]
    assert len(active) + len(between) + len(silent) == 2 * 901 and len(between) < 50
    assert len(set(starts)) == len(starts)
    assert {song for song, _ in starts} == {0}
    heard = [start for start in range(901) if level_db(resting_songs[0].stem("vocals", start, 100)) >= -50]
    assert set(range(min(heard) + 10, max(heard) - 10)) <= {start for _, start in starts} <= set(heard)
    assert not {silent.at(number) for number in range(len(silent))} & set(starts)


def test_without_a_level_to_reach_stems_come_as_they_are(resting_songs):
    excerpts = random_excerpts(resting_songs, 100, augment(active_db=None), seed=0)
    stems = torch.stack([excerpts[ExcerptKey(0, index)] for index in range(400)])
    assert (level_db(stems) < -50).float().mean(0)[0] > 0.5


def test_a_stem_that_is_never_heard_is_drawn_silent(resting_songs):
    excerpts = random_excerpts(resting_songs[:1], 100, augment(), seed=0)
    assert all(not excerpts[ExcerptKey(0, index)][2].any() for index in range(20))


@pytest.mark.parametrize("unmixed", [0.0, 1.0])
def test_excerpts_too_short_to_tell_by_blocks_are_drawn_where_something_sounds(unmixed):
    songs = [resting("a", {stem: [(495, 520)] for stem in STEMS})]
    excerpts = random_excerpts(songs, 15, augment(unmixed=unmixed), seed=0)
    assert len(excerpts.together) < 70
    heard = [excerpts[ExcerptKey(0, index)].any().item() for index in range(100)]
    assert sum(heard) > 50


def test_an_unmixed_excerpt_is_one_in_which_something_is_heard():
    songs = [resting("a", {"vocals": [(500, 600)], "drums": [], "bass": [(550, 650)]})]
    excerpts = random_excerpts(songs, 100, augment(unmixed=1.0), seed=0)
    for index in range(100):
        assert (level_db(excerpts[ExcerptKey(0, index)]) >= -50).any()


def test_clips_of_one_stem_are_mixed_with_songs_and_never_kept_together():
    songs = [CountingSong(1, 30), CountingSong(2, 30, stems=("drums",))]
    mixed = drawn(AS_IT_IS, songs, count=300)[:, :, 0, 0]  # excerpt n
    assert set(mixed[:, 0].tolist()) == {10} and set(mixed[:, 1].tolist()) == {11, 21}
    together = drawn(augment(unmixed=1.0), songs, count=50)[:, :, 0, 0]
    assert (together == torch.tensor([10.0, 11, 12])).all()


def test_longer_songs_are_drawn_more_often():
    mixed = drawn(AS_IT_IS, [CountingSong(1, 19), CountingSong(2, 39)], frames=10, count=2000)[:, 0, 0, 0]
    assert (mixed == 20).float().mean().item() == pytest.approx(30 / 40, abs=0.03)


def test_what_no_song_has_is_told():
    with pytest.raises(InputError, match=r"no song to train on has bass: add some"):
        random_excerpts([CountingSong(1, 30, stems=("vocals", "drums"))], 10, AS_IT_IS, 0)
    clips = [CountingSong(1, 30, stems=(stem,)) for stem in STEMS]
    with pytest.raises(InputError, match=r"no song to train on has all of them: set augment\.unmixed=0"):
        random_excerpts(clips, 10, augment(unmixed=0.1), 0)
    assert random_excerpts(clips, 10, AS_IT_IS, 0)[ExcerptKey(0, 0)].shape == (3, 2, 10)


def test_mixup_adds_other_songs_to_a_stem():
    once = drawn(AS_IT_IS, count=300)[:, :, 0, 0]
    several = drawn(augment(mixup=Mixup(1.0, 3, (0.5, 0.5))), count=300)[:, :, 0, 0]
    first = several - 0.5 * torch.arange(3)  # one other song at least, of one of ten numbers
    assert set(once[:, 0].tolist()) == {10, 20, 30, 40}
    assert first.min() >= 10 + 5 and several[:, 0].max() > 40 + 20
    assert len(set(several[:, 0].tolist())) > 8


def test_a_faster_tempo_is_read_from_further_before_the_end_and_stays_as_long():
    songs = [resting("a", {stem: [(0, 20_000)] for stem in STEMS}, frames=20_000)]
    excerpts = random_excerpts(songs, 4000, augment(stretch=Stretch(1.0, (0.0, 0.0), (1.5, 1.5))), seed=0)
    for index in range(5):
        stems = excerpts[ExcerptKey(0, index)]
        assert stems.shape == (3, 2, 4000)
        assert (level_db(stems.unflatten(-1, (4, 1000)).movedim(2, 0)) > -40).all()  # none ends in silence
