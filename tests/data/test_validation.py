from dataclasses import dataclass

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from bsroformer.data.validation import ValidationExcerpt, ValidationExcerpts

STEMS = ("a", "b", "c")


@dataclass
class CountingTrack:
    """Track of three stems with its number in one channel, and the sample's, from 1."""

    number: int
    frames: int
    stems: tuple[str, ...] = STEMS

    def all_stems(self, start: int, frames: int) -> Tensor:
        samples = torch.arange(start, min(start + frames, self.frames)) + 1
        return torch.stack([torch.full_like(samples, self.number), samples]).float().expand(3, -1, -1)


def test_a_number_of_excerpts_is_evenly_spaced():
    songs = [CountingTrack(1, frames=80), CountingTrack(2, frames=160)]
    excerpts = ValidationExcerpts(songs, STEMS, frames=10, per_song=4)
    assert len(excerpts) == excerpts.pieces == 8
    found = [excerpts[index] for index in range(8)]
    assert [excerpt.piece for excerpt in found] == list(range(8))
    assert {int(excerpt.frames) for excerpt in found} == {10}
    stems = torch.stack([excerpt.stems for excerpt in found])
    assert stems[:, 0, 0, 0].tolist() == [1] * 4 + [2] * 4
    assert (stems[:, :, 1, 0] - 1).T.tolist() == [[5, 25, 45, 65, 15, 55, 95, 135]] * 3


@pytest.mark.parametrize("per_song", [1, 3])
@pytest.mark.parametrize("frames", [5, 9, 10])
def test_excerpts_of_a_short_track_are_padded(per_song, frames):
    excerpts = ValidationExcerpts([CountingTrack(1, frames=9)], STEMS, frames, per_song)
    for stems, _, of_song, _ in (excerpts[index] for index in range(per_song)):
        assert stems.shape == (3, 2, frames)
        assert of_song == min(9, frames)
        assert (stems[:, :, :of_song] > 0).all()
        assert (stems[:, :, of_song:] == 0).all()


@pytest.mark.parametrize("lengths", [(80, 160), (79, 161, 3)])
def test_all_excerpts_cover_a_track_once(lengths):
    songs = [CountingTrack(number, frames) for number, frames in enumerate(lengths)]
    excerpts = ValidationExcerpts(songs, STEMS, frames=10, per_song="all")
    assert excerpts.pieces == len(songs)
    found = [excerpts[index] for index in range(len(excerpts))]
    assert all(excerpt.stems.shape == (3, 2, 10) for excerpt in found)
    for song in songs:
        parts = [stems[..., :frames] for stems, piece, frames, _ in found if piece == song.number]
        assert torch.equal(torch.cat(parts, dim=-1), song.all_stems(0, song.frames))


def test_excerpts_never_change():
    songs = [CountingTrack(1, frames=35)]
    excerpts = ValidationExcerpts(songs, STEMS, frames=10, per_song="all")
    once, again = ([excerpts[index] for index in order] for order in ((0, 1, 2, 3), (3, 2, 1, 0)))
    for one, other in zip(once, again[::-1], strict=True):
        assert all(torch.equal(*pair) for pair in zip(one, other, strict=True))


def test_a_batch_has_the_fields_of_an_excerpt():
    excerpts = ValidationExcerpts([CountingTrack(1, frames=35)], STEMS, frames=10, per_song="all")
    first, second = DataLoader(excerpts, 3)
    assert isinstance(first, ValidationExcerpt)
    assert first.stems.shape == (3, 3, 2, 10)
    assert (first.piece.tolist(), first.frames.tolist()) == ([0, 0, 0], [10, 10, 10])
    assert second.frames.tolist() == [5]
