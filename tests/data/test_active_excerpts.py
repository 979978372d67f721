from dataclasses import dataclass

import numpy as np
import pytest
import torch
from counting_songs import AS_IT_IS, STEMS, CountingSong, drawn, random_excerpts
from torch import Tensor

from augments import augment
from bsroformer.data.augment import Mixup, Stretch
from bsroformer.data.excerpts import ExcerptKey
from bsroformer.data.levels import Levels, block_levels
from bsroformer.errors import InputError


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
    starts, between, silent = (
        [(run.song, start) for run in places.runs for start in range(run.first, run.first + run.starts)]
        for places in excerpts.places["vocals"]
    )
    assert len(starts) + len(between) + len(silent) == 2 * 901 and len(between) < 50
    assert len(set(starts)) == len(starts)
    assert {song for song, _ in starts} == {0}
    heard = [start for start in range(901) if level_db(resting_songs[0].stem("vocals", start, 100)) >= -50]
    assert set(range(min(heard) + 10, max(heard) - 10)) <= {start for _, start in starts} <= set(heard)
    assert not set(silent) & set(starts)


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
    assert sum(run.starts for run in excerpts.together.runs) < 70
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
    assert (mixed == 20).float().mean().item() == pytest.approx(39 / 58, abs=0.03)


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
