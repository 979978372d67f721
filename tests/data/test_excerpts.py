from collections import Counter
from dataclasses import replace

import pytest
import torch
from counting_tracks import AS_IT_IS, RATE, STEMS, TRACKS, VARIED_MIX, CountingTrack, drawn, random_excerpts
from torch.utils.data import DataLoader

from bsroformer.data.augment import Gain
from bsroformer.data.excerpts import EpochSampler, ExcerptKey, padded
from bsroformer.data.sources import FolderSource
from support.augments import VARIED, augment
from support.opened import find_splits


def test_stems_are_in_their_order_and_a_stretch_of_one_song_each():
    stems = drawn(AS_IT_IS)
    assert stems.shape == (1000, 3, 2, 10)
    assert (stems[:, :, 0] % 10 == torch.arange(3)[:, None]).all()
    assert (stems[:, :, 0].diff() == 0).all()
    assert (stems[:, :, 1].diff() == 1).all()


def test_tracks_and_starts_are_drawn_evenly_and_independently():
    first = drawn(AS_IT_IS, count=2000)[..., 0]  # (excerpt n c)
    songs, starts = first[..., 0].div(10, rounding_mode="floor"), first[..., 1]
    assert set(starts.flatten().tolist()) == set(range(30 - 10 + 1))
    assert all(abs(count / 6000 - 1 / 4) < 0.03 for count in Counter(songs.flatten().tolist()).values())
    assert all(abs(count / 6000 - 1 / 21) < 0.015 for count in Counter(starts.flatten().tolist()).values())
    for values in (songs, starts):
        assert (values.T.corrcoef() - torch.eye(3)).abs().max() < 0.1


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_unmixed_excerpts_are_one_start_of_one_track(share):
    stems = drawn(augment(unmixed=share, effects=VARIED | {"gain": Gain(1.0, (2.0, 3.0), "factor")}))
    songs = stems[:, :, 0, 0] - torch.arange(3)
    unmixed = (
        (songs == songs[:, :1]).all(1) & (songs[:, 0] % 10 == 0) & (stems[:, :, 1] == stems[:, :1, 1]).all(-1).all(-1)
    )
    assert unmixed.float().mean().item() == pytest.approx(share, abs=0.05 * (0 < share < 1))


def test_stems_of_unmixed_excerpts_may_vary_each_by_itself():
    louder = {"gain": Gain(1.0, (2.0, 3.0), "factor")}
    plain = drawn(augment(unmixed=1.0, effects=louder))
    varied = drawn(augment(unmixed=1.0, effects=louder, vary_unmixed=True))
    gains = varied.sum((-2, -1)) / plain.sum((-2, -1))  # (x n)
    assert 2 <= gains.min() < gains.max() <= 3.001
    torch.testing.assert_close(varied, plain * gains[..., None, None])
    assert not torch.allclose(gains[:, 0], gains[:, 1])


@pytest.mark.parametrize("unmixed", [0.0, 1.0])
def test_a_song_shorter_than_an_excerpt_is_padded_with_silence(unmixed):
    stems = drawn(replace(AS_IT_IS, unmixed=unmixed), [CountingTrack(1, frames=6)], frames=10, count=20)
    assert (stems[:, :, 1] == torch.tensor([0.0, 1, 2, 3, 4, 5, 0, 0, 0, 0])).all()


def test_an_excerpt_can_be_a_whole_song():
    assert (drawn(AS_IT_IS, frames=30, count=20)[:, :, 1, 0] == 0).all()


def test_an_excerpt_is_a_function_of_seed_epoch_and_index():
    excerpts = {seed: random_excerpts(TRACKS, 10, VARIED_MIX, seed) for seed in (0, 1)}
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
def test_any_number_of_workers_gives_the_same_batches(tracks):
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
def test_ranks_share_the_keys_of_an_epoch_equally(size, ranks):
    samplers = [EpochSampler(size, rank, ranks) for rank in range(ranks)]
    for epoch in (0, 3):
        for sampler in samplers:
            sampler.set_epoch(epoch)
        shares = [list(sampler) for sampler in samplers]
        assert {len(share) for share in shares} == {len(sampler) for sampler in samplers} == {size // ranks}
        keys = [key for share in shares for key in share]
        assert sorted(keys) == [(epoch, index) for index in range(size - size % ranks)]


@pytest.mark.parametrize("ranks", [1, 2])
def test_the_first_keys_of_an_epoch_can_be_skipped(ranks):
    for rank in range(ranks):
        sampler = EpochSampler(9, rank, ranks)
        whole = list(sampler)
        sampler.set_epoch(0, first=2)
        assert list(sampler) == whole[2 // ranks :]
        sampler.set_epoch(0)
        assert list(sampler) == whole


@pytest.mark.parametrize("first", range(10))
def test_ranks_have_as_many_keys_each_from_anywhere_in_an_epoch(first):
    of_ranks = [EpochSampler(9, rank, 2).of_epoch(0, first) for rank in (0, 1)]
    assert len(of_ranks[0]) == len(of_ranks[1]) == max(0, 9 - first) // 2
    assert sorted(key.number for keys in of_ranks for key in keys) == list(range(first, 9))[: 2 * len(of_ranks[0])]


def test_padding_is_at_the_end():
    assert padded(torch.ones(2, 3), 5).tolist() == [[1, 1, 1, 0, 0]] * 2


def test_the_weight_of_a_track_decides_how_often_it_is_drawn():
    heavy = CountingTrack(1, frames=30, weight=3.0)
    first = drawn(AS_IT_IS, [heavy, CountingTrack(2, frames=30)], count=2000)[:, :, 0, 0]
    share = (first < 20).float().mean().item()
    assert share == pytest.approx(3 / 4, abs=0.03)
