from dataclasses import dataclass

import numpy as np
import pytest
import torch
from counting_tracks import AS_IT_IS, STEMS, CountingTrack, all_starts, drawn, random_excerpts
from torch import Tensor

from bsroformer.data.augment import Mixup, Stretch
from bsroformer.data.excerpts import ExcerptKey
from bsroformer.data.levels import Levels, block_levels
from bsroformer.errors import InputError
from support.augments import augment


@dataclass
class PartlySilentTrack:
    """A track of noise at one level, with known levels, whose stems are partly silent."""

    name: str
    audio: dict[str, Tensor]
    weight: float = 1.0

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


def partly_silent(name: str, active: dict[str, list[tuple[int, int]]], frames: int = 1000) -> PartlySilentTrack:
    audio = {}
    for stem, stretches in active.items():
        audio[stem] = torch.zeros(2, frames)
        for begin, end in stretches:
            audio[stem][:, begin:end] = 0.1 * torch.randn(2, end - begin)
    return PartlySilentTrack(name, audio)


PARTLY_SILENT = {
    "a": {"vocals": [(300, 500)], "drums": [(0, 1000)], "bass": []},
    "b": {"vocals": [], "drums": [(0, 1000)], "bass": [(990, 1000)]},
}


@pytest.fixture
def partly_silent_tracks() -> list[PartlySilentTrack]:
    return [partly_silent(name, active) for name, active in PARTLY_SILENT.items()]


def level_db(stems: Tensor) -> Tensor:
    return 10 * stems.square().mean(dim=(-2, -1)).log10()


def test_stems_are_active_except_for_the_silent_share(partly_silent_tracks):
    for silent_prob in (0.0, 0.25, 1.0):
        excerpts = random_excerpts(partly_silent_tracks, 100, augment(silent_prob=silent_prob), seed=0)
        stems = torch.stack([excerpts[ExcerptKey(0, index)] for index in range(800)])
        active = level_db(stems) >= -50
        share = 1 - active.float().mean(0)
        assert share.tolist() == pytest.approx([silent_prob] * 3, abs=0.05 * (0 < silent_prob < 1))


def test_a_stem_without_silence_is_replaced_by_digital_silence(partly_silent_tracks):
    excerpts = random_excerpts(partly_silent_tracks, 100, augment(silent_prob=1.0), seed=0)
    assert not excerpts[ExcerptKey(0, 0)][1].any()


def test_every_start_with_an_active_stem_is_drawn_equally_often(partly_silent_tracks):
    excerpts = random_excerpts(partly_silent_tracks, 100, augment(), seed=0)
    starts, between, silent = (all_starts(sampler) for sampler in excerpts.starts["vocals"])
    assert len(starts) + len(between) + len(silent) == 2 * 901 and len(between) < 50
    assert len(set(starts)) == len(starts)
    assert {track for track, _ in starts} == {0}
    active = [start for start in range(901) if level_db(partly_silent_tracks[0].stem("vocals", start, 100)) >= -50]
    assert set(range(min(active) + 10, max(active) - 10)) <= {start for _, start in starts} <= set(active)
    assert not set(silent) & set(starts)


def test_without_a_least_level_stems_may_be_silent(partly_silent_tracks):
    excerpts = random_excerpts(partly_silent_tracks, 100, augment(active_db=None), seed=0)
    stems = torch.stack([excerpts[ExcerptKey(0, index)] for index in range(400)])
    assert (level_db(stems) < -50).float().mean(0)[0] > 0.5


def test_a_stem_that_is_never_active_is_drawn_silent(partly_silent_tracks):
    excerpts = random_excerpts(partly_silent_tracks[:1], 100, augment(), seed=0)
    assert all(not excerpts[ExcerptKey(0, index)][2].any() for index in range(20))


@pytest.mark.parametrize("unmixed", [0.0, 1.0])
def test_excerpts_too_short_for_blocks_are_drawn_near_sound(unmixed):
    tracks = [partly_silent("a", {stem: [(495, 520)] for stem in STEMS})]
    excerpts = random_excerpts(tracks, 15, augment(unmixed=unmixed), seed=0)
    assert len(all_starts(excerpts.together)) < 70
    active = [excerpts[ExcerptKey(0, index)].any().item() for index in range(100)]
    assert sum(active) > 50


def test_an_unmixed_excerpt_has_an_active_stem():
    tracks = [partly_silent("a", {"vocals": [(500, 600)], "drums": [], "bass": [(550, 650)]})]
    excerpts = random_excerpts(tracks, 100, augment(unmixed=1.0), seed=0)
    for index in range(100):
        assert (level_db(excerpts[ExcerptKey(0, index)]) >= -50).any()


def test_clips_are_mixed_with_tracks_and_never_unmixed():
    songs = [CountingTrack(1, 30), CountingTrack(2, 30, stems=("drums",))]
    mixed = drawn(AS_IT_IS, songs, count=300)[:, :, 0, 0]  # excerpt n
    assert set(mixed[:, 0].tolist()) == {10} and set(mixed[:, 1].tolist()) == {11, 21}
    together = drawn(augment(unmixed=1.0), songs, count=50)[:, :, 0, 0]
    assert (together == torch.tensor([10.0, 11, 12])).all()


def test_longer_songs_are_drawn_more_often():
    mixed = drawn(AS_IT_IS, [CountingTrack(1, 19), CountingTrack(2, 39)], frames=10, count=2000)[:, 0, 0, 0]
    assert (mixed == 20).float().mean().item() == pytest.approx(39 / 58, abs=0.03)


def test_a_stem_that_no_track_has_is_refused():
    with pytest.raises(InputError, match=r"no song to train on has bass; add some"):
        random_excerpts([CountingTrack(1, 30, stems=("vocals", "drums"))], 10, AS_IT_IS, 0)
    clips = [CountingTrack(1, 30, stems=(stem,)) for stem in STEMS]
    with pytest.raises(InputError, match=r"no song to train on has all of them; set augment\.unmixed=0"):
        random_excerpts(clips, 10, augment(unmixed=0.1), 0)
    assert random_excerpts(clips, 10, AS_IT_IS, 0)[ExcerptKey(0, 0)].shape == (3, 2, 10)


def test_mixup_adds_other_songs_to_a_stem():
    once = drawn(AS_IT_IS, count=300)[:, :, 0, 0]
    several = drawn(augment(mixup=Mixup(1.0, 3, (0.5, 0.5))), count=300)[:, :, 0, 0]
    first = several - 0.5 * torch.arange(3)  # one other song at least, of one of ten numbers
    assert set(once[:, 0].tolist()) == {10, 20, 30, 40}
    assert first.min() >= 10 + 5 and several[:, 0].max() > 40 + 20
    assert len(set(several[:, 0].tolist())) > 8


def test_a_faster_tempo_reads_more_samples_and_keeps_the_length():
    tracks = [partly_silent("a", {stem: [(0, 20_000)] for stem in STEMS}, frames=20_000)]
    excerpts = random_excerpts(tracks, 4000, augment(stretch=Stretch(1.0, (0.0, 0.0), (1.5, 1.5))), seed=0)
    for index in range(5):
        stems = excerpts[ExcerptKey(0, index)]
        assert stems.shape == (3, 2, 4000)
        assert (level_db(stems.unflatten(-1, (4, 1000)).movedim(2, 0)) > -40).all()  # no silence at the end
